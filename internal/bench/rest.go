package main

func (b *bench) planning() (row, error) { return row{}, nil }
func (b *bench) parallel() (row, error) { return row{}, nil }
func (b *bench) memory() (row, error)   { return row{}, nil }
