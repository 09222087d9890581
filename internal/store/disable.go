package store

import (
	"context"
	"fmt"
	"time"
)

// Disabled says that a repository, one of its modules, or one function of that
// is not to be called. It stays until somebody enables it again.
type Disabled struct {
	Repository string
	// Module and Function are empty for all of them.
	Module, Function string
	// Person did it, at At, for Reason. The store sets the first two.
	Person, Reason string
	At             time.Time
}

// Disable records that something is disabled. Doing so again replaces the
// record.
func (s *Store) Disable(ctx context.Context, d Disabled, by Actor) error {
	return s.change(ctx, "disable", "disable "+d.Repository, func(t *tx) error {
		if _, err := t.exec(`INSERT INTO disabled (repository, module, function, person, reason, at) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (repository, module, function) DO UPDATE SET person = excluded.person, reason = excluded.reason, at = excluded.at`,
			key(d.Repository), key(d.Module), key(d.Function), clean(by.Person), clean(d.Reason), s.now()); err != nil {
			return err
		}
		t.ring(TopicRuns)
		return s.record(t, by, "disable", whatOf(d.Repository, d.Module, d.Function), d.Reason)
	})
}

// Enable removes such a record, and returns [ErrNotFound] if there is none of
// exactly these names.
func (s *Store) Enable(ctx context.Context, repository, module, function string, by Actor) error {
	return s.change(ctx, "enable", "enable "+repository, func(t *tx) error {
		n, err := t.exec(`DELETE FROM disabled WHERE repository = ? AND module = ? AND function = ?`, key(repository), key(module), key(function))
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrNotFound
		}
		t.ring(TopicRuns)
		return s.record(t, by, "enable", whatOf(repository, module, function), "")
	})
}

// whatOf names a repository, module or function in the audit log.
func whatOf(repository, module, function string) string {
	what := "repository " + repository
	if module != "" {
		what += ", module " + module
	}
	if function != "" {
		what += ", function " + function
	}
	return what
}

// Disabled lists what is disabled of a repository, or of all if it is empty.
func (s *Store) Disabled(ctx context.Context, repository string) ([]Disabled, error) {
	var (
		d  Disabled
		at int64
	)
	all := []Disabled{}
	for _, err := range s.each(ctx, []any{&d.Repository, &d.Module, &d.Function, &d.Person, &d.Reason, &at},
		`SELECT repository, module, function, person, reason, at FROM disabled WHERE repository = ? OR ? = ''
		ORDER BY repository, module, function`, key(repository), clean(repository)) {
		if err != nil {
			return nil, fmt.Errorf("list what is disabled: %w", s.failed(err))
		}
		d.At = fromMicros(at)
		all = append(all, d)
	}
	return all, nil
}
