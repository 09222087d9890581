package schedules_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/runs"
	"github.com/franela/pocketci/internal/schedules"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/modules"
)

// shelf has the schedules of modules' versions by their commits.
type shelf map[string][]dispatcher.Schedule

func (s shelf) Snapshot(_ context.Context, event *events.Event, _ runs.Terms) (*runs.Snapshot, error) {
	return &runs.Snapshot{Event: *event, Tree: modules.Tree{FS: emptyFS{}, Commit: event.SHA}}, nil
}

func (s shelf) Schedules(_ context.Context, tree modules.Tree) ([]dispatcher.Schedule, []string, error) {
	list, ok := s[tree.Commit]
	if !ok {
		return nil, nil, modules.ErrUnavailable
	}
	return list, nil, nil
}

// The functions of stored modules have schedules as those of repositories.
func TestRecorderOfModules(t *testing.T) {
	for name, options := range databases {
		t.Run(name, func(t *testing.T) {
			s := open(t, options(t))
			sha := func(c string) string { return strings.Repeat(c, 40) }
			known := shelf{
				sha("a"): {has(t, "nightly", "0 3 * * *", "onTimeTickNightly")},
				sha("b"): {has(t, "hourly", "0 * * * *", "onTimeTickHourly")},
				sha("c"): nil,
			}
			r := &schedules.Recorder{Store: s, Repositories: known, Planner: known, Log: logTo(t)}
			deploy := func(name, c string) {
				t.Helper()
				m := store.NewModule{Name: name, SHA: sha(c), Archive: []byte("x"), Functions: []byte("[]")}
				if err := s.DeployModules(t.Context(), []store.NewModule{m}, store.Actor{}); err != nil {
					t.Fatal(err)
				}
			}
			want := func(names ...string) {
				t.Helper()
				for range 2 { // the second time nothing changes
					if err := r.Modules(t.Context(), s.Modules); err != nil {
						t.Fatal(err)
					}
				}
				k := schedules.New(schedules.Config{Store: s, Log: logTo(t)})
				entries, err := k.Entries(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, e := range entries {
					var event events.Event
					if err := e.Aim(t.Context(), &event); err != nil {
						t.Fatal(err)
					}
					if _, ok := event.Repository.Module(); !ok || event.Ref != "" || event.SHA != "" {
						t.Errorf("%s is aimed at %+v", e.Name, event)
					}
					got = append(got, e.Name)
				}
				if diff := cmp.Diff(names, got); diff != "" {
					t.Errorf("schedules (-want +got):\n%s", diff)
				}
			}
			deploy("tool", "a")
			want(".modules/tool#nightly")
			deploy("tool", "b")
			deploy("other", "c")
			want(".modules/tool#hourly")
			if err := s.RenameModule(t.Context(), "tool", "clock", store.Actor{}); err != nil {
				t.Fatal(err)
			}
			want(".modules/clock#hourly")
			// Another agent records one that is deployed once the modules are listed.
			if err := r.Modules(t.Context(), func(ctx context.Context) ([]store.Module, error) {
				list, err := s.Modules(ctx)
				deploy("late", "a")
				return list, errors.Join(err, r.Modules(ctx, s.Modules))
			}); err != nil {
				t.Fatal(err)
			}
			want(".modules/clock#hourly", ".modules/late#nightly")
			if err := s.DeleteModule(t.Context(), "late", store.Actor{}); err != nil {
				t.Fatal(err)
			}
			deploy("clock", "d")
			if err := r.Modules(t.Context(), s.Modules); !errors.Is(err, modules.ErrUnavailable) {
				t.Errorf("without an engine: %v", err)
			}
			if err := s.DeleteModule(t.Context(), "clock", store.Actor{}); err != nil {
				t.Fatal(err)
			}
			want()
		})
	}
}
