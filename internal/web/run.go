package web

import (
	"cmp"
	"context"
	"net/http"
	"regexp"
	"strconv"
	"time"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/client"
)

// runPage is a run with its plan.
type runPage struct {
	Run    v1.Run
	Origin v1.Origin
	Plan   planPart
	// SignedIn, MayRun and MayTrust say what the visitor is offered.
	SignedIn, MayRun, MayTrust bool
	// Live is the address that keeps the page up to date, empty once the run has ended.
	Live string
	// Failed is how many calls did not succeed, of those that have ended.
	Failed int
	// Waits says why the run itself has not begun.
	Waits string
	// Form is what was typed into one of the forms and not taken.
	Form runInput
}

// runInput is what was typed into a form of a run.
type runInput struct {
	// Of is restart, abort or approve.
	Of, Error, Reason, SHA string
	Trust                  bool
}

// Ended reports whether the present attempt has ended.
func (p *runPage) Ended() bool { return client.Ended(p.Run.State) }

// Waiting reports whether it waits for an approval.
func (p *runPage) Waiting() bool { return p.Run.State == "waiting-approval" }

// Planned reports whether there is a plan.
func (p *runPage) Planned() bool { return len(p.Run.Plan) > 0 }

// Took and Waited are how long the attempt took and waited.
func (p *runPage) Took() timespan { return span(p.Run.StartedAt, p.Run.EndedAt) }

// Waited is how long the attempt waited before it began.
func (p *runPage) Waited() timespan {
	s := span(p.Run.QueuedAt, p.Run.StartedAt)
	if p.Ended() && !s.Ended() || p.Waiting() {
		return timespan{}
	}
	return s
}

// Commit is the sha that an approval is of, empty if it has to be typed.
func (p *runPage) Commit() string {
	if fullSHA.MatchString(p.Run.SHA) {
		return p.Run.SHA
	}
	return ""
}

var fullSHA = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// numberOf is the run's number in the address.
func numberOf(v *visit) (string, error) {
	n, err := strconv.ParseInt(v.r.PathValue("number"), 10, 64)
	if err != nil || n < 1 {
		return "", &problem{http.StatusNotFound, "There is no such run: runs have numbers."}
	}
	return strconv.FormatInt(n, 10), nil
}

func (s *Site) run(v *visit) error { return s.showRun(v, http.StatusOK, runInput{}) }

// showRun shows the run of the address, with what was wrong with a form of it.
func (s *Site) showRun(v *visit, status int, form runInput) error {
	number, err := numberOf(v)
	if err != nil {
		return err
	}
	r, err := v.api.Run(v.ctx(), number)
	if err != nil {
		return err
	}
	search := v.r.URL.Query().Get("q")
	p, err := v.runPage(&r, search)
	if err != nil {
		return err
	}
	p.Form = form
	if !p.Ended() {
		p.Live = address(runPath(r.Number)+"/live", "q", search)
	}
	reasons{}.fill(v.ctx(), v, p)
	return v.showStatus(status, "run", p)
}

func (v *visit) runPage(r *v1.Run, search string) (*runPage, error) {
	p := &runPage{Run: *r, SignedIn: v.me != nil, MayRun: v.may(v1.ScopeRun), MayTrust: v.may(v1.ScopeAdmin)}
	if r.Origin != nil {
		p.Origin = *r.Origin
	}
	var err error
	if p.Plan, err = planOf(r.Plan, append([]v1.Call{}, r.Calls...), r.Number, search); err != nil {
		return nil, err
	}
	p.Plan.Action = runPath(r.Number)
	for _, c := range p.Plan.Calls {
		if c.Ended() && c.State != "succeeded" {
			p.Failed++
		}
	}
	return p, nil
}

// reasons are why a run and its calls wait, which the overview knows. It is asked anew
// after a while only.
type reasons struct {
	at    time.Time
	run   string
	calls map[string]string
}

// reasonsAge is how old reasons may be.
const reasonsAge = 5 * time.Second

// fill says why what waits does, where that is known, and returns what it knows.
func (k reasons) fill(ctx context.Context, v *visit, p *runPage) reasons {
	waits := p.Run.State == "queued"
	for i := range p.Plan.Calls {
		waits = waits || p.Plan.Calls[i].State == "queued" && p.Plan.Calls[i].Reason == ""
	}
	if !waits {
		return k
	}
	if time.Since(k.at) > reasonsAge {
		k = reasons{time.Now(), "", map[string]string{}}
		// Without it the page says less, and no more is lost.
		if o, err := v.api.Overview(ctx, client.Page{Limit: 1}); err == nil {
			for _, w := range o.Waiting {
				if w.Run.Number != p.Run.Number {
					continue
				}
				if len(w.Calls) == 0 {
					k.run = w.Reason
				}
				for _, c := range w.Calls {
					k.calls[c.ID] = w.Reason
				}
			}
		}
	}
	p.Waits = k.run
	for i := range p.Plan.Calls {
		if c := &p.Plan.Calls[i]; c.State == "queued" && c.Reason == "" {
			c.Reason = cmp.Or(k.calls[c.ID], "waits for its turn")
		}
	}
	return k
}

// runPace is how long a page of a run with many calls stays as it is at least.
const (
	runPace  = time.Second
	runCrowd = 40
)

// runLive keeps the page of a run up to date until it has ended.
func (s *Site) runLive(v *visit) error {
	number, err := numberOf(v)
	if err != nil {
		return err
	}
	full, err := v.api.Run(v.ctx(), number)
	if err != nil {
		return err
	}
	search := v.r.URL.Query().Get("q")
	return v.live("run", func(ctx context.Context, send push) error {
		var known reasons
		table := true
		for news, err := range v.api.WatchRun(ctx, number, full.Attempt, nil) {
			if err != nil {
				return err
			}
			if len(news.Calls) != len(full.Calls) || news.Attempt != full.Attempt || news.SHA != full.SHA || len(full.Plan) == 0 {
				// The plan has come, or another attempt.
				if full, err = v.api.Run(ctx, number); err != nil {
					return err
				}
				table = true
			}
			news.Plan, news.Attempts, news.Origin = full.Plan, full.Attempts, full.Origin
			p, err := v.runPage(&news, search)
			if err != nil {
				return err
			}
			known = known.fill(ctx, v, p)
			if err := sendRun(send, p, table); err != nil {
				return err
			}
			table = false
			if len(p.Plan.Calls) > runCrowd && !p.Ended() {
				select {
				case <-time.After(runPace):
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}
		return nil
	})
}

// sendRun sends the parts of a run's page that may have changed. Of the calls each is
// sent for itself, unless the table has others than before.
func sendRun(send push, p *runPage, table bool) error {
	for _, part := range []string{"head", "forms", "attempts"} {
		if err := send(part, "", p); err != nil {
			return err
		}
	}
	if err := send("picture", "", &p.Plan); err != nil {
		return err
	}
	if table {
		for _, part := range []string{"calls", "findings"} {
			if err := send(part, "", &p.Plan); err != nil {
				return err
			}
		}
		if err := send("local", "", p); err != nil {
			return err
		}
	}
	for i := range p.Plan.Calls {
		if err := send("callrow", p.Plan.Calls[i].ID, &p.Plan.Calls[i]); err != nil {
			return err
		}
	}
	return nil
}
