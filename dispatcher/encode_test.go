package dispatcher_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/modules"
)

// roundTrip fails unless the call is the same after it was stored, whether
// alone or in a plan.
func roundTrip(t *testing.T, call dispatcher.Call) {
	t.Helper()
	data, err := json.Marshal(call)
	if err != nil {
		t.Fatal(err)
	}
	if !utf8.Valid(data) {
		t.Fatalf("%q is not JSON", data)
	}
	var got dispatcher.Call
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	if diff := cmp.Diff(call, got, cmpopts.EquateNaNs()); diff != "" {
		t.Fatalf("%s (-before +after):\n%s", data, diff)
	}
	data, err = json.Marshal(dispatcher.Plan{Calls: []dispatcher.Call{call}})
	if err != nil {
		t.Fatal(err)
	}
	var plan dispatcher.Plan
	if err := json.Unmarshal(data, &plan); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(call, plan.Calls[0], cmpopts.EquateNaNs()); diff != "" {
		t.Fatalf("in a plan (-before +after):\n%s", diff)
	}
}

func TestCallsSurviveStorage(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	texts := []string{"", "main", "a,b", "ветка", "\x00", "\xff\xfe", "name \xc3", "</script>", `{"int":"3"}`, "3", "true", "\u2028", strings.Repeat("x", 5000)}
	text := func() string { return texts[random.IntN(len(texts))] }
	integers := []int64{0, 1, -1, 1 << 53, 1<<53 + 1, math.MaxInt64, math.MinInt64}
	floats := []float64{0, math.Copysign(0, -1), 1, -1.5, 1e300, math.SmallestNonzeroFloat64, math.MaxFloat64, math.Inf(1), math.NaN(), 1 << 53}
	var constant func(depth int) any
	constant = func(depth int) any {
		switch n := random.IntN(5); {
		case n == 0:
			return text()
		case n == 1:
			return random.IntN(2) == 0
		case n == 2:
			return integers[random.IntN(len(integers))]
		case n == 3 || depth == 0:
			return floats[random.IntN(len(floats))]
		}
		list := []any{}
		for range random.IntN(4) {
			list = append(list, constant(depth-1))
		}
		return list
	}
	types := []modules.Type{stringType, intType, boolType, listType, directoryType, {}, {Kind: modules.KindEnum, Name: "Mode", Values: []string{"FAST"}, Optional: true}, {Kind: modules.KindEnum, Values: []string{}}}
	for range 2000 {
		call := dispatcher.Call{
			Module:  "apps/api/ci",
			Call:    modules.Call{Function: "testOnPush", Returns: types[random.IntN(len(types))]},
			Why:     "named On<Event>; ветка changed",
			Timeout: time.Duration(random.Int64()),
			RunsOn:  "arm",
			Commit:  texts[random.IntN(2)],
			At:      texts[random.IntN(2)],
		}
		for range random.IntN(5) {
			value := []modules.Value{
				{Kind: modules.ValueConst, Const: constant(3)},
				{Kind: modules.ValueSource, Git: random.IntN(2) == 0},
				{Kind: modules.ValueEvent},
				{Kind: modules.ValuePath, Path: "docs/größe.md"},
				{Kind: modules.ValueSecret, Secret: "env://TOKEN"},
			}[random.IntN(5)]
			call.Args = append(call.Args, modules.Bound{Name: "x", Type: types[random.IntN(len(types))], Value: value})
		}
		for range random.IntN(3) {
			call.After = append(call.After, random.IntN(9))
			call.AfterSkipped = append(call.AfterSkipped, random.IntN(9))
		}
		if random.IntN(2) == 0 {
			call.Concurrency = dispatcher.Concurrency{Group: "deploy", Cancel: random.IntN(2) == 0, Newest: random.IntN(2) == 0}
		}
		roundTrip(t, call)
	}
	roundTrip(t, dispatcher.Call{})
	roundTrip(t, dispatcher.Call{Call: modules.Call{Args: []modules.Bound{}}, After: []int{}})
}

func TestConstantsOfOtherTypesAreNotStored(t *testing.T) {
	for name, value := range map[string]any{"an int": 3, "a map": map[string]any{}, "a list with nothing in it": []any{nil}} {
		t.Run(name, func(t *testing.T) {
			call := dispatcher.Call{Call: modules.Call{Args: []modules.Bound{{Value: modules.Value{Const: value}}}}}
			if data, err := json.Marshal(call); err == nil {
				t.Errorf("stored as %s", data)
			}
		})
	}
}

// FuzzCall reads what may stand in a database: whatever can be read is written
// and read as the same call.
func FuzzCall(f *testing.F) {
	f.Add([]byte(`{"module":"ci","function":"f","args":[{"name":"x","type":{"Kind":"integer"},"kind":"const","const":{"int":"9007199254740993"}}],"after":[0]}`))
	f.Add([]byte(`{"args":[{"const":[true,"a",{"float":"0.5"},{"bytes":"/w=="},[]]}],"concurrency":{"group":"g","cancel":true}}`))
	f.Add([]byte(`{"args":[{"const":{"int":"x"}}]}`))
	f.Add([]byte(`{"args":[{"const":null},{"const":3},{"const":{}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var call dispatcher.Call
		if json.Unmarshal(data, &call) == nil {
			roundTrip(t, call)
		}
	})
}
