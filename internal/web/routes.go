package web

import (
	"maps"
	"net/http"
	"slices"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

// sections are the first parts of the paths that the site serves. No webhook can
// have one of them.
var sections = map[string]bool{
	"static": true, "sign-in": true, "sign-out": true, "badges": true,
	"runs": true, "events": true, "repositories": true, "functions": true,
	"schedules": true, "registries": true, "mirrors": true, "signed": true, "modules": true,
	"try": true, "settings": true,
}

// Sections returns the first parts of the paths that the site serves, sorted.
func Sections() []string {
	return slices.Sorted(maps.Keys(sections))
}

// routes has a line for each page and each form.
func (s *Site) routes() {
	s.mux.Handle("GET /static/", s.assets)

	s.open("GET /sign-in", s.signInPage)
	s.open("POST /sign-in", s.signIn)
	s.open("POST /sign-out", s.signOut)

	s.public("GET /{$}", s.home)
	s.public("GET /runs/home", s.homeLive)
	s.public("GET /repositories", s.repositories)
	s.read("GET /runs", s.runs)
	s.read("GET /runs/live", s.runsLive)
	s.public("GET /badges/{name...}", s.badge)

	s.write("GET /functions/run", v1.ScopeRun, s.form)
	s.write("POST /functions/run", v1.ScopeRun, s.callFunction)

	s.public("GET /runs/{number}", s.run)
	s.public("GET /runs/{number}/live", s.runLive)
	s.write("POST /runs/{number}/restart", v1.ScopeRun, s.restartRun)
	s.write("POST /runs/{number}/abort", v1.ScopeRun, s.abortRun)
	s.write("POST /runs/{number}/approve", v1.ScopeRun, s.approveRun)

	s.read("GET /events", s.events)
	s.read("GET /events/live", s.eventsLive)
	s.read("GET /events/{id}", s.event)
	s.read("GET /events/{id}/payload", s.eventPayload)
	s.write("POST /events/{id}/replay", v1.ScopeRun, s.replayEvent)

	s.write("GET /try", v1.ScopeRun, s.try)
	s.write("POST /try", v1.ScopeRun, s.tryEvent)

	s.open("/", s.nothing)
}

// handler answers a visit. Its error becomes a page that says what is wrong.
type handler func(*visit) error

// open adds what everybody may use.
func (s *Site) open(pattern string, h handler) { s.add(pattern, "", h) }

// public adds a page that everybody may see of repositories that are public. The
// API says which those are: what it refuses to a stranger leads to signing in.
func (s *Site) public(pattern string, h handler) { s.add(pattern, "", h) }

// read adds a page for who has signed in.
func (s *Site) read(pattern string, h handler) { s.add(pattern, v1.ScopeRead, h) }

// write adds a form for who has signed in with a key that has the scope, or a page that
// is of use to no others.
func (s *Site) write(pattern string, scope v1.Scope, h handler) { s.add(pattern, scope, h) }

func (s *Site) add(pattern string, scope v1.Scope, h handler) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		v, err := s.visit(w, r)
		if err == nil {
			err = v.need(scope)
		}
		if err == nil {
			err = h(v)
		}
		if err != nil {
			v.fail(err)
		}
	})
}

func (s *Site) nothing(v *visit) error {
	return &problem{http.StatusNotFound, "There is no page at this address."}
}
