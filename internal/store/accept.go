package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/franela/pocketci/events"
)

// Delivery is one arrival of an event from outside, or an event made here.
type Delivery struct {
	// Event has its ID and, unless it was made here, the vendor's id of the
	// delivery in its field Delivery.
	Event events.Event
	// Hook says where it arrived. Ids of deliveries are unique within a hook.
	// It is empty for events made here, which are never taken for copies.
	Hook string
	// Headers are those of its request that are kept for people to read; nil for
	// events that no request brought.
	Headers map[string]string
	// Original is the id of the event that this one replays, or empty.
	Original string
	// By is who had the event made, and nil for what came by itself. It is
	// written to the audit log with a new event.
	By *Actor
	// Hold, if it is not empty, says why the run waits for an approval.
	Hold string
	// Skip, if it is not empty, says why there is nothing to plan: the run is
	// skipped at once.
	Skip string
}

// Receipt is the answer to a delivery.
type Receipt struct {
	// Event is the id of the event that the delivery carries: the first one's
	// if this delivery had been here before.
	Event string
	// Run is the id of the event's run, Number its number, Attempt its present
	// attempt.
	Run     string
	Number  int64
	Attempt int
	Outcome Outcome
}

// Outcome says what became of a delivery.
type Outcome string

// What becomes of a delivery.
const (
	// Accepted is a new event with a run in the queue.
	Accepted Outcome = "accepted"
	// Duplicate is a delivery that was here before. Nothing else happens.
	Duplicate Outcome = "duplicate"
	// Retried is a delivery that was here before and whose run did not
	// succeed. It has another attempt now.
	Retried Outcome = "retried"
	// Withheld is a new event that says the same as another one a moment ago.
	// It is stored, and its run skipped with that reason.
	Withheld Outcome = "withheld"
)

const (
	// batchLimit is how many deliveries share a commit at most.
	batchLimit = 64
	// batchBytes is how much payload they may have together, with the largest
	// payload on top.
	batchBytes = 8 << 20
	// batchPatience is how long a commit waits for more deliveries, if many came
	// lately.
	batchPatience = time.Millisecond
	// batchTimeout limits one commit. It is a little less than the shortest
	// time that forges wait.
	batchTimeout = 7 * time.Second
	// keyLimit is the longest text that is put in an index: PostgreSQL takes
	// entries up to 2,704 bytes.
	keyLimit = 400
)

// pending is a delivery on its way to the disk.
type pending struct {
	delivery Delivery
	// hook, id and repository are as they are stored and compared.
	hook, id, repository string
	fields, payload      []byte
	packed               bool
	// fingerprint is nil for what cannot be a copy of something.
	fingerprint []byte
	// run is the id that its run gets.
	run string

	receipt Receipt
	err     error
	done    chan struct{}
}

// Accept stores an event and its run, and returns once both are on disk.
// Deliveries that arrive at the same time share a commit. The same delivery
// may be accepted any number of times and from any number of agents at once,
// and makes one run.
//
// The errors are [ErrFull], [ErrUnavailable], [ErrClosed], or that of ctx.
// After any but ErrFull the event may be stored nonetheless; a redelivery finds
// it then.
func (s *Store) Accept(ctx context.Context, d Delivery) (_ Receipt, err error) {
	defer s.observe("accept", s.clock.Elapsed(), &err)
	p, err := s.prepare(d)
	if err != nil {
		return Receipt{}, fmt.Errorf("accept event: %w", err)
	}
	select {
	case s.intake <- p:
	case <-ctx.Done():
		return Receipt{}, fmt.Errorf("accept event: %w", context.Cause(ctx))
	case <-s.stopped.Done():
		return Receipt{}, fmt.Errorf("accept event: %w", ErrClosed)
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		return Receipt{}, fmt.Errorf("accept event: %w", context.Cause(ctx))
	case <-s.unread.Done():
		// It may have been the last that was read.
		select {
		case <-p.done:
		default:
			return Receipt{}, fmt.Errorf("accept event: %w", ErrClosed)
		}
	}
	if p.err != nil {
		return Receipt{}, fmt.Errorf("accept event: %w", p.err)
	}
	return p.receipt, nil
}

// prepare does everything that can be done before the transaction.
func (s *Store) prepare(d Delivery) (*pending, error) {
	e := d.Event
	if e.ID == "" || e.ID != key(e.ID) {
		return nil, fmt.Errorf("%q is no id of an event", e.ID)
	}
	if e.ReceivedAt.IsZero() {
		e.ReceivedAt = s.clock.Now().UTC()
	}
	if e.Payload == nil {
		e.Payload = json.RawMessage{} // which is not the NULL of databases
	}
	if e.Depth > events.MaxDepth && d.Skip == "" {
		d.Skip, d.Hold = fmt.Sprintf("it follows from %d events, one after the other, and more than %d are taken for a circle", e.Depth, events.MaxDepth), ""
	}
	p := &pending{delivery: d, hook: key(d.Hook), run: events.NewID(), done: make(chan struct{})}
	p.delivery.Event = e
	if d.Hook != "" {
		p.id = key(e.Delivery)
	}
	if e.Repository != nil {
		p.repository = key(e.Repository.FullName)
	}
	e.Payload = nil
	p.payload, p.packed = pack(p.delivery.Event.Payload)
	var err error
	if p.fields, err = json.Marshal(fields{e, d.Headers}); err != nil {
		return nil, err
	}
	if (e.Name == events.NamePush || e.Name == events.NameTag) && e.FromForge() && d.Hook != "" && d.Original == "" && s.opts.Twins > 0 {
		p.fingerprint = fingerprint(e.Vendor, e.Name, p.repository, e.Ref, e.Before, e.SHA, p.delivery.Event.Payload)
	}
	return p, nil
}

// fingerprint is the same for pushes of the same content alone.
func fingerprint(vendor, name, repository, ref, before, sha string, payload []byte) []byte {
	var text []byte
	for _, part := range []string{vendor, name, repository, ref, before, sha} {
		text = append(binary.AppendUvarint(text, uint64(len(part))), part...)
	}
	sum := sha256.New()
	sum.Write(text)
	sum.Write(payload)
	return sum.Sum(nil)
}

// key makes a text that can be stored and indexed. Different texts stay
// different.
func key(s string) string {
	s = clean(s)
	if len(s) <= keyLimit {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return clean(s[:keyLimit]) + "~" + hex.EncodeToString(sum[:])
}

// writeIntake commits deliveries, as many at a time as have come while the
// last ones were committed.
func (s *Store) writeIntake() {
	fewest := 0
	for {
		select {
		case p := <-s.intake:
			batch := s.gather(p, fewest)
			s.writeBatch(inOrder(batch))
			fewest = (len(batch) + len(s.intake)) * 3 / 4
		case <-s.stopped.Done():
			for {
				select {
				case p := <-s.intake:
					s.writeBatch(inOrder(s.gather(p, 0)))
				default:
					return
				}
			}
		}
	}
}

// gather makes a batch of what has come. A commit costs as much as several
// deliveries do in it: if many came lately, it waits a moment for the fewest
// that are worth one. Three quarters of those that came are: to commit so many
// takes about as long as to read the others and answer them.
func (s *Store) gather(first *pending, fewest int) []*pending {
	batch := []*pending{first}
	var patience <-chan time.Time
	for size := len(first.payload); len(batch) < batchLimit && size < batchBytes; {
		var p *pending
		select {
		case p = <-s.intake:
		default:
			if len(batch) >= fewest {
				return batch
			}
			if patience == nil {
				patience = time.After(batchPatience)
			}
			select {
			case p = <-s.intake:
			case <-patience:
				return batch
			case <-s.stopped.Done():
				return batch
			}
		}
		batch = append(batch, p)
		size += len(p.payload)
	}
	return batch
}

// inOrder sorts a batch by what its transaction locks, so that those of
// several agents do not wait for each other in a circle.
func inOrder(batch []*pending) []*pending {
	slices.SortStableFunc(batch, func(a, b *pending) int {
		return cmp.Or(cmp.Compare(a.hook, b.hook), cmp.Compare(a.id, b.id))
	})
	return batch
}

// writeBatch commits a batch and answers it.
func (s *Store) writeBatch(batch []*pending) {
	err := s.commitBatch(batch)
	if err != nil && len(batch) > 1 && !errors.Is(err, ErrUnavailable) && !errors.Is(err, context.DeadlineExceeded) {
		// One delivery that the database does not take must not take the
		// others with it.
		s.log.Error("a batch of deliveries cannot be stored; trying one by one", "deliveries", len(batch), "error", err)
		for _, p := range batch {
			s.writeBatch([]*pending{p})
		}
		return
	}
	for _, p := range batch {
		if err != nil {
			p.err = err
		}
		close(p.done)
	}
}

func (s *Store) commitBatch(batch []*pending) error {
	ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), lastWords{}, true), batchTimeout)
	defer cancel()
	if err := s.prepareIntake(ctx, len(batch)); err != nil {
		return fmt.Errorf("store events: %w", err)
	}
	free, err := s.reserve(ctx, len(batch))
	if err != nil {
		return fmt.Errorf("store events: %w", err)
	}
	taken, size := 0, int64(0)
	for _, p := range batch {
		size += int64(len(p.payload))
	}
	err = s.change(ctx, "store-events", "store events", func(t *tx) (err error) {
		t.prepared, t.bytes = s.prepared, size
		taken, err = s.insertBatch(t, batch, free)
		return err
	})
	s.room.settle(free, taken, err == nil)
	if err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		return err
	}
	return nil
}
