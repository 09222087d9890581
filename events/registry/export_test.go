package registry

// What the fuzz tests read bytes from outside with.
var (
	Next     = next
	ReadTags = readTags
)
