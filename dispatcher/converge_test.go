package dispatcher_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/modules"
)

// list is what a module converges.
func list(ids ...string) *config.Converge {
	c := &config.Converge{IDs: []config.ConvergeID{}, Line: 2}
	for i, id := range ids {
		c.IDs = append(c.IDs, config.ConvergeID{ID: id, Line: 3 + i, Column: 5})
	}
	return c
}

// lines writes the calls of a plan with the commit that each is made on, the calls
// that must have succeeded before, and those that may have been skipped as well.
func lines(p dispatcher.Plan) []string {
	names := func(places []int) string {
		var list []string
		for _, at := range places {
			list = append(list, p.Calls[at].Function)
		}
		return strings.Join(list, ",")
	}
	var out []string
	for _, c := range p.Calls {
		line := c.Function
		if c.At != "" {
			line += "@" + c.At
		}
		if len(c.After) > 0 {
			line += " after " + names(c.After)
		}
		if len(c.AfterSkipped) > 0 {
			line += " maybe " + names(c.AfterSkipped)
		}
		out = append(out, line)
	}
	return out
}

func errorsOf(list []dispatcher.Invalid) []string {
	var out []string
	for _, v := range list {
		out = append(out, v.Function+": "+v.Error)
	}
	return out
}

func TestConverge(t *testing.T) {
	all := fns("checkDatabase", "changeDatabase", "removeDatabase", "checkApp", "changeApp", "changeDns", "onPush")
	was := func(functions ...modules.Function) dispatcher.Former {
		return dispatcher.Former{Config: config.Module{Path: "ci"}, Module: module(functions)}
	}
	for name, c := range map[string]struct {
		list      *config.Converge
		functions []modules.Function
		settings  map[string]config.Function
		applied   dispatcher.Applied
		former    map[string]dispatcher.Former
		disabled  []dispatcher.Disabled

		calls    []string
		invalid  []string
		warnings []string
		stays    []string
		forgets  []string
		reason   string // of everything that would have been called
	}{
		"the first time": {
			list:  list("database", "app", "dns"),
			calls: []string{"checkDatabase", "changeDatabase after checkDatabase", "checkApp after checkDatabase maybe changeDatabase", "changeApp after checkApp", "changeDns after checkApp maybe changeApp"},
			stays: []string{"database", "app", "dns"},
		},
		"in the order of the list, whatever was applied": {
			list: list("dns", "app"), applied: dispatcher.Applied{{ID: "app", Commit: "c1"}, {ID: "dns", Commit: "c0"}},
			calls: []string{"changeDns", "checkApp after changeDns", "changeApp after checkApp"}, stays: []string{"dns", "app"},
		},
		"what is gone is removed, the last applied first, each by its own commit": {
			list: list("app"), applied: dispatcher.Applied{{ID: "database", Commit: "c1"}, {ID: "app", Commit: "c2"}, {ID: "cache", Commit: "c0", Tried: "c2"}, {ID: "web", Tried: "c2"}},
			former: map[string]dispatcher.Former{"c0": was(fns("removeCache")...), "c1": was(fns("removeDatabase")...), "c2": was(fns("removeWeb", "removeCache")...)},
			calls:  []string{"removeWeb@c2", "removeCache@c0 after removeWeb", "removeDatabase@c1 after removeCache", "checkApp after removeDatabase", "changeApp after checkApp"},
			stays:  []string{"app"},
		},
		"everything is gone": {
			list: list(), applied: dispatcher.Applied{{ID: "a", Commit: "c1"}, {ID: "b", Commit: "c1"}}, former: map[string]dispatcher.Former{"c1": was(fns("removeA", "removeB")...)},
			calls: []string{"removeB@c1", "removeA@c1 after removeB"},
		},
		"nothing was there and nothing is": {list: list()},
		"an id spelt in another way is the same": {
			list: list("data-base"), applied: dispatcher.Applied{{ID: "dataBase", Commit: "c1"}},
			calls: []string{"checkDatabase", "changeDatabase after checkDatabase"}, stays: []string{"data-base"},
		},
		"the present module removes what the former one cannot": {
			list: list(), applied: dispatcher.Applied{{ID: "database", Commit: "c1"}}, former: map[string]dispatcher.Former{"c1": was(fns("changeDatabase")...)},
			calls:    []string{"removeDatabase"},
			warnings: []string{"ci: database is removed by the module of this commit: the module at commit c1, at which it was applied, has no function removeDatabase"},
		},
		"the present module removes what a lost commit has applied": {
			list: list(), applied: dispatcher.Applied{{ID: "database", Commit: "c1"}}, former: map[string]dispatcher.Former{"c1": {Err: errors.New("the server does not have it")}},
			calls:    []string{"removeDatabase"},
			warnings: []string{"ci: database is removed by the module of this commit: the module at commit c1 cannot be had: the server does not have it"},
		},
		"nothing removes it": {
			list: list("app"), applied: dispatcher.Applied{{ID: "dns", Commit: "c1"}}, former: map[string]dispatcher.Former{"c1": was(fns("changeDns")...)},
			calls:    []string{"checkApp", "changeApp after checkApp"},
			warnings: []string{"ci: dns is not in the list any more and is not removed: the module at commit c1, at which it was applied, has no function removeDns; what it left is yours to remove"},
			stays:    []string{"app", "dns"}, forgets: []string{"dns"},
		},
		"the commit is lost that would remove it": {
			list: list("app"), applied: dispatcher.Applied{{ID: "dns", Commit: "c1"}}, former: map[string]dispatcher.Former{"c1": {Err: errors.New("the server does not have it")}},
			invalid: []string{"removeDns: dns is not in the list any more, and the module at commit c1 cannot be had: the server does not have it; give this commit's module a function removeDns, or put dns back into the list"},
			reason:  "something that the module converges is invalid, and then nothing of it is called",
		},
		"without a function that changes it, nothing is called": {
			list:    list("app", "web"),
			invalid: []string{"changeWeb: pocketci.yaml:4:5: converge: module ci has no function changeWeb, which makes web what it should be; write it or remove the id"},
			reason:  "something that the module converges is invalid, and then nothing of it is called",
		},
		"a function that cannot be called": {
			list: list("app"), functions: []modules.Function{fn("checkApp"), fn("changeApp", arg("level", intType))},
			invalid: []string{"changeApp: required argument level (Int!) has no value; give it a default or set it under args in pocketci.yaml"},
		},
		"a former function that cannot be called": {
			list: list(), applied: dispatcher.Applied{{ID: "a", Commit: "c1"}}, former: map[string]dispatcher.Former{"c1": was(fn("removeA", arg("level", intType)))},
			invalid: []string{"removeA: as of commit c1: required argument level (Int!) has no value; give it a default or set it under args in pocketci.yaml"},
		},
		"one is disabled, and then nothing is called": {
			list: list("database", "app"), disabled: []dispatcher.Disabled{{Module: "ci", Function: "change-app", By: "anna", Reason: "incident"}},
			reason: "disabled by anna: incident",
		},
		"settings that mean nothing": {
			list: list("dns"), settings: map[string]config.Function{"ChangeDns": {Filter: []string{"main"}, Line: 9}, "checkDns": {After: []config.After{{Function: "x"}}, Line: 12}},
			calls: []string{"changeDns"}, stays: []string{"dns"},
			warnings: []string{
				"pocketci.yaml:12: conditions, after and concurrency of checkDns are not used: the list says when it is called and in which order",
				"pocketci.yaml:9: conditions, after and concurrency of changeDns are not used: the list says when it is called and in which order",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			functions := c.functions
			if functions == nil {
				functions = all
			}
			event := events.Apply(nil, "", "c9", "", "ci")
			got := dispatcher.Converge(dispatcher.Input{
				Event: &event, Config: config.Module{Path: "ci", Converge: c.list, Functions: c.settings}, Module: module(functions), Disabled: c.disabled,
			}, c.applied, c.former)
			for what, diff := range map[string]string{
				"calls":    cmp.Diff(c.calls, lines(got)),
				"invalid":  cmp.Diff(c.invalid, errorsOf(got.Invalid)),
				"warnings": cmp.Diff(c.warnings, got.Warnings),
			} {
				if diff != "" {
					t.Errorf("%s (-want +got):\n%s", what, diff)
				}
			}
			seen := map[string]int{}
			for i := range got.Calls {
				call := &got.Calls[i]
				seen[call.Function]++
				if diff := cmp.Diff(c.stays, call.Converge.Stays) + cmp.Diff(c.forgets, call.Converge.Forgets); diff != "" {
					t.Errorf("%s has (-want +got):\n%s", call.Function, diff)
				}
				if want := (dispatcher.Concurrency{Group: "converge ci", Newest: true}); call.Concurrency != want {
					t.Errorf("%s is in group %+v", call.Function, call.Concurrency)
				}
				roundTrip(t, *call)
			}
			for _, v := range got.Invalid {
				seen[v.Function]++
			}
			for _, s := range got.Skipped {
				if seen[s.Function]++; s.Function == "onPush" && s.Reason != "the event has the module converge, and calls nothing else" || s.Function == "changeApp" && c.reason != "" && s.Reason != c.reason {
					t.Errorf("%s is skipped because %s", s.Function, s.Reason)
				}
			}
			for _, f := range functions {
				if seen[f.Name] != 1 {
					t.Errorf("%s is in the plan %d times", f.Name, seen[f.Name])
				}
			}
		})
	}
}

func TestApplied(t *testing.T) {
	check := &dispatcher.Converging{ID: "app", Does: dispatcher.DoesCheck, Stays: []string{"database", "app"}}
	change := &dispatcher.Converging{ID: "app", Does: dispatcher.DoesChange, Stays: []string{"database", "app", "old"}, Forgets: []string{"old"}}
	remove := &dispatcher.Converging{ID: "app", Does: dispatcher.DoesRemove, Applied: "c1"}
	for name, c := range map[string]struct {
		applied dispatcher.Applied
		call    *dispatcher.Converging
		fits    bool
		done    dispatcher.Applied
	}{
		"nothing yet":                           {nil, check, true, dispatcher.Applied{{ID: "app", Commit: "c2"}}},
		"the latest is the last":                {dispatcher.Applied{{ID: "App", Commit: "c1", Tried: "c2"}, {ID: "database", Commit: "c1"}}, check, true, dispatcher.Applied{{ID: "database", Commit: "c1"}, {ID: "app", Commit: "c2"}}},
		"something came that is to be removed":  {dispatcher.Applied{{ID: "web", Tried: "c1"}}, check, false, dispatcher.Applied{{ID: "web", Tried: "c1"}, {ID: "app", Commit: "c2"}}},
		"what nothing removes is forgotten":     {dispatcher.Applied{{ID: "old", Commit: "c0"}}, change, true, dispatcher.Applied{{ID: "app", Commit: "c2"}}},
		"removed":                               {dispatcher.Applied{{ID: "app", Commit: "c1", Tried: "c2"}, {ID: "web", Commit: "c2"}}, remove, true, dispatcher.Applied{{ID: "web", Commit: "c2"}}},
		"removed that was only tried":           {dispatcher.Applied{{ID: "app", Tried: "c1"}}, remove, true, dispatcher.Applied{}},
		"to be removed, but applied anew since": {dispatcher.Applied{{ID: "app", Commit: "c2"}}, remove, false, dispatcher.Applied{}},
		"to be removed, but gone":               {nil, remove, false, dispatcher.Applied{}},
	} {
		t.Run(name, func(t *testing.T) {
			before := c.applied.Encode()
			if got := c.applied.Fits(c.call); got != c.fits {
				t.Errorf("it fits: %t", got)
			}
			done, err := dispatcher.ReadApplied(c.applied.Done(c.call, "c2").Encode())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.done, done); diff != "" {
				t.Errorf("done (-want +got):\n%s", diff)
			}
			tried := c.applied.Trying("app", "c3")
			for _, e := range tried {
				if e.ID == "app" && e.Tried != "c3" {
					t.Errorf("tried: %+v", tried)
				}
			}
			if after := c.applied.Encode(); string(before) != string(after) {
				t.Errorf("%s became %s", before, after)
			}
		})
	}
	for _, nothing := range []string{"", " ", "null", "[]"} {
		if a, err := dispatcher.ReadApplied([]byte(nothing)); err != nil || len(a) > 0 {
			t.Errorf("%q: %v, %v", nothing, a, err)
		}
	}
	if _, err := dispatcher.ReadApplied([]byte(`{"a": 1}`)); err == nil {
		t.Error("an object is read")
	}
}

func TestChecksAnswer(t *testing.T) {
	none := modules.Type{Kind: modules.KindVoid}
	failed := fmt.Errorf("exit code 1: %w", modules.ErrFunction)
	for name, c := range map[string]struct {
		returns modules.Type
		output  string
		err     error
		state   dispatcher.State
		holds   bool
		says    string
	}{
		"true":                       {returns: boolType, output: "true", state: dispatcher.StateSucceeded, holds: true, says: "true"},
		"false":                      {returns: boolType, output: "false", state: dispatcher.StateSucceeded, says: "false"},
		"a boolean that cannot tell": {returns: boolType, err: failed, state: dispatcher.StateFailed},
		"nothing":                    {returns: none, state: dispatcher.StateSucceeded, holds: true},
		"text":                       {returns: stringType, output: "false", state: dispatcher.StateSucceeded, holds: true, says: "false"},
		"a failure":                  {returns: none, err: failed, state: dispatcher.StateSucceeded, says: "a change is needed: exit code 1: function failed"},
		"an engine that goes away":   {returns: none, err: modules.ErrUnavailable, state: dispatcher.StateFailed},
		"a wrong argument":           {returns: none, err: modules.ErrArgument, state: dispatcher.StateInvalid},
		"too slow":                   {returns: none, err: &dispatcher.TimeoutError{}, state: dispatcher.StateTimedOut},
	} {
		t.Run(name, func(t *testing.T) {
			s := &sessions{functions: map[string]function{"checkApp": answers(c.output, c.err), "changeApp": answers("done", nil), "onPush": answers(c.output, c.err)}}
			check := callOf("ci", "checkApp")
			check.Returns, check.Converge = c.returns, &dispatcher.Converging{ID: "app", Does: dispatcher.DoesCheck, Change: "changeApp"}
			change := afterOf("changeApp", 0)
			change.Converge = &dispatcher.Converging{ID: "app", Does: dispatcher.DoesChange}
			other := callOf("ci", "onPush")
			other.Returns = c.returns
			next := afterOf("changeApp", 0)
			next.AfterSkipped = []int{1}
			var seen recorder
			got := dispatcher.New(s, 1, quiet()).Dispatch(t.Context(), runOf(check, change, other, next), &seen)
			if got[0].State != c.state || got[0].Holds != c.holds || got[0].Result.Output != c.says || (got[0].Err == nil) != (c.state == dispatcher.StateSucceeded) {
				t.Errorf("it came to %+v", got[0])
			}
			want := dispatcher.StateSkipped
			if c.state == dispatcher.StateSucceeded && !c.holds {
				want = dispatcher.StateSucceeded
			}
			if got[1].State != want || c.holds && got[1].Err.Error() != dispatcher.WhyNeedless {
				t.Errorf("the change came to %+v, want %s", got[1], want)
			}
			if got[2].Holds || c.err != nil && got[2].State == dispatcher.StateSucceeded {
				t.Errorf("another call came to %+v", got[2])
			}
		})
	}
}
