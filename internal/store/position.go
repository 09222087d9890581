package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Position is how far a source has come, or what a reaction has achieved.
type Position struct {
	// Kind and Name say whose it is.
	Kind, Name string
	// Value is JSON that its owner alone understands, nil if there is none yet.
	Value json.RawMessage
	// Version grows by one with every move. It is 0 for a position that does not
	// exist.
	Version int64
	// MovedAt is when it was moved last.
	MovedAt time.Time
}

// ErrMoved says that somebody else has moved a position since it was read.
var ErrMoved = errors.New("the position was moved by somebody else")

// Position returns a position. One that was never moved has the Version 0.
func (s *Store) Position(ctx context.Context, kind, name string) (Position, error) {
	p := Position{Kind: kind, Name: name}
	var (
		at    int64
		value []byte
	)
	err := s.get(ctx, []any{&p.Version, &at, &value}, `SELECT version, moved_at, value FROM positions WHERE kind = ? AND name = ?`, key(kind), key(name))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Position{}, fmt.Errorf("read the position of %s %s: %w", kind, name, err)
	}
	p.Value, p.MovedAt = valueOf(value), fromMicros(at)
	return p, nil
}

// valueOf is the value of a position as it was given: none is stored as null.
func valueOf(stored []byte) json.RawMessage {
	if string(stored) == "null" {
		return nil
	}
	return stored
}

// Positions lists the positions of a kind by their names.
func (s *Store) Positions(ctx context.Context, kind string) ([]Position, error) {
	var (
		p     = Position{Kind: kind}
		at    int64
		value []byte
	)
	found := []Position{}
	for _, err := range s.each(ctx, []any{&p.Name, &p.Version, &at, &value}, `SELECT name, version, moved_at, value FROM positions WHERE kind = ? ORDER BY name`, key(kind)) {
		if err != nil {
			return nil, fmt.Errorf("list the positions of %s: %w", kind, s.failed(err))
		}
		p.Value, p.MovedAt = valueOf(slices.Clone(value)), fromMicros(at)
		found = append(found, p)
	}
	return found, nil
}

// Advance stores events, as [Store.Accept] does, and moves a position to p.Value, both
// or neither, if the position still has p.Version. It returns a receipt for each
// delivery and the new version. Deliveries that were here before are answered as
// such, and the position moves all the same.
//
// The errors are [ErrMoved], [ErrFull], [ErrUnavailable], [ErrClosed], or that of ctx.
// After ErrUnavailable it may have been done nonetheless; the same request gives
// ErrMoved then.
func (s *Store) Advance(ctx context.Context, p Position, deliveries ...Delivery) (receipts []Receipt, version int64, err error) {
	return s.advance(ctx, p, nil, deliveries)
}

// AdvanceBy is [Store.Advance] for what somebody does, which is written to the audit
// log with it. The action is a word, the detail more about it.
func (s *Store) AdvanceBy(ctx context.Context, by Actor, action, detail string, p Position, deliveries ...Delivery) (receipts []Receipt, version int64, err error) {
	return s.advance(ctx, p, func(t *tx) error { return s.record(t, by, action, p.Kind+" "+p.Name, detail) }, deliveries)
}

// advance moves a position with whatever else note does in the transaction.
func (s *Store) advance(ctx context.Context, p Position, note func(*tx) error, deliveries []Delivery) (receipts []Receipt, version int64, err error) {
	doing := "advance " + p.Kind + " " + p.Name
	if err := checkJSON("the position of "+p.Name, p.Value); err != nil {
		return nil, 0, fmt.Errorf("%s: %w", doing, err)
	}
	batch := make([]*pending, len(deliveries))
	size := int64(len(p.Value))
	for i, d := range deliveries {
		if batch[i], err = s.prepare(d); err != nil {
			return nil, 0, fmt.Errorf("%s: %w", doing, err)
		}
		size += int64(len(batch[i].payload))
	}
	free := 0
	if len(batch) > 0 {
		if free, err = s.reserve(ctx, len(batch)); err != nil {
			return nil, 0, fmt.Errorf("%s: %w", doing, err)
		}
	}
	taken := 0
	err = s.change(ctx, "advance", doing, func(t *tx) error {
		t.bytes = size
		if err := s.movePosition(t, p); err != nil {
			return err
		}
		if note != nil {
			if err := note(t); err != nil {
				return err
			}
		}
		if len(batch) == 0 {
			return nil
		}
		var err error
		if taken, err = s.insertBatch(t, inOrder(slices.Clone(batch)), free); err != nil {
			return err
		}
		for _, d := range batch {
			if d.err != nil {
				return d.err
			}
		}
		return nil
	})
	s.room.settle(free, taken, err == nil)
	if err != nil {
		return nil, 0, err
	}
	for _, d := range batch {
		receipts = append(receipts, d.receipt)
	}
	return receipts, p.Version + 1, nil
}

// movePosition moves a position from its version to the next, which the first of
// those can do who read it.
func (s *Store) movePosition(t *tx, p Position) error {
	kind, name, value := key(p.Kind), key(p.Name), string(p.Value)
	if value == "" {
		value = "null"
	}
	query, args := `UPDATE positions SET version = version + 1, moved_at = ?, value = ? WHERE kind = ? AND name = ? AND version = ?`,
		[]any{s.now(), value, kind, name, p.Version}
	if p.Version == 0 {
		query, args = `INSERT INTO positions (kind, name, version, moved_at, value) VALUES (?, ?, 1, ?, ?) ON CONFLICT DO NOTHING`,
			[]any{kind, name, s.now(), value}
	}
	moved, err := t.exec(query, args...)
	if err == nil && moved == 0 {
		err = ErrMoved
	}
	if err == nil {
		t.ring(TopicPositions)
	}
	return err
}

// Forget removes a position, whatever its version. One that does not exist is fine.
func (s *Store) Forget(ctx context.Context, kind, name string) error {
	return s.change(ctx, "forget", "forget "+kind+" "+name, func(t *tx) error {
		_, err := t.exec(`DELETE FROM positions WHERE kind = ? AND name = ?`, key(kind), key(name))
		t.ring(TopicPositions)
		return err
	})
}
