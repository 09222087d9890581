package web

import (
	"context"
	"sync"
)

// feeds share what is sent to those who follow the same log: whoever is the first to ask
// for what comes behind a line has it made, and the others get the same bytes. Each of them
// has shown that he may see the log before.
type feeds struct {
	mu  sync.Mutex
	all map[feedKey]*feed
}

type feedKey struct {
	call    string
	attempt int
	view    string
}

// keptBatches is how many batches are there for those who are a little behind.
const keptBatches = 8

// feed is a log that is followed. It is there for as long as somebody does.
type feed struct {
	followers int
	batches   map[int64]*batch
	order     []int64
}

// batch is what comes behind a line.
type batch struct {
	made chan struct{} // closed once the rest is set
	// message is what is sent, empty if there was nothing to be sent for a while.
	message []byte
	// next is the number of the line that comes then, and ended says that none will.
	next  int64
	ended bool
	err   error
}

// join is for who begins to follow a log; leave is to be called in the end.
func (f *feeds) join(k feedKey) (leave func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all == nil {
		f.all = map[feedKey]*feed{}
	}
	one := f.all[k]
	if one == nil {
		one = &feed{batches: map[int64]*batch{}}
		f.all[k] = one
	}
	one.followers++
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if one.followers--; one.followers == 0 {
			delete(f.all, k)
		}
	}
}

// next is what comes from a line on, for who has joined. It is made by make if nobody has
// done so. What somebody else failed at is tried again.
func (f *feeds) next(ctx context.Context, k feedKey, first int64, make func(*batch)) (*batch, error) {
	for {
		b, mine := f.take(k, first)
		if mine {
			f.fill(k, first, b, make)
			return b, b.err
		}
		select {
		case <-b.made:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if b.err == nil {
			return b, nil
		}
	}
}

// take is the batch from a line on, and whether it is to be made by the caller.
func (f *feeds) take(k feedKey, first int64) (b *batch, mine bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	one := f.all[k]
	if b := one.batches[first]; b != nil {
		return b, false
	}
	b = &batch{made: make(chan struct{})}
	one.batches[first] = b
	one.order = append(one.order, first)
	if len(one.order) > keptBatches {
		// Whoever waits for it has it already.
		delete(one.batches, one.order[0])
		one.order = one.order[1:]
	}
	return b, true
}

// fill makes a batch. One without a message is forgotten, since there may be one later.
func (f *feeds) fill(k feedKey, first int64, b *batch, make func(*batch)) {
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if one := f.all[k]; b.message == nil && one != nil && one.batches[first] == b {
			delete(one.batches, first)
		}
		close(b.made)
	}()
	b.err = context.Canceled // if it panics
	make(b)
}
