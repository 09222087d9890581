//go:build !unix

package pattern

// limitMemory has no limit to set here; the time of the process is limited.
func limitMemory() error { return nil }
