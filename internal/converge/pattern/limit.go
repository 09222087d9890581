package pattern

// maxMemory is how much address space a process that renders has. Go reserves some
// hundred megabytes that it does not use.
const maxMemory = 2 << 30
