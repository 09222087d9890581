package schedule

import (
	"hash/fnv"
	"strconv"
	"time"
)

// Jitter is by how much the delivery of one tick is delayed: at least nothing, less
// than most, and always the same for a name and a time, so that all agents agree.
func Jitter(name string, due time.Time, most time.Duration) time.Duration {
	if most <= 0 {
		return 0
	}
	h := fnv.New64a()
	h.Write([]byte(name + " " + strconv.FormatInt(due.Unix(), 10))) // a hash takes everything
	// The low bits of FNV are good enough only when they are mixed once more.
	sum := h.Sum64()
	sum ^= sum >> 29
	return time.Duration(sum % uint64(most))
}
