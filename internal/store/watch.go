package store

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// TopicWork is the topic of [Store.Watch] that wakes when there may be
// something to claim.
const TopicWork = "work"

// TopicEvents is the topic that wakes when there are new events, also those for which
// nothing can be planned.
const TopicEvents = "events"

// TopicPositions is the topic that wakes when a position has moved.
const TopicPositions = "positions"

// TopicRuns is the topic that wakes when there are new runs, when any run or call has
// changed its state, and when something else has changed that an overview shows.
const TopicRuns = "runs"

// TopicRun returns the topic that wakes when the run or one of its calls has
// changed its state.
func TopicRun(id string) string { return topicRun + id }

const topicRun = "run "

// TopicCall returns the topic that wakes when the call has changed its state
// or its log has grown.
func TopicCall(id string) string { return "call " + id }

// channel is the name of the notifications between agents in PostgreSQL.
const channel = "pocketci"

// Watch returns a channel that gets a value after something of the topic has
// happened, in this process or, with PostgreSQL, in any. Several happenings may
// give one value, and a value may come without one. Notifications between
// processes can be lost with a connection, so that who watches looks from time
// to time as well. The function ends the watch.
func (s *Store) Watch(topic string) (<-chan struct{}, func()) { return s.bell.watch(topic) }

// Wake has everybody in this process look for work, after something outside of the
// store has changed about what can be claimed.
func (s *Store) Wake() { s.bell.ring(TopicWork) }

// bell wakes those who watch a topic.
type bell struct {
	mu       sync.Mutex
	watchers map[string]map[chan struct{}]bool
}

func newBell() *bell { return &bell{watchers: map[string]map[chan struct{}]bool{}} }

func (b *bell) watch(topic string) (<-chan struct{}, func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := make(chan struct{}, 1)
	if b.watchers[topic] == nil {
		b.watchers[topic] = map[chan struct{}]bool{}
	}
	b.watchers[topic][c] = true
	return c, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.watchers[topic], c)
		if len(b.watchers[topic]) == 0 {
			delete(b.watchers, topic)
		}
	}
}

func (b *bell) ring(topic string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.watchers[topic] {
		wake(c)
	}
}

// ringAll is for when it is not known what has happened.
func (b *bell) ringAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, watchers := range b.watchers {
		for c := range watchers {
			wake(c)
		}
	}
}

func wake(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default: // it has not looked at the last one yet
	}
}

// announcements are topics that other agents are still to be told of. They are
// told outside of the transactions: PostgreSQL makes all commits that notify
// follow one another, disk and all. A crash before that costs the others the
// time until they look by themselves.
type announcements struct {
	mu     sync.Mutex
	topics map[string]bool
	some   chan struct{}
}

// announce wakes those who watch what a transaction has changed.
func (s *Store) announce(topics []string) {
	for _, topic := range topics {
		s.bell.ring(topic)
	}
	if s.toTell == nil || len(topics) == 0 {
		return
	}
	s.toTell.mu.Lock()
	defer s.toTell.mu.Unlock()
	for _, topic := range topics {
		s.toTell.topics[topic] = true
	}
	wake(s.toTell.some)
}

// tell sends what is announced, as much at a time as there is.
func (s *Store) tell() {
	for {
		select {
		case <-s.toTell.some:
		case <-s.stopped.Done():
			return
		}
		s.toTell.mu.Lock()
		topics := slices.Collect(maps.Keys(s.toTell.topics))
		clear(s.toTell.topics)
		s.toTell.mu.Unlock()
		ctx, cancel := context.WithTimeout(s.stopped, 5*time.Second)
		_, err := s.write.ExecContext(ctx, `SELECT pg_notify($1, topic) FROM unnest($2::text[]) AS topic`, channel, topics)
		cancel()
		if err != nil && s.stopped.Err() == nil {
			s.log.Debug("cannot wake other agents", "error", err)
		}
	}
}

// listen passes on what other agents announce, for as long as the store is
// open.
func (s *Store) listen(config *pgx.ConnConfig) {
	for away := false; s.stopped.Err() == nil; {
		heard, err := s.listenOnce(s.stopped, config)
		if s.stopped.Err() != nil {
			return
		}
		if heard || !away {
			s.log.Warn("do not hear other agents; trying again", "error", err)
		}
		away = true
		select {
		case <-time.After(time.Second):
		case <-s.stopped.Done():
		}
	}
}

// listenOnce listens until the connection is lost. heard says that there was
// one.
func (s *Store) listenOnce(ctx context.Context, config *pgx.ConnConfig) (heard bool, err error) {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return false, err
	}
	defer func() {
		// The connection may be gone already, and ctx ended.
		closing, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = conn.Close(closing)
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return false, err
	}
	// Whatever was announced while nobody listened has been missed.
	s.bell.ringAll()
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return true, err
		}
		s.bell.ring(n.Payload)
	}
}
