package web

import (
	"context"
	"slices"
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

// keptBatches is how many batches are there for those who are a little behind, and
// keptBytes how long they are together.
const (
	keptBatches = 8
	keptBytes   = 1 << 20
)

// feed is a log that is followed. It is there for as long as somebody does.
type feed struct {
	followers int
	batches   map[int64]*batch
	// order is where the batches begin that there are, the one that was asked for last
	// at the end.
	order []int64
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
	// size is that of the message, for the feed.
	size int
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
		one.drop(one.order[0])
	}
	return b, true
}

// drop forgets a batch. Whoever waits for it has it already.
func (f *feed) drop(first int64) {
	delete(f.batches, first)
	f.order = slices.DeleteFunc(f.order, func(one int64) bool { return one == first })
}

// trim forgets what is the longest behind while there is too much.
func (f *feed) trim() {
	size := 0
	for _, first := range slices.Backward(slices.Clone(f.order)) {
		if size += f.batches[first].size; size > keptBytes {
			f.drop(first)
		}
	}
}

// fill makes a batch. One without a message is forgotten, since there may be one later.
func (f *feeds) fill(k feedKey, first int64, b *batch, make func(*batch)) {
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		b.size = len(b.message)
		if one := f.all[k]; one != nil && one.batches[first] == b {
			if b.message == nil {
				one.drop(first)
			}
			one.trim()
		}
		close(b.made)
	}()
	b.err = context.Canceled // if it panics
	make(b)
}
