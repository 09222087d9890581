package api

import (
	"net/netip"
	"sync"
	"time"
)

const (
	// failureBurst is how many failures an address may have at once, and
	// failureEvery how long one of them counts.
	failureBurst = 10
	failureEvery = 6 * time.Second
	// failureAddresses is how many addresses are remembered.
	failureAddresses = 10_000
)

// limiter counts failures by address and forgets them with time.
type limiter struct {
	now func() time.Time

	mu sync.Mutex
	// clear is when an address has no failure left that counts.
	clear map[string]time.Time
}

func newLimiter(now func() time.Time) *limiter {
	return &limiter{now: now, clear: map[string]time.Time{}}
}

// wait returns how long an address that has failed too often must wait, or 0.
func (l *limiter) wait(address string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear, known := l.clear[Neighbours(address)]
	if !known {
		return 0
	}
	return max(0, clear.Sub(l.now())-(failureBurst-1)*failureEvery)
}

// failed counts a failure.
func (l *limiter) failed(address string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, name := l.now(), Neighbours(address)
	if _, known := l.clear[name]; !known && len(l.clear) >= failureAddresses {
		l.forget(now)
	}
	from := l.clear[name]
	if from.Before(now) {
		from = now
	}
	l.clear[name] = from.Add(failureEvery)
}

// forget makes room: what counts no more goes, and if that is too little, any
// others. A tenth becomes free, so that not every failure goes through all.
func (l *limiter) forget(now time.Time) {
	for name, clear := range l.clear {
		if clear.Before(now) {
			delete(l.clear, name)
		}
	}
	for name := range l.clear {
		if len(l.clear) < failureAddresses*9/10 {
			return
		}
		delete(l.clear, name)
	}
}

// Neighbours is what counts as one client among addresses: of IPv6 the first half, as the rest
// is the client's to choose.
func Neighbours(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if ip = ip.Unmap(); ip.Is4() {
		return ip.String()
	}
	prefix, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return prefix.String()
}
