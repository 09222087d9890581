package web

import (
	"maps"
	"net/http"
	"slices"
	"sync"

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

// routes has a line for each page and each form, in the order of the menu.
func (s *Site) routes() {
	s.mux.Handle("GET /static/", s.compress(s.assets))

	s.open("GET /sign-in", s.signInPage)
	s.open("POST /sign-in", s.signIn)
	s.open("POST /sign-out", s.signOut)

	s.public("GET /{$}", s.home)
	s.public("GET /runs/home", s.homeLive)

	s.public("GET /runs", s.runs)
	s.public("GET /runs/live", s.runsLive)
	s.public("GET /runs/{number}", s.run)
	s.public("GET /runs/{number}/live", s.runLive)
	s.write("POST /runs/{number}/restart", v1.ScopeRun, s.restartRun)
	s.write("POST /runs/{number}/abort", v1.ScopeRun, s.abortRun)
	s.write("POST /runs/{number}/approve", v1.ScopeRun, s.approveRun)
	s.public("GET /runs/{number}/calls/{function}", s.call)
	s.public("GET /runs/{number}/calls/{function}/log", s.callRaw)
	s.public("GET /runs/{number}/calls/{function}/lines", s.callLines)
	s.public("GET /runs/{number}/calls/{function}/live", s.callLive)
	s.write("POST /runs/{number}/calls/{function}/abort", v1.ScopeRun, s.abortCall)

	s.read("GET /events", s.events)
	s.read("GET /events/live", s.eventsLive)
	s.read("GET /events/{id}", s.event)
	s.read("GET /events/{id}/payload", s.eventPayload)
	s.write("POST /events/{id}/replay", v1.ScopeRun, s.replayEvent)

	s.public("GET /repositories", s.repositories)
	s.public("GET /repositories/{name...}", s.repository)
	s.public("GET /badges/{name...}", s.badge)

	s.read("GET /functions", s.functions)
	s.read("GET /functions/live", s.functionsLive)
	s.write("GET /functions/run", v1.ScopeRun, s.form)
	s.write("POST /functions/run", v1.ScopeRun, s.callFunction)
	s.write("POST /functions/disable", v1.ScopeRun, s.disable)
	s.write("POST /functions/enable", v1.ScopeRun, s.enable)
	s.write("POST /functions/apply", v1.ScopeRun, s.apply)

	s.read("GET /schedules", s.schedules)
	s.read("GET /registries", s.registries)
	s.read("GET /registries/{name}", s.registry)
	s.write("POST /registries/{name}/pin", v1.ScopeRun, s.pinTag)
	s.write("POST /registries/{name}/auto-deploy", v1.ScopeRun, s.autoDeploy)
	s.write("POST /registries/{name}/redeploy", v1.ScopeRun, s.redeployWatch)
	s.write("GET /registries/{name}/reset", v1.ScopeRun, s.resetWatchPage)
	s.write("POST /registries/{name}/reset", v1.ScopeRun, s.resetWatch)
	s.read("GET /mirrors", s.mirrors)
	s.write("POST /mirrors/{name}/sync", v1.ScopeRun, s.syncMirror)
	s.read("GET /signed", s.signed)
	s.read("GET /modules", s.modules)
	s.read("GET /modules/{name}", s.module)
	s.read("GET /modules/{name}/archive", s.moduleArchive)
	s.write("POST /modules/{name}/rename", v1.ScopeAdmin, s.renameModule)
	s.write("GET /modules/{name}/delete", v1.ScopeAdmin, s.deleteModulePage)
	s.write("POST /modules/{name}/delete", v1.ScopeAdmin, s.deleteModule)

	s.write("GET /try", v1.ScopeRun, s.try)
	s.write("POST /try", v1.ScopeRun, s.tryEvent)

	s.read("GET /settings", s.settings)
	s.read("GET /settings/webhooks", s.webhooks)
	s.write("GET /settings/keys", v1.ScopeAdmin, s.keys)
	s.write("POST /settings/keys", v1.ScopeAdmin, s.createKey)
	s.write("GET /settings/keys/{id}/delete", v1.ScopeAdmin, s.deleteKeyPage)
	s.write("POST /settings/keys/{id}/delete", v1.ScopeAdmin, s.deleteKey)
	s.write("GET /settings/audit", v1.ScopeAdmin, s.audit)
	s.write("GET /settings/configuration", v1.ScopeAdmin, s.configuration)

	s.open("/", s.nothing)
}

// route is a pattern with the scope that it needs.
type route struct {
	pattern string
	scope   v1.Scope
}

// handler answers a visit. Its error becomes a page that says what is wrong.
type handler func(*visit) error

// open adds what everybody may use.
func (s *Site) open(pattern string, h handler) { s.add(pattern, "", h) }

// public adds a page that everybody may see of repositories that are public. The
// API says which those are: what it refuses to a stranger leads to signing in. Few strangers
// are answered at a time, so that they leave room for those who work here.
func (s *Site) public(pattern string, h handler) {
	s.add(pattern, "", func(v *visit) error {
		if v.me != nil {
			return h(v)
		}
		leave, room := s.strangers.enter(v.client())
		if !room {
			return v.crowded()
		}
		v.leave = sync.OnceFunc(leave)
		defer v.leave()
		return h(v)
	})
}

// read adds a page for who has signed in.
func (s *Site) read(pattern string, h handler) { s.add(pattern, v1.ScopeRead, h) }

// write adds a form for who has signed in with a key that has the scope, or a page that
// is of use to no others.
func (s *Site) write(pattern string, scope v1.Scope, h handler) { s.add(pattern, scope, h) }

func (s *Site) add(pattern string, scope v1.Scope, h handler) {
	s.added = append(s.added, route{pattern, scope})
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		body := r.Body
		r.Body = http.MaxBytesReader(w, body, formLimit)
		v, err := s.visit(w, r)
		v.body = body
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
