package client

// KeepOpen is for tests that cannot wait as long as it does.
var KeepOpen = keepOpen
