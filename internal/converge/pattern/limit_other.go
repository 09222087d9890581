//go:build !unix || race

package pattern

import (
	"fmt"
	"os"
	"runtime/metrics"
	"time"
)

// watchEvery is how often the memory of the process is looked at.
const watchEvery = 5 * time.Millisecond

// limitMemory ends the process when it uses too much. Either there is no limit for
// address space here, or the race detector needs more of it than is given.
func limitMemory() error {
	used := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	go func() {
		for range time.Tick(watchEvery) {
			if metrics.Read(used); used[0].Value.Uint64() > maxMemory/2 {
				fmt.Fprintln(os.Stderr, "out of memory")
				os.Exit(2)
			}
		}
	}()
	return nil
}
