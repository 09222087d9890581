package server

import (
	"errors"
	"log/slog"
	"sync"
	"time"
)

// outage is the time in which the sink takes no events. Its cause is logged
// once, and not for each delivery that is refused meanwhile.
type outage struct {
	log *slog.Logger

	mu      sync.Mutex
	refused int
	since   time.Time
}

// refuse counts a delivery that was not taken for a reason of the sink's. An
// agent that stops is none.
func (o *outage) refuse(cause error) {
	if errors.Is(cause, ErrStopping) {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.refused++; o.refused == 1 {
		o.since = time.Now()
		o.log.Error("events cannot be stored; deliveries are refused until they can, for the forge to send them again", "cause", cause)
	}
}

// accept notes that the sink takes events.
func (o *outage) accept() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.refused > 0 {
		o.log.Info("events are stored again", "refused", o.refused, "for", time.Since(o.since))
		o.refused = 0
	}
}
