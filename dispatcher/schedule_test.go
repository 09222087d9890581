package dispatcher_test

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/modules"
)

// served loads modules that are written down here.
type served map[string][]modules.Function

func (s served) Load(_ context.Context, _ modules.Tree, path string) (*modules.Module, error) {
	functions, ok := s[path]
	if !ok {
		return nil, fmt.Errorf("%w: it does not compile", modules.ErrModule)
	}
	return &modules.Module{Path: path, Functions: functions}, nil
}

func TestSchedules(t *testing.T) {
	loader := served{
		"a": {
			fn("onTimeTickNightly", def("schedule", "0 3 * * *")),
			fn("lintOnTimeTickNightly", def("schedule", "0  3 * * *")),
			fn("testOnTimeTickNightly", def("schedule", "TZ=Europe/Berlin 0 3 * * *")),
			fn("cleanUpOnTimeTick", def("schedule", "@every 5m")),
			fn("onTimeTickBroken", def("schedule", "0 99 * * *")),
			fn("buildOnPush", def("schedule", "0 3 * * *")),
			fn("onTimeTickNamed"),
			fn("onTimeTickEmpty", def("schedule", "")),
		},
		"b": {fn("onTimeTickNightly", def("schedule", "0 3 * * *")), fn("deployOnTimeTickHourly"), fn("dispatch", def("schedule", "@yearly"))},
	}
	tree := modules.Tree{FS: fstest.MapFS{config.FileName: {Data: []byte(`modules:
- {path: a, paths: ["nothing/**"]}
- path: b
  functions: {deploy-on-time-tick-hourly: {schedule: {hourly: {minute: 5}, catch-up: none}}}
- path: c
`)}, "a/dagger.json": {Data: []byte("{}")}, "b/dagger.json": {Data: []byte("{}")}, "c/dagger.json": {Data: []byte("{}")}}}
	p := dispatcher.Planner{Loader: loader}
	found, unread, err := p.Schedules(t.Context(), tree)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range found {
		line := fmt.Sprintf("%s: %s, %s:", s.Name, s.Schedule, s.Policy.CatchUp)
		for _, f := range s.Functions {
			line += " " + f.Module + ":" + f.Function
		}
		got = append(got, line)
	}
	want := []string{
		"Hourly: 5 * * * *, none: b:deployOnTimeTickHourly",
		"Nightly: 0 3 * * *, last: a:onTimeTickNightly a:lintOnTimeTickNightly b:onTimeTickNightly",
		"Nightly: CRON_TZ=Europe/Berlin 0 3 * * *, last: a:testOnTimeTickNightly",
		"cleanUpOnTimeTick: @every 5m0s, last: a:cleanUpOnTimeTick",
		"dispatch: @yearly, last: b:dispatch",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"c"}, unread); diff != "" {
		t.Error(diff)
	}
	for name, tree := range map[string]fs.FS{
		"no module":          fstest.MapFS{},
		"a file that is bad": fstest.MapFS{config.FileName: {Data: []byte("paths: 7")}},
	} {
		found, unread, err := p.Schedules(t.Context(), modules.Tree{FS: tree})
		if len(found)+len(unread) != 0 || (err == nil) != (name == "no module") {
			t.Errorf("%s: %v, %v, %v", name, found, unread, err)
		}
	}
}

// Each schedule of one name calls its own functions, also where another function
// waits for the name alone.
func TestTicksOfOneName(t *testing.T) {
	functions := []modules.Function{
		fn("earlyOnTimeTickNightly", def("schedule", "0 3 * * *")),
		fn("lateOnTimeTickNightly", def("schedule", "0 4 * * *")),
		fn("reportOnTimeTickNightly"),
	}
	for name, c := range map[string]struct {
		event events.Event
		want  string
	}{
		"the early one":            {tickOf("Nightly", "functions", "0 3 * * *"), "earlyOnTimeTickNightly"},
		"the late one":             {tickOf("Nightly", "functions", "0 4 * * *"), "lateOnTimeTickNightly"},
		"the agent's":              {tickOf("nightly", "agent", "0 3 * * *"), "reportOnTimeTickNightly"},
		"made by hand":             {tick("nightly"), "earlyOnTimeTickNightly lateOnTimeTickNightly"},
		"made by hand, of no name": {tick("weekly"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			plan := match(t, dispatcher.Input{Event: &c.event, Module: module(functions), Config: config.Module{Path: "ci"}})
			var called []string
			for _, call := range plan.Calls {
				called = append(called, call.Function)
			}
			if got := strings.Join(called, " "); got != c.want {
				t.Errorf("called are %q, want %q; skipped %v", got, c.want, plan.Skipped)
			}
		})
	}
}

func TestScheduleErrorsAndWarnings(t *testing.T) {
	late := config.Function{Schedule: "0 3 * * *", Line: 4}
	late.Policy.CatchUp = 1
	for name, c := range map[string]struct {
		functions []modules.Function
		settings  map[string]config.Function
		event     events.Event
		invalid   string
		warning   string
	}{
		"an hour that is none": {
			functions: []modules.Function{fn("onTimeTickNightly", def("schedule", "0 24 * * *"))}, event: tick("nightly"),
			invalid: `schedule: "0 24 * * *" has the hour "24": hours are 0 to 23`, warning: "ci:onTimeTickNightly: schedule:",
		},
		"seen before the first tick": {
			functions: []modules.Function{fn("onTimeTickNightly", def("schedule", "0 24 * * *"))}, event: push("main"),
			warning: `ci:onTimeTickNightly: schedule: "0 24 * * *" has the hour "24": hours are 0 to 23, with lists`,
		},
		"a name that does not wait": {
			functions: []modules.Function{fn("onPush")}, settings: map[string]config.Function{"onPush": {Schedule: "@daily", Line: 3}}, event: push("main"),
			warning: "pocketci.yaml:3: ci:onPush has a schedule, and its name does not wait for ticks",
		},
		"two policies": {
			functions: []modules.Function{fn("aOnTimeTickX", def("schedule", "0 3 * * *")), fn("bOnTimeTickX")}, settings: map[string]config.Function{"bOnTimeTickX": late}, event: push("main"),
			warning: "ci:aOnTimeTickX and ci:bOnTimeTickX have the same schedule X (0 3 * * *), of whose late ticks pocketci.yaml says two things",
		},
		"nothing": {functions: []modules.Function{fn("onTimeTickX", def("schedule", "0 3 * * *"))}, event: push("main")},
	} {
		t.Run(name, func(t *testing.T) {
			plan := match(t, dispatcher.Input{Event: &c.event, Module: module(c.functions), Config: config.Module{Path: "ci", Functions: c.settings}})
			if c.invalid == "" != (len(plan.Invalid) == 0) || c.invalid != "" && (plan.Invalid[0].Argument != "schedule" || !strings.Contains(plan.Invalid[0].Error, c.invalid)) {
				t.Errorf("invalid are %+v, want %q", plan.Invalid, c.invalid)
			}
			if c.warning == "" != (len(plan.Warnings) == 0) || c.warning != "" && !strings.Contains(plan.Warnings[0], c.warning) {
				t.Errorf("warnings are %q, want %q", plan.Warnings, c.warning)
			}
		})
	}
}
