package web

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/client"
)

// homePage is what is going on, and the repositories with the latest runs.
type homePage struct {
	Running     []v1.RunningRun
	MoreRunning int
	Waiting     []waitingRow
	MoreWaiting int
	Failed      []v1.Run
	// Repositories are those of one page, More how many come behind them, and Next the
	// address of the page of those.
	Repositories []repositoryRow
	More         int
	Next         string
	// Hooks is where forges send events, for whoever sees the page for the first time.
	Hooks string
}

// Quiet reports whether nothing is going on.
func (p *homePage) Quiet() bool { return len(p.Running) == 0 && len(p.Waiting) == 0 }

// First reports whether nothing has ever happened, as far as it is kept.
func (p *homePage) First() bool { return p.Quiet() && len(p.Repositories) == 0 && len(p.Failed) == 0 }

// waitingRow is something that waits, and where to read more about why.
type waitingRow struct {
	v1.Waiting
	To string
}

const (
	// homeRunning is how many running runs are listed at most, and homeWaiting how many
	// of each kind of waiting: runs for an approval, runs to be planned, and calls.
	homeRunning, homeWaiting = 15, 6
)

func (s *Site) homeOf(o *v1.Overview) *homePage {
	p := &homePage{
		Running: o.Running, MoreRunning: o.MoreRunning, MoreWaiting: o.MoreWaiting, Failed: o.Failed,
		More: o.MoreRepositories, Next: nextRepositories(o.Next), Hooks: strings.TrimSuffix(s.PublicURL, "/") + "/webhooks/",
	}
	if s.PublicURL == "" {
		p.Hooks = "https://YOUR-HOST/webhooks/"
	}
	if more := len(p.Running) - homeRunning; more > 0 {
		p.Running, p.MoreRunning = p.Running[:homeRunning], p.MoreRunning+more
	}
	kinds := map[string]int{}
	for _, w := range o.Waiting {
		kind := w.Run.State
		if len(w.Calls) > 0 {
			kind = "call"
		}
		if kinds[kind]++; kinds[kind] > homeWaiting {
			p.MoreWaiting += max(1, len(w.Calls)+w.MoreCalls)
			continue
		}
		p.Waiting = append(p.Waiting, waitingRow{w, whyPath(&w)})
	}
	for i := range o.Repositories {
		p.Repositories = append(p.Repositories, rowOf(&o.Repositories[i]))
	}
	return p
}

// whyPath is where to read more about why something waits.
func whyPath(w *v1.Waiting) string {
	switch w.Why {
	case "after", "group":
		if len(w.Behind) > 0 {
			return callPath(w.Behind[0].RunNumber, w.Behind[0].Module, w.Behind[0].Function)
		}
	case "no-agent", "runner", "agents":
		return "/settings"
	case "repository":
		return repositoryPath(w.Run.Repository)
	}
	return runPath(w.Run.Number)
}

func (s *Site) home(v *visit) error {
	o, err := v.api.Overview(v.ctx(), client.Page{})
	if err != nil {
		return err
	}
	p := s.homeOf(&o)
	if v.me == nil && p.First() {
		return errStranger // there is nothing for him to see
	}
	return v.show("home", p)
}

// homeParts are the parts of the page that are kept up to date, each an element whose id
// is its name.
var homeParts = []string{"welcome", "running", "waiting", "repositories", "failed"}

func (s *Site) homeLive(v *visit) error {
	return v.live("home", func(ctx context.Context, send push) error {
		for news, err := range v.api.WatchOverview(ctx, nil) {
			if err != nil {
				return err
			}
			parts, err := s.news.parts(news, s)
			if err != nil {
				return err
			}
			for i, part := range parts {
				if err := send(homeParts[i], "", part); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// news is the parts of home as the last overview that anybody was sent has them. All who
// look at home are sent the same, or, if they have not signed in, the same of what is
// public: each is rendered once.
type news struct {
	mu    sync.Mutex
	known [2]struct {
		text  string
		parts []rendered
	}
}

// parts renders an overview, unless it is one of the last two.
func (n *news) parts(text string, s *Site) ([]rendered, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, k := range n.known {
		if k.text == text && k.parts != nil {
			return k.parts, nil
		}
	}
	var o v1.Overview
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return nil, fmt.Errorf("read the overview: %w", err)
	}
	home := s.homeOf(&o)
	parts := make([]rendered, len(homeParts))
	for i, name := range homeParts {
		part, err := s.pages["home"].part(name, home)
		if err != nil {
			return nil, err
		}
		parts[i] = part
	}
	n.known[1] = n.known[0]
	n.known[0].text, n.known[0].parts = text, parts
	return parts, nil
}
