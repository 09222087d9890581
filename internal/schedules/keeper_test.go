package schedules_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/schedule"
	"github.com/franela/pocketci/internal/poll"
	"github.com/franela/pocketci/internal/runs"
	"github.com/franela/pocketci/internal/schedules"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/modules"
)

// poller notes what it is given.
type poller struct {
	sources []poll.Source
	set     int
}

func (p *poller) Set(kind string, sources []poll.Source) { p.sources, p.set = sources, p.set+1 }

func (p *poller) States(string) []poll.State {
	return []poll.State{{Name: "nightly", Error: "it is not known where acme/shop is cloned from"}}
}

func (p *poller) names() string {
	var names []string
	for _, s := range p.sources {
		names = append(names, s.Name())
	}
	return strings.Join(names, ", ")
}

// shop is a repository whose default branch has schedules, which a commit each says.
type shop struct {
	*testing.T
	commits map[string][]dispatcher.Schedule
	unread  []string
	tip     string
	err     error
	asked   []string
}

func (s *shop) Snapshot(_ context.Context, event *events.Event, _ runs.Terms) (*runs.Snapshot, error) {
	if event.Ref != "refs/heads/main" || event.SHA != "" {
		s.Errorf("asked for %s at %q", event.Ref, event.SHA)
	}
	return s.snapshot(s.tip), nil
}

func (s *shop) snapshot(sha string) *runs.Snapshot {
	return &runs.Snapshot{Event: events.Event{SHA: sha}, Tree: modules.Tree{FS: emptyFS{}, Commit: sha}}
}

func (s *shop) Schedules(_ context.Context, tree modules.Tree) ([]dispatcher.Schedule, []string, error) {
	s.asked = append(s.asked, tree.Commit)
	return s.commits[tree.Commit], s.unread, s.err
}

// has makes a schedule of functions of the module ci.
func has(t *testing.T, name, expression string, functions ...string) dispatcher.Schedule {
	d := dispatcher.Schedule{Name: name, Schedule: parse(t, expression)}
	for _, f := range functions {
		d.Functions = append(d.Functions, dispatcher.FunctionName{Module: "ci", Function: f})
	}
	return d
}

func pushed(before, after string) *events.Event {
	return &events.Event{
		ID: events.NewID(), Vendor: events.VendorGithub, Name: events.NamePush, Kind: events.NamePush, Filter: "main",
		Ref: "refs/heads/main", Branch: "main", Before: before, SHA: after, Trusted: true,
		Repository: &events.Repository{FullName: "acme/shop", CloneURL: "https://git.example.com/acme/shop.git", DefaultBranch: "main"},
	}
}

// kept lists what a keeper makes of a store.
func kept(t *testing.T, s *store.Store) string {
	t.Helper()
	var p poller
	k := schedules.New(schedules.Config{Store: s, Poller: &p, Log: logTo(t)})
	if err := k.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p.names()
}

// The default branch says what schedules there are, whatever order pushes come in.
func TestRecorder(t *testing.T) {
	s := open(t, store.Options{DataDir: t.TempDir(), Log: logTo(t)})
	shop := &shop{T: t, commits: map[string][]dispatcher.Schedule{
		"1": {has(t, "Nightly", "0 3 * * *", "onTimeTickNightly")},
		"2": {has(t, "Nightly", "0 3 * * *", "onTimeTickNightly"), has(t, "Hourly", "@hourly", "onTimeTickHourly")},
		"3": {has(t, "Hourly", "@hourly", "onTimeTickHourly"), has(t, "Hourly", "5 * * * *", "lateOnTimeTickHourly")},
		"9": {has(t, "Weekly", "@weekly", "onTimeTickWeekly")},
	}}
	r := &schedules.Recorder{Store: s, Repositories: shop, Planner: shop, Log: logTo(t)}
	planned := func(event *events.Event, sha string) {
		t.Helper()
		if err := r.Planned(t.Context(), event, shop.snapshot(sha)); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when, want string) {
		t.Helper()
		if got := kept(t, s); got != want {
			t.Errorf("%s there are %q, want %q", when, got, want)
		}
	}
	branch := pushed("", "9")
	branch.Ref, branch.Branch = "refs/heads/feature", "feature"
	planned(branch, "9")
	fork := pushed("", "9")
	fork.Trusted = false
	planned(fork, "9")
	check("after pushes to other branches", "")
	planned(pushed("", "1"), "1")
	check("after the first push", "acme/shop#Nightly")
	planned(pushed("1", "2"), "2")
	check("with another one", "acme/shop#Hourly, acme/shop#Nightly")

	shop.tip = "2"
	planned(pushed("0", "1"), "1")
	check("after a push that came late", "acme/shop#Hourly, acme/shop#Nightly")
	shop.tip = "3"
	planned(pushed("a push that was lost", "between"), "between")
	check("after a push was lost", "acme/shop#Hourly (5 * * * *), acme/shop#Hourly (@hourly)")

	forced := pushed("3", "1")
	forced.Forced = true
	planned(forced, "1")
	check("after a forced push", "acme/shop#Nightly")

	tick := schedule.Schedule{}.Event("Nightly", time.Now(), schedule.OfFunctions, 0)
	tick.Repository, tick.Branch = pushed("", "").Repository, "main"
	shop.tip = "2"
	planned(&tick, "2")
	check("after a tick at the tip", "acme/shop#Hourly, acme/shop#Nightly")
	planned(&tick, "1")
	check("after a tick that was planned before the last push", "acme/shop#Hourly, acme/shop#Nightly")
	asked := len(shop.asked)
	planned(&tick, "2")
	if len(shop.asked) != asked {
		t.Error("what is known is asked for again")
	}

	shop.err = errors.New("the engine said nothing sensible")
	planned(pushed("2", "9"), "9")
	check("where modules cannot be read", "acme/shop#Hourly, acme/shop#Nightly")
	shop.err = fmt.Errorf("session: %w", modules.ErrUnavailable)
	if err := r.Planned(t.Context(), pushed("2", "9"), shop.snapshot("9")); !errors.Is(err, modules.ErrUnavailable) {
		t.Errorf("without an engine: %v", err)
	}
	shop.err, shop.unread = nil, []string{"ci"}
	planned(pushed("2", "9"), "9")
	check("where a module is at fault", "acme/shop#Hourly, acme/shop#Nightly, acme/shop#Weekly")
	shop.unread = nil
	planned(pushed("9", "1"), "1")
	check("where it is mended", "acme/shop#Nightly")

	gone := pushed("1", "")
	gone.Branch = "feature"
	if err := r.Deleted(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	check("without another branch", "acme/shop#Nightly")
	for range 2 {
		if err := r.Deleted(t.Context(), pushed("1", "")); err != nil {
			t.Fatal(err)
		}
	}
	check("without the default branch", "")
	planned(pushed("", "9"), "9")
	check("with a new one", "acme/shop#Weekly")
}

// Since when functions have a schedule is kept from one push to the next.
func TestRecorderKeepsSince(t *testing.T) {
	s := open(t, store.Options{DataDir: t.TempDir(), Log: logTo(t)})
	now := at(t, "2026-03-01T12:00:00Z")
	shop := &shop{T: t, commits: map[string][]dispatcher.Schedule{
		"1": {has(t, "Nightly", "0 3 * * *", "onTimeTickNightly")}, "2": {has(t, "Nightly", "0 3 * * *", "a", "b")}, "3": {has(t, "Nightly", "0 4 * * *", "a")},
	}}
	r := &schedules.Recorder{Store: s, Repositories: shop, Planner: shop, Now: func() time.Time { return now }, Log: logTo(t)}
	k := schedules.New(schedules.Config{Store: s, Poller: &poller{}, Log: logTo(t)})
	for _, c := range []struct{ before, after, since string }{
		{"", "1", "2026-03-01T12:00:00Z"}, {"1", "2", "2026-03-01T12:00:00Z"}, {"2", "3", "2026-03-01T14:00:00Z"},
	} {
		if err := r.Planned(t.Context(), pushed(c.before, c.after), shop.snapshot(c.after)); err != nil {
			t.Fatal(err)
		}
		entries, err := k.Entries(t.Context())
		if err != nil || len(entries) != 1 || entries[0].Since.Format(time.RFC3339) != c.since {
			t.Errorf("at %s there are %+v, %v, want one since %s", c.after, entries, err, c.since)
		}
		now = now.Add(time.Hour)
	}
}

func TestKeeper(t *testing.T) {
	s := open(t, store.Options{DataDir: t.TempDir(), Log: logTo(t)})
	shop := &shop{T: t, commits: map[string][]dispatcher.Schedule{"1": {has(t, "Nightly", "0 3 * * *", "a", "b")}}}
	r := &schedules.Recorder{Store: s, Repositories: shop, Planner: shop, Log: logTo(t)}
	if err := r.Planned(t.Context(), pushed("", "1"), shop.snapshot("1")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"nightly", "gone", "acme/shop#Gone"} {
		if _, _, err := s.Advance(t.Context(), store.Position{Kind: schedules.Kind, Name: name, Value: json.RawMessage(`{}`)}); err != nil {
			t.Fatal(err)
		}
	}
	var p poller
	k := schedules.New(schedules.Config{Store: s, Poller: &p, Log: logTo(t)})
	look := func(want string, set int) {
		t.Helper()
		if err := k.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		if p.names() != want || p.set != set {
			t.Errorf("the poller has %s and was set %d times, want %s and %d", p.names(), p.set, want, set)
		}
	}
	k.SetOwn([]schedules.Entry{entry(t, "nightly", "@daily", schedule.Policy{})})
	look("nightly, acme/shop#Nightly", 1)
	look("nightly, acme/shop#Nightly", 1)
	positions, err := s.Positions(t.Context(), schedules.Kind)
	if err != nil || len(positions) != 2 {
		t.Errorf("%d positions are left, %v; want those of nightly and of functions", len(positions), err)
	}

	// It stops once all of its functions are disabled.
	disable := store.Disabled{Repository: "acme/shop", Module: "ci", Function: "a", Reason: "flaky"}
	if err := s.Disable(t.Context(), disable, store.Actor{Person: "mona"}); err != nil {
		t.Fatal(err)
	}
	look("nightly, acme/shop#Nightly", 1)
	disable.Function, disable.Reason = "", ""
	if err := s.Disable(t.Context(), disable, store.Actor{Person: "mona"}); err != nil {
		t.Fatal(err)
	}
	look("nightly, acme/shop#Nightly", 2)
	entries, err := k.Entries(t.Context())
	if err != nil || entries[1].Paused == "" || entries[0].Paused != "" || !strings.HasPrefix(entries[1].Paused, "disabled by mona") {
		t.Errorf("they are %+v, %v", entries, err)
	}
	k.SetOwn(nil)
	look("acme/shop#Nightly", 3)
}

func TestList(t *testing.T) {
	s := open(t, store.Options{DataDir: t.TempDir(), Log: logTo(t)})
	e := entry(t, "nightly", "TZ=Europe/Berlin 0 3 * * *", schedule.Policy{})
	k := schedules.New(schedules.Config{Store: s, Poller: &poller{}, Log: logTo(t)})
	k.SetOwn([]schedules.Entry{e, entry(t, "once", "2020-01-01T00:00:00Z", schedule.Policy{})})
	for _, now := range []string{"2026-03-27T12:00:00Z", "2026-03-28T02:00:00Z"} {
		if _, err := poll.Once(t.Context(), s, &schedules.Source{Entry: e}, at(t, now)); err != nil {
			t.Fatal(err)
		}
	}
	list, err := k.List(t.Context(), at(t, "2026-03-28T12:00:00Z"), 2)
	if err != nil {
		t.Fatal(err)
	}
	var next []string
	for _, at := range list[0].Next {
		next = append(next, at.Format(time.RFC3339))
	}
	if diff := cmp.Diff([]string{"2026-03-29T03:00:00+02:00", "2026-03-30T03:00:00+02:00"}, next); diff != "" {
		t.Error(diff)
	}
	if told := list[0].Told.UTC().Format(time.RFC3339); told != "2026-03-28T02:00:00Z" || !strings.Contains(list[0].Error, "acme/shop") || list[0].Hook() != "time:nightly" {
		t.Errorf("it was told at %s, %q", told, list[0].Error)
	}
	if len(list[1].Next) != 0 || !list[1].Told.IsZero() || list[1].Error != "" {
		t.Errorf("what is over is %+v", list[1])
	}
	for name, want := range map[string]string{"nightly": "2026-03-29T03:00:00+02:00", "once": "2020-01-01T00:00:00Z"} {
		event, err := k.Tick(t.Context(), name, at(t, "2026-03-28T12:00:00Z"))
		if err != nil || event.ID == "" || event.OccurredAt.Format(time.RFC3339) != want || event.Filter != name {
			t.Errorf("the tick of %s is %+v, %v", name, event, err)
		}
	}
	if _, err := k.Tick(t.Context(), "else", time.Now()); !errors.Is(err, schedules.ErrUnknown) {
		t.Errorf("got %v", err)
	}
}

// Two repositories of one full name share what is recorded, which is said.
func TestRecorderOfTwoHosts(t *testing.T) {
	s := open(t, store.Options{DataDir: t.TempDir(), Log: logTo(t)})
	shop := &shop{T: t, tip: "2", commits: map[string][]dispatcher.Schedule{
		"1": {has(t, "Nightly", "0 3 * * *", "a")}, "2": {has(t, "Hourly", "@hourly", "b")},
	}}
	var log bytes.Buffer
	r := &schedules.Recorder{Store: s, Repositories: shop, Planner: shop, Log: slog.New(slog.NewTextHandler(&log, nil))}
	if err := r.Planned(t.Context(), pushed("", "1"), shop.snapshot("1")); err != nil || log.Len() > 0 {
		t.Fatalf("%v, the log is %s", err, log.String())
	}
	other := pushed("", "2")
	other.Repository.CloneURL = "https://git.example.org/acme/shop.git"
	if err := r.Planned(t.Context(), other, shop.snapshot("2")); err != nil {
		t.Fatal(err)
	}
	if got := log.String(); strings.Count(got, "level=WARN") != 1 || !strings.Contains(got, "host=git.example.org before=git.example.com") {
		t.Errorf("the log is %s", got)
	}
	if got := kept(t, s); got != "acme/shop#Hourly" {
		t.Errorf("there are %q", got)
	}
}
