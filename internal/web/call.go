package web

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/client"
)

// The views of a log.
const (
	viewSteps = "steps"
	viewOrder = "order"
)

// callRef is a call as the path and query of a page name it.
type callRef struct {
	run  *v1.Run
	call *v1.Call
	// attempt is the number of the attempt that is looked at.
	attempt int
	// others are the paths of modules that have a function of that name in the same run.
	others []string
	query  url.Values
}

// findCall finds the call that a page is of.
func (v *visit) findCall() (*callRef, error) {
	number, function := v.r.PathValue("number"), v.r.PathValue("function")
	run, err := v.api.Run(v.ctx(), number)
	if err != nil {
		return nil, err
	}
	ref := &callRef{run: &run, query: v.r.URL.Query()}
	module := ref.query.Get("module")
	id := ""
	for i := range run.Calls {
		c := &run.Calls[i]
		if c.Function != function {
			continue
		}
		ref.others = append(ref.others, c.Module)
		if id == "" && (module == "" || c.Module == module) {
			id = c.ID
		}
	}
	if id == "" {
		return nil, &problem{http.StatusNotFound, fmt.Sprintf("Run %s has no call of %s.", number, function)}
	}
	call, err := v.api.Call(v.ctx(), id)
	if err != nil {
		return nil, err
	}
	ref.call = &call
	ref.others = slices.DeleteFunc(ref.others, func(m string) bool { return m == call.Module })
	if ref.attempt, err = ref.number("attempt"); err != nil {
		return nil, err
	}
	if ref.attempt = cmp.Or(ref.attempt, call.Attempt); ref.at(ref.attempt) == nil {
		return nil, &problem{http.StatusNotFound, fmt.Sprintf("The call has no attempt %d.", ref.attempt)}
	}
	return ref, nil
}

// number is a number of the query, 0 if it is left out.
func (c *callRef) number(name string) (int, error) {
	text := c.query.Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, &problem{http.StatusUnprocessableEntity, fmt.Sprintf("%s is to be a number from 1 on.", name)}
	}
	return n, nil
}

// at is an attempt of the call, nil if there is none of that number.
func (c *callRef) at(number int) *v1.Attempt {
	call := c.call
	if number == call.Attempt {
		return &v1.Attempt{
			Number: number, State: call.State, Reason: call.Reason, Agent: call.Agent, QueuedAt: call.QueuedAt, StartedAt: call.StartedAt,
			EndedAt: call.EndedAt, LogSize: call.LogSize, LogCut: call.LogCut, LogGone: call.LogGone,
		}
	}
	for i := range call.Attempts {
		if call.Attempts[i].Number == number {
			return &call.Attempts[i]
		}
	}
	return nil
}

// path is where the call's page is, or what lies below it, with pairs of names and values
// for the query. Empty values are left out.
func (c *callRef) path(below string, pairs ...string) string {
	own := []string{}
	if len(c.others) > 0 {
		own = append(own, "module", c.call.Module)
	}
	if c.attempt != c.call.Attempt {
		own = append(own, "attempt", strconv.Itoa(c.attempt))
	}
	return address(callPath(c.run.Number, "", c.call.Function)+below, append(own, pairs...)...)
}

// callPage is what the page of a call shows.
type callPage struct {
	Run  *v1.Run
	Head callHead
	// Others are calls of the same function of other modules.
	Others []callLink
	View   string
	// Links lead to the views, and to the log as a file. Abort is where the form goes that
	// ends the call, empty if it cannot be ended.
	Steps, Order, Raw, Abort string
	// Log is the attempt's log, Beside that of another one.
	Log, Beside *callLog
	Search      callSearch
}

// callHead is how an attempt of a call stands. It changes while the call runs.
type callHead struct {
	Call    *v1.Call
	Attempt *v1.Attempt
	// Attempts are all of them if there are several.
	Attempts []callLink
	// Latest says that the attempt is the present one, whose result is that of the call.
	Latest bool
}

// Live reports whether the attempt may still change.
func (h callHead) Live() bool { return !client.Ended(h.Attempt.State) }

type callLink struct {
	Text, To, State string
	Now             bool
	// Beside leads to this attempt at the side of the one that is shown.
	Beside string
}

func (c *callRef) head() callHead {
	h := callHead{Call: c.call, Attempt: c.at(c.attempt), Latest: c.attempt == c.call.Attempt}
	if c.call.Attempt == 1 {
		return h
	}
	for n := range c.call.Attempt {
		a := c.at(n + 1)
		if a == nil {
			continue
		}
		l := callLink{Text: strconv.Itoa(a.Number), To: c.path("", "attempt", strconv.Itoa(a.Number)), State: a.State, Now: a.Number == c.attempt}
		if !l.Now {
			l.Beside = c.path("", "attempt", strconv.Itoa(min(a.Number, c.attempt)), "beside", strconv.Itoa(max(a.Number, c.attempt)))
		}
		h.Attempts = append(h.Attempts, l)
	}
	return h
}

// call shows a call.
func (s *Site) call(v *visit) error {
	ref, err := v.findCall()
	if err != nil {
		return err
	}
	page := callPage{
		Run: ref.run, Head: ref.head(), View: viewSteps,
		Steps: ref.path(""), Order: ref.path("", "view", viewOrder), Raw: ref.path("/log"),
	}
	if page.Head.Latest && page.Head.Live() && v.may(v1.ScopeRun) {
		page.Abort = ref.path("/abort")
	}
	for _, module := range ref.others {
		page.Others = append(page.Others, callLink{Text: module, To: ref.path("", "module", module, "attempt", "")})
	}
	if ref.query.Get("view") == viewOrder || ref.query.Get("line") != "" || ref.query.Get("q") != "" || ref.query.Get("step") != "" {
		page.View = viewOrder
	}
	beside, err := ref.number("beside")
	if err != nil {
		return err
	}
	if beside != 0 {
		if ref.at(beside) == nil {
			return &problem{http.StatusNotFound, fmt.Sprintf("The call has no attempt %d.", beside)}
		}
		page.View = viewSteps
		other := *ref
		other.attempt = beside
		if page.Beside, err = v.callSteps(&other, false); err != nil {
			return err
		}
	}
	if page.View == viewSteps {
		page.Log, err = v.callSteps(ref, beside == 0)
		if err == nil && beside == 0 && page.Log.Total > 0 && len(page.Log.Steps.Roots) == 0 {
			page.View = viewOrder // it tells of no steps
		}
	}
	if err == nil && page.View == viewOrder {
		if page.Log, err = v.callOrder(ref); err == nil {
			page.Search, err = v.callSearch(ref)
		}
	}
	if err != nil {
		return err
	}
	return v.show("call", page)
}

// callRaw downloads what the steps printed.
func (s *Site) callRaw(v *visit) error {
	ref, err := v.findCall()
	if err != nil {
		return err
	}
	name := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}, ref.call.Function)
	file := fmt.Sprintf("run-%d-%s-%d.log", ref.run.Number, name, ref.attempt)
	return v.download(file, "text/plain; charset=utf-8", func(w io.Writer) error {
		return v.api.RawLog(v.ctx(), ref.call.ID, ref.attempt, w)
	})
}
