package agent

import (
	"sync"

	"github.com/franela/pocketci/internal/store"
)

// ends are reported in the order in which they are told, one at a time, by a
// goroutine that is there only while there are some: whoever brings an end about
// must not wait for the report, nor outputs be mixed up.
type ends struct {
	report func(store.End)

	mu      sync.Mutex
	waiting []store.End
	// idle is closed when the goroutine ends, and nil without one.
	idle chan struct{}
}

func (q *ends) add(e store.End) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, e)
	if q.idle == nil {
		q.idle = make(chan struct{})
		go q.work()
	}
}

func (q *ends) work() {
	for {
		q.mu.Lock()
		if len(q.waiting) == 0 {
			close(q.idle)
			q.idle = nil
			q.mu.Unlock()
			return
		}
		e := q.waiting[0]
		q.waiting = q.waiting[1:]
		q.mu.Unlock()
		q.report(e)
	}
}

// wait returns when all that was added before has been reported.
func (q *ends) wait() {
	q.mu.Lock()
	idle := q.idle
	q.mu.Unlock()
	if idle != nil {
		<-idle
	}
}

// Ended reports and counts the end of a run. It is to be the Ended of the
// agent's store ([store.Options]), and keeps nobody waiting.
func (a *Agent) Ended(e store.End) { a.ends.add(e) }

// Reported returns when all ends that the agent was told of are reported.
func (a *Agent) Reported() { a.ends.wait() }
