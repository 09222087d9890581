package dispatcher

import (
	"fmt"
	"slices"

	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/modules"
)

// maxReason bounds the reasons that name each other along a chain of functions.
const maxReason = 400

// name is a function of a plan by its module's path and its own name.
type name struct{ module, function string }

func (n name) String() string { return n.module + ":" + n.function }

// afters resolves the setting after over all modules of a plan.
type afters struct {
	plan    *Plan
	cfg     *config.Config
	loaded  map[string]*modules.Module
	calls   map[name]int
	invalid map[name]bool
	skipped map[name]string
	// before is what a function comes after, without what cannot be found.
	before map[name][]name
	// circle numbers the circles of functions that come after each other.
	circle map[name]int
	// verdicts are those that have been come to, by call.
	verdicts []*afterVerdict
}

// afterVerdict is what after makes of a call: at most one of the two is set.
type afterVerdict struct {
	invalid, skip string
	after         []int
}

// resolveAfter sets Call.After, and moves calls that cannot be made because of
// it to the plan's other lists. The modules are those that have been loaded.
func resolveAfter(plan *Plan, cfg *config.Config, loaded []*modules.Module) {
	if !slices.ContainsFunc(cfg.Modules, func(m config.Module) bool {
		for _, f := range m.Functions {
			if len(f.After) > 0 {
				return true
			}
		}
		return false
	}) {
		return
	}
	a := afters{plan: plan, cfg: cfg, loaded: map[string]*modules.Module{}, calls: map[name]int{}, invalid: map[name]bool{}, skipped: map[name]string{}, before: map[name][]name{}}
	for _, m := range loaded {
		if m != nil {
			a.loaded[m.Path] = m
		}
	}
	for i, c := range plan.Calls {
		a.calls[name{c.Module, c.Function}] = i
	}
	for _, v := range plan.Invalid {
		a.invalid[name{v.Module, v.Function}] = true
	}
	for _, s := range plan.Skipped {
		a.skipped[name{s.Module, s.Function}] = s.Reason
	}
	for _, m := range loaded {
		if m == nil {
			continue
		}
		for i := range m.Functions {
			from := name{m.Path, m.Functions[i].Name}
			if asCheck(m, from.function, &plan.Event) != nil {
				continue // checks come after nothing
			}
			for _, entry := range a.settings(from).After {
				if to, err := a.find(from, entry); err == nil && a.loaded[to.module] != nil {
					a.before[from] = append(a.before[from], to)
				}
			}
		}
	}
	a.circle = circles(a.before)
	a.verdicts = make([]*afterVerdict, len(plan.Calls))
	for i := range plan.Calls {
		a.judge(i)
	}
	a.apply()
}

// settings returns what pocketci.yaml says about a function.
func (a *afters) settings(of name) config.Function {
	at := slices.IndexFunc(a.cfg.Modules, func(m config.Module) bool { return m.Path == of.module })
	if at < 0 {
		return config.Function{}
	}
	f, _ := a.cfg.Modules[at].Function(of.function)
	return f
}

// find returns the function that an entry of after names. Of a module that was
// not loaded every name is taken for one.
func (a *afters) find(from name, entry config.After) (name, error) {
	to := name{entry.Module, entry.Function}
	if to.module == "" {
		to.module = from.module
	}
	m := a.loaded[to.module]
	if m == nil {
		if !slices.ContainsFunc(a.cfg.Modules, func(m config.Module) bool { return m.Path == to.module }) {
			return to, fmt.Errorf("there is no module %s; name one that %s lists", to.module, config.FileName)
		}
		return to, nil
	}
	fn := m.Function(to.function)
	if fn == nil {
		return to, fmt.Errorf("module %s has no function %s; correct the name or remove it", to.module, to.function)
	}
	to.function = fn.Name
	if check := asCheck(m, fn.Name, &a.plan.Event); check != nil {
		to.function = check.Name
	}
	return to, nil
}

// judge comes to the verdict of a call, after those that it comes after.
func (a *afters) judge(i int) *afterVerdict {
	if a.verdicts[i] != nil {
		return a.verdicts[i]
	}
	v := &afterVerdict{}
	a.verdicts[i] = v
	if a.plan.Calls[i].IsCheck() {
		return v
	}
	from := name{a.plan.Calls[i].Module, a.plan.Calls[i].Function}
	entries := a.settings(from).After
	// What is wrong is said before what is not called: it stays wrong.
	for _, entry := range entries {
		to, err := a.find(from, entry)
		if err == nil && a.circle[from] > 0 && a.circle[from] == a.circle[to] {
			err = fmt.Errorf("%s comes after %s in turn, so neither can begin; remove one of the two names", to, from)
			if to == from {
				err = fmt.Errorf("%s cannot come after itself; remove the name", to)
			}
		}
		if err != nil {
			v.invalid = fmt.Sprintf("%s:%d: after: %s", config.FileName, entry.Line, err)
			return v
		}
	}
	for _, entry := range entries {
		to, _ := a.find(from, entry)
		at, called := a.calls[to]
		switch {
		case called && a.judge(at).invalid == "" && a.judge(at).skip == "":
			if !slices.Contains(v.after, at) {
				v.after = append(v.after, at)
			}
			continue
		case called && a.judge(at).invalid != "", a.invalid[to], a.invalid[name{to.module, ""}]:
			v.skip = fmt.Sprintf("it comes after %s, which is invalid", to)
		case called:
			v.skip = notCalled(to, a.judge(at).skip)
		case a.skipped[to] != "":
			v.skip = notCalled(to, a.skipped[to])
		default:
			v.skip = notCalled(to, a.skipped[name{to.module, AllFunctions}])
		}
		return v
	}
	return v
}

func notCalled(to name, reason string) string {
	if reason == "" || len(reason) > maxReason {
		return fmt.Sprintf("it comes after %s, which is not called", to)
	}
	return fmt.Sprintf("it comes after %s, which is not called: %s", to, reason)
}

// apply leaves in the plan's calls those that can be made.
func (a *afters) apply() {
	var calls []Call
	place := make([]int, len(a.verdicts))
	for i, v := range a.verdicts {
		call := a.plan.Calls[i]
		switch {
		case v.invalid != "":
			a.plan.Invalid = append(a.plan.Invalid, Invalid{Module: call.Module, Function: call.Function, Error: v.invalid})
		case v.skip != "":
			a.plan.Skipped = append(a.plan.Skipped, Skipped{Module: call.Module, Function: call.Function, Reason: v.skip})
		default:
			place[i] = len(calls)
			calls = append(calls, call)
		}
	}
	for i, v := range a.verdicts {
		if v.invalid != "" || v.skip != "" {
			continue
		}
		for _, before := range v.after {
			calls[place[i]].After = append(calls[place[i]].After, place[before])
		}
		slices.Sort(calls[place[i]].After)
	}
	a.plan.Calls = calls
}

// circles numbers, from one, the functions that come after themselves in the
// end, those of one circle alike. It is Tarjan's algorithm for the strongly
// connected components of a graph.
func circles(before map[name][]name) map[name]int {
	var (
		found = map[name]int{}
		index = map[name]int{}
		low   = map[name]int{}
		on    = map[name]bool{}
		stack []name
		count int
		visit func(name)
	)
	visit = func(n name) {
		index[n] = len(index) + 1
		low[n] = index[n]
		stack, on[n] = append(stack, n), true
		for _, next := range before[n] {
			if index[next] == 0 {
				visit(next)
				low[n] = min(low[n], low[next])
			} else if on[next] {
				low[n] = min(low[n], index[next])
			}
		}
		if low[n] != index[n] {
			return
		}
		at := slices.Index(stack, n)
		component := slices.Clone(stack[at:])
		stack = stack[:at]
		count++
		for _, member := range component {
			on[member] = false
			if len(component) > 1 || slices.Contains(before[member], member) {
				found[member] = count
			}
		}
	}
	for n := range before {
		if index[n] == 0 {
			visit(n)
		}
	}
	return found
}
