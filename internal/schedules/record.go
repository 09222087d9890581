package schedules

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/schedule"
	"github.com/franela/pocketci/internal/store"
)

// RecordKind is that of the positions that hold the schedules of repositories'
// functions, by the repositories' full names.
const RecordKind = "schedules"

// Record is what the functions of a repository have as schedules, as its default
// branch says.
type Record struct {
	// SHA is the commit that says so. It is empty once the branch is gone.
	SHA        string            `json:"sha"`
	Repository events.Repository `json:"repository"`
	Schedules  []Recorded        `json:"schedules"`
}

// Recorded is one schedule of functions.
type Recorded struct {
	Name string `json:"name"`
	// Expression is as [schedule.Parse] reads it, with the time zone.
	Expression string                    `json:"expression"`
	CatchUp    schedule.CatchUp          `json:"catch_up"`
	MaxAge     time.Duration             `json:"max_age,omitzero"`
	Jitter     time.Duration             `json:"jitter,omitzero"`
	Functions  []dispatcher.FunctionName `json:"functions"`
	// Since is when functions came to have it.
	Since time.Time `json:"since"`
}

// Store is what schedules are kept in; it is a [store.Store].
type Store interface {
	Position(ctx context.Context, kind, name string) (store.Position, error)
	Positions(ctx context.Context, kind string) ([]store.Position, error)
	Advance(ctx context.Context, p store.Position, deliveries ...store.Delivery) ([]store.Receipt, int64, error)
	Forget(ctx context.Context, kind, name string) error
	Disabled(ctx context.Context, repository string) ([]store.Disabled, error)
}

// readRecord reads what is stored of a repository. A record that cannot be read is
// that of another version, and the next push writes a new one.
func readRecord(p store.Position) (Record, error) {
	var r Record
	if p.Version == 0 {
		return r, nil
	}
	if err := json.Unmarshal(p.Value, &r); err != nil {
		return Record{}, fmt.Errorf("read the schedules of %s: %w", p.Name, err)
	}
	return r, nil
}

// errSettled ends an update that has nothing to change.
var errSettled = errors.New("nothing changes")

// update changes the record of a repository, again if another agent was first. Change
// is given what is stored and returns what is to be; errSettled leaves it.
func update(ctx context.Context, s Store, repository string, change func(before Record) (Record, error)) error {
	for {
		p, err := s.Position(ctx, RecordKind, repository)
		if err != nil {
			return err
		}
		// One of another version is written anew.
		before, _ := readRecord(p)
		after, err := change(before)
		if errors.Is(err, errSettled) {
			return nil
		}
		if err != nil {
			return err
		}
		if p.Value, err = json.Marshal(after); err != nil {
			return fmt.Errorf("write the schedules of %s: %w", repository, err)
		}
		if _, _, err = s.Advance(ctx, p); !errors.Is(err, store.ErrMoved) {
			return err
		}
	}
}

// merge makes the record of a commit. What was there before stays since when it was,
// and what modules had that cannot be read now stays altogether.
func merge(before Record, event *events.Event, sha string, found []dispatcher.Schedule, unread []string, now time.Time) Record {
	after := Record{SHA: sha, Repository: *event.Repository, Schedules: []Recorded{}}
	for _, s := range found {
		after.Schedules = append(after.Schedules, Recorded{
			Name: s.Name, Expression: s.Schedule.String(), CatchUp: s.Policy.CatchUp, MaxAge: s.Policy.MaxAge, Jitter: s.Policy.Jitter,
			Functions: s.Functions, Since: now,
		})
	}
	for _, old := range before.Schedules {
		kept := slices.DeleteFunc(slices.Clone(old.Functions), func(f dispatcher.FunctionName) bool { return !slices.Contains(unread, f.Module) })
		at := slices.IndexFunc(after.Schedules, func(s Recorded) bool { return s.Name == old.Name && s.Expression == old.Expression })
		switch {
		case at >= 0:
			after.Schedules[at].Since = old.Since
			after.Schedules[at].Functions = append(after.Schedules[at].Functions, kept...)
		case len(kept) > 0:
			old.Functions = kept
			after.Schedules = append(after.Schedules, old)
		}
	}
	slices.SortFunc(after.Schedules, func(a, b Recorded) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Expression, b.Expression))
	})
	return after
}
