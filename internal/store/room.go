package store

import (
	"context"
	"sync"
	"time"
)

// room is what is left of the queue, counted from time to time and not for
// each batch: counting takes longer the more there is.
type room struct {
	mu sync.Mutex
	// left is what nobody has reserved, flying what is reserved and not yet
	// used.
	left, flying int
	counted      time.Duration
}

// reserve takes room for up to n deliveries and returns for how many.
func (s *Store) reserve(ctx context.Context, n int) (int, error) {
	r := &s.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := s.clock.Elapsed(); r.left < n || now-r.counted > time.Second {
		waiting := 0
		err := s.get(ctx, []any{&waiting}, `SELECT count(*) FROM (SELECT 1 FROM runs WHERE state = 'queued' AND holder = '' LIMIT ?) AS waiting`, s.opts.Depth)
		if err != nil {
			return 0, err
		}
		r.left, r.counted = max(0, s.opts.Depth-waiting-r.flying), now
		if s.dialect.numbered && r.left > 4*batchLimit {
			r.left /= 4 // other agents take from it as well
		}
	}
	free := min(n, r.left)
	r.left -= free
	r.flying += free
	return free, nil
}

// settle ends a reservation of which so much was used.
func (r *room) settle(reserved, used int, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flying -= reserved
	if r.left += reserved - used; !known {
		r.left = 0 // whether it was committed is not known: count
	}
}
