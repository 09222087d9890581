package schedules

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/internal/runs"
	"github.com/franela/pocketci/modules"
)

// Repositories gives the files of a repository at the tip of its default branch.
type Repositories interface {
	Snapshot(ctx context.Context, event *events.Event, terms runs.Terms) (*runs.Snapshot, error)
}

// Planner reads the schedules of a tree; it is a [dispatcher.Planner].
type Planner interface {
	Schedules(ctx context.Context, tree modules.Tree) ([]dispatcher.Schedule, []string, error)
}

// Recorder keeps the schedules that the functions of repositories have on their
// default branches.
type Recorder struct {
	Store        Store
	Repositories Repositories
	Planner      Planner
	// Now tells the time; nil is the system's.
	Now func() time.Time
	Log *slog.Logger
}

// Planned is told of each event that was planned, with the files that it was planned
// for. A push to the default branch, and a tick, which is planned at the tip of it,
// bring the schedules of its repository up to date. If the event does not follow the
// commit that was looked at last, because it was replayed, came late, was planned
// while a push came, or one before it was lost, the branch itself is asked for its tip. The error is that of the store
// or [modules.ErrUnavailable]; whatever else is in the way is logged, and leaves the
// schedules as they are.
func (r *Recorder) Planned(ctx context.Context, event *events.Event, s *runs.Snapshot) error {
	if !concerns(event) || s.Tree.FS == nil {
		return nil
	}
	name := event.Repository.FullName
	return update(ctx, r.Store, name, func(before Record) (Record, error) {
		sha, tree := s.Event.SHA, s.Tree
		if before.SHA != "" && before.SHA != event.Before && before.SHA != sha {
			tip, err := r.tip(ctx, event)
			if err != nil {
				return r.leave(ctx, name, fmt.Errorf("look at the tip of %s: %w", event.Repository.DefaultBranch, err))
			}
			sha, tree = tip.Event.SHA, tip.Tree
		}
		if sha == before.SHA && *event.Repository == before.Repository {
			return Record{}, errSettled
		}
		if was, is := hostOf(&before.Repository), hostOf(event.Repository); was != is && before.SHA != "" {
			r.log(name).Warn("the schedules of functions were those of a repository of this name on another host; full names have to be unique in what an agent keeps", "host", is, "before", was)
		}
		found, unread, err := r.Planner.Schedules(ctx, tree)
		if err != nil {
			return r.leave(ctx, name, err)
		}
		if len(unread) > 0 {
			r.log(name).Warn("modules of the default branch cannot be loaded; the schedules of their functions stay what they were", "modules", unread, "commit", sha)
		}
		return merge(before, event, sha, found, unread, r.now()), nil
	})
}

// Deleted is told of a push that deletes a branch. Without the default branch no
// function has a schedule any more.
func (r *Recorder) Deleted(ctx context.Context, event *events.Event) error {
	if event.Repository == nil || !event.IsPush() || event.Branch == "" || event.Branch != event.Repository.DefaultBranch {
		return nil
	}
	return update(ctx, r.Store, event.Repository.FullName, func(before Record) (Record, error) {
		if len(before.Schedules) == 0 {
			return Record{}, errSettled
		}
		r.log(event.Repository.FullName).Info("the default branch was deleted, and the schedules of its functions with it", "branch", event.Branch)
		return Record{Repository: *event.Repository, Schedules: []Recorded{}}, nil
	})
}

// leave says why the schedules of a repository are not brought up to date, unless
// that is for whoever plans.
func (r *Recorder) leave(ctx context.Context, repository string, err error) (Record, error) {
	if ctx.Err() != nil || errors.Is(err, modules.ErrUnavailable) {
		return Record{}, err
	}
	log := r.log(repository)
	if _, bad := errors.AsType[config.Errors](err); bad {
		log.Warn("the configuration on the default branch is bad; the schedules of its functions stay what they were", "error", err)
	} else {
		log.Error("the schedules of functions cannot be read, and stay what they were until the next push", "error", err)
	}
	return Record{}, errSettled
}

// concerns reports whether an event was planned at the default branch of its
// repository.
func concerns(event *events.Event) bool {
	if event.Repository == nil || event.Repository.DefaultBranch == "" || !event.Trusted || event.Fork != "" {
		return false
	}
	onDefault := event.Branch == event.Repository.DefaultBranch
	return onDefault && (event.IsPush() || event.Vendor == events.VendorTime)
}

// hostOf is the host that a repository is cloned from.
func hostOf(r *events.Repository) string {
	u, err := url.Parse(r.CloneURL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// tip is the repository at the tip of its default branch.
func (r *Recorder) tip(ctx context.Context, event *events.Event) (*runs.Snapshot, error) {
	e := events.Manual(event.Repository, "refs/heads/"+event.Repository.DefaultBranch, "", event.Sender)
	e.ID, e.ReceivedAt = events.NewID(), r.now()
	return r.Repositories.Snapshot(ctx, &e, runs.Terms{})
}

func (r *Recorder) now() time.Time {
	if r.Now == nil {
		return time.Now().UTC()
	}
	return r.Now().UTC()
}

func (r *Recorder) log(repository string) *slog.Logger {
	log := r.Log
	if log == nil {
		log = slog.Default()
	}
	return log.With("repository", repository)
}
