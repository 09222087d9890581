package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"
)

// insertBatch stores the new events among a batch, of which there is room for
// as many as free says, and answers all of it. It returns how many runs it has
// put into the queue.
func (s *Store) insertBatch(t *tx, batch []*pending, free int) (int, error) {
	for _, p := range batch {
		p.receipt, p.err = Receipt{}, nil
	}
	room, crowd := batch[:free], batch[free:]
	fresh, known, err := insertEvents(t, room)
	if err != nil {
		return 0, err
	}
	for _, p := range crowd {
		// There is no room for it, but there may be no need.
		switch _, err := findEvent(t, p); {
		case errors.Is(err, sql.ErrNoRows):
			p.err = ErrFull
		case err != nil:
			return 0, err
		default:
			known = append(known, p)
		}
	}
	if err := s.findTwins(t, fresh); err != nil {
		return 0, err
	}
	if err := s.insertRuns(t, fresh); err != nil {
		return 0, err
	}
	for _, p := range known {
		if err := s.redeliver(t, p); err != nil {
			return 0, err
		}
	}
	queued := 0
	for _, p := range batch {
		if p.receipt.Outcome == Accepted && p.delivery.Hold == "" && p.delivery.Skip == "" {
			queued++
		}
	}
	if queued > 0 {
		t.ring(TopicWork)
	}
	if len(fresh) > 0 {
		t.ring(TopicEvents)
		t.ring(TopicRuns)
	}
	return queued, nil
}

// insertEvents stores those events that are new and returns them, and the
// others.
func insertEvents(t *tx, batch []*pending) (fresh, known []*pending, err error) {
	if len(batch) == 0 {
		return nil, nil, nil
	}
	args := make([]any, 0, eventColumns*len(batch))
	for _, p := range batch {
		e := &p.delivery.Event
		args = append(args, e.ID, p.hook, p.id, key(e.Vendor), key(e.Name), clean(e.Filter), p.repository, clean(e.Ref),
			micros(e.ReceivedAt), key(p.delivery.Original), key(e.Cause), bit(p.packed), string(p.fields), p.payload)
	}
	stored := make(map[string]bool, len(batch))
	var id string
	for _, err := range t.each([]any{&id}, t.d.insertEvents(len(batch)), args...) {
		if err != nil {
			return nil, nil, err
		}
		stored[id] = true
	}
	for _, p := range batch {
		if stored[p.delivery.Event.ID] {
			fresh = append(fresh, p)
			// An id that comes twice belongs to the first.
			delete(stored, p.delivery.Event.ID)
		} else {
			known = append(known, p)
		}
	}
	return fresh, known, nil
}

// findTwins marks the events that say the same as another one a moment ago.
func (s *Store) findTwins(t *tx, fresh []*pending) error {
	first := map[string]*pending{}
	var pushes []*pending
	for _, p := range fresh {
		if p.fingerprint == nil {
			continue
		}
		if twin := first[string(p.fingerprint)]; twin != nil {
			p.receipt.Outcome = Withheld
			continue
		}
		first[string(p.fingerprint)] = p
		pushes = append(pushes, p)
	}
	if len(pushes) == 0 {
		return nil
	}
	slices.SortFunc(pushes, func(a, b *pending) int { return slices.Compare(a.fingerprint, b.fingerprint) })
	args := make([]any, 0, pushColumns*len(pushes))
	for _, p := range pushes {
		args = append(args, p.fingerprint, p.delivery.Event.ID, micros(p.delivery.Event.ReceivedAt))
	}
	var fingerprint []byte
	unique := map[string]bool{}
	for _, err := range t.each([]any{&fingerprint}, t.d.insertPushes(len(pushes)), args...) {
		if err != nil {
			return err
		}
		unique[string(fingerprint)] = true
	}
	// A clock that was set back must not make a copy of what is much older.
	window := int64(s.opts.Twins / time.Microsecond)
	for _, p := range pushes {
		if unique[string(p.fingerprint)] {
			continue
		}
		at := micros(p.delivery.Event.ReceivedAt)
		renewed, err := t.exec(`UPDATE pushes SET event = ?, received_at = ? WHERE fingerprint = ? AND (received_at < ? OR received_at > ?)`,
			p.delivery.Event.ID, at, p.fingerprint, at-window, at+window)
		if err != nil {
			return err
		}
		if renewed == 0 {
			p.receipt.Outcome = Withheld
		}
	}
	return nil
}

// insertRuns gives each new event its run.
func (s *Store) insertRuns(t *tx, fresh []*pending) error {
	if len(fresh) == 0 {
		return nil
	}
	now := s.now()
	args := make([]any, 0, runInsertColumns*len(fresh))
	for _, p := range fresh {
		e := &p.delivery.Event
		state, reason, ended := StateQueued, "", int64(0)
		switch {
		case p.receipt.Outcome == Withheld:
			var twin string
			if err := t.get([]any{&twin}, `SELECT event FROM pushes WHERE fingerprint = ?`, p.fingerprint); err != nil {
				return err
			}
			state, reason, ended = StateSkipped, "withheld: event "+twin+" is the same push, delivered under another id", now
		case p.delivery.Skip != "":
			state, reason, ended = StateSkipped, clean(p.delivery.Skip), now
		case p.delivery.Hold != "":
			state, reason = StateWaiting, clean(p.delivery.Hold)
		}
		if p.receipt.Outcome == "" {
			p.receipt.Outcome = Accepted
		}
		p.receipt.Event, p.receipt.Run, p.receipt.Attempt = e.ID, p.run, 1
		cause := "event"
		if p.delivery.Original != "" {
			cause = "replay of event " + clean(p.delivery.Original)
		}
		args = append(args, p.run, e.ID, key(e.Vendor), key(e.Name), clean(e.Filter), clean(e.Sender), p.repository, clean(e.Ref), clean(e.SHA),
			e.PullRequest, string(state), reason, 1, cause, now, now, ended)
	}
	var (
		id     string
		number int64
	)
	numbers := make(map[string]int64, len(fresh))
	for _, err := range t.each([]any{&id, &number}, t.d.insertRuns(len(fresh)), args...) {
		if err != nil {
			return err
		}
		numbers[id] = number
	}
	for _, p := range fresh {
		p.receipt.Number = numbers[p.run]
		if err := s.recordDelivery(t, p); err != nil {
			return err
		}
	}
	return nil
}

// recordDelivery writes to the audit log who had a new event made.
func (s *Store) recordDelivery(t *tx, p *pending) error {
	d := &p.delivery
	if d.By == nil {
		return nil
	}
	action, object := "call", "repository "+p.repository
	switch {
	case d.Original != "":
		action, object = "replay", "event "+d.Original
	case d.Event.IsApply():
		action, object = "apply", "module "+d.Event.Filter+" of "+p.repository
	}
	return s.record(t, *d.By, action, object, "event "+d.Event.ID+", run "+p.run)
}

// The queries that store n rows at once, and how many values each row has.
const (
	eventColumns     = 14
	pushColumns      = 3
	runInsertColumns = 17
)

func (d *dialect) insertEvents(n int) string {
	return d.insert + ` INTO events
		(id, hook, delivery, vendor, name, filter, repository, ref, received_at, original, cause, packed, fields, payload)
		VALUES ` + places(n, eventColumns) + ` ON CONFLICT DO NOTHING RETURNING id`
}

func (d *dialect) insertPushes(n int) string {
	return d.insert + ` INTO pushes (fingerprint, event, received_at)
		VALUES ` + places(n, pushColumns) + ` ON CONFLICT DO NOTHING RETURNING fingerprint`
}

func (d *dialect) insertRuns(n int) string {
	return d.insert + ` INTO runs
		(id, event, vendor, name, filter, sender, repository, ref, sha, pull_request, state, reason, attempt, cause, created_at, queued_at, ended_at)
		VALUES ` + places(n, runInsertColumns) + ` RETURNING id, number`
}

// prepareIntake has SQLite read the queries of a batch once and for all, which
// else takes a tenth of the time. PostgreSQL's client does so by itself.
func (s *Store) prepareIntake(ctx context.Context, n int) error {
	if s.dialect.numbered {
		return nil
	}
	if s.ready[n] {
		return nil
	}
	for _, query := range []string{s.dialect.insertEvents(n), s.dialect.insertPushes(n), s.dialect.insertRuns(n)} {
		if s.prepared[query] != nil {
			continue
		}
		statement, err := s.write.PrepareContext(ctx, query)
		if err != nil {
			return s.failed(err)
		}
		s.prepared[query] = statement
	}
	s.ready[n] = true
	return nil
}

// findEvent returns the id of the event that a delivery carried when it was
// here first.
func findEvent(t *tx, p *pending) (event string, err error) {
	if p.id == "" {
		err = t.get([]any{&event}, `SELECT id FROM events WHERE id = ?`, p.delivery.Event.ID)
	} else {
		err = t.get([]any{&event}, `SELECT id FROM events WHERE hook = ? AND delivery = ? AND delivery <> ''`, p.hook, p.id)
	}
	return event, err
}

// redeliver answers a delivery that was here before.
func (s *Store) redeliver(t *tx, p *pending) error {
	event, err := findEvent(t, p)
	if errors.Is(err, sql.ErrNoRows) {
		p.err = fmt.Errorf("another event has the id %s", p.delivery.Event.ID)
		return nil
	}
	if err != nil {
		return err
	}
	r, err := lockRun(t, `event = ?`, event)
	if err != nil {
		return fmt.Errorf("find run of event %s: %w", event, err)
	}
	p.receipt = Receipt{Event: event, Run: r.id, Number: r.number, Attempt: r.attempt, Outcome: Duplicate}
	added := 0
	switch r.state {
	case StateFailed, StateAborted, StateInvalid, StateTimedOut:
		if err := s.restart(t, r, RestartAll, "", "redelivery"); err != nil {
			return err
		}
		added = r.attempt
		p.receipt.Attempt, p.receipt.Outcome = added, Retried
	}
	_, err = t.exec(`INSERT INTO redeliveries (event, received_at, attempt) VALUES (?, ?, ?)`,
		event, micros(p.delivery.Event.ReceivedAt), added)
	return err
}
