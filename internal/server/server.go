// Package server is the HTTP intake: it receives webhooks, proves and reads
// them with their source, and hands the events to a sink before it
// acknowledges them. It also answers whether the agent is alive and ready.
//
// The routes are
//
//	POST /                  the first webhook of a forge
//	POST /webhooks/NAME     the webhook of that name, also by other methods if its
//	                        rules say so
//	GET  /                  the home page, or what is served here if there are no pages
//	GET  /healthz           200 while the process answers
//	GET  /readyz            200 if every check holds, else 503
//	     /api/              the API, if there is one
//	GET  /metrics           metrics, if they are served here
//	     /runs/…            and other pages, if there are any
//	     /repos, /tags/…    what registrywatcher served, if registries are watched
//
// Every answer of its own is JSON. Errors are {"error": "…"}. Only what functions
// return to a sender who waits for them is of their own kind.
package server

import (
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

// MaxBody is the largest body of a delivery in bytes: 25 MiB, which is what
// GitHub caps its payloads at.
const MaxBody = 25 << 20

// maxBodies is how many bytes of bodies are read at a time.
const maxBodies = 256 << 20

// Options are what a server is made of.
type Options struct {
	// Hooks are what is received at first; see [Server.SetHooks].
	Hooks []Hook
	// Sink takes the events.
	Sink Sink
	// Runs says what becomes of runs, for hooks that wait. Without it none does.
	Runs Runs
	// Checks decide about readiness, all of them at the same time.
	Checks []Check
	// API is served at /api/, and Metrics at /metrics; either may be nil.
	API, Metrics http.Handler
	// Pages are what people look at, at the paths that they say they serve; nil is none.
	Pages Pages
	// Registries serves the paths that it says it does, beside those of the
	// server's own; it may be nil.
	Registries Registries
	// Answered, if it is not nil, is told the status of each delivery.
	Answered func(vendor string, status int)
	// Remote returns the address of a request's client for the log; nil takes that of
	// the connection.
	Remote func(*http.Request) string
	// Log gets one line per delivery; nil is slog's default.
	Log *slog.Logger
}

// Pages are what people look at. Which paths they serve does not change.
type Pages interface {
	http.Handler
	Serves(path string) bool
}

// Registries is what people do with the registries that are watched, at paths that they
// know from elsewhere. Which those are may change at any time.
type Registries interface {
	http.Handler
	Serves(path string) bool
}

// Server is the intake as an [http.Handler].
type Server struct {
	hooks   atomic.Pointer[hooks]
	sink    Sink
	runs    Runs
	waiters chan struct{}
	checks  []*probe
	api     http.Handler
	metrics http.Handler
	pages   Pages
	watched Registries
	answer  func(string, int)
	bodies  *semaphore.Weighted
	outage  *outage
	remote  func(*http.Request) string
	log     *slog.Logger
}

// New returns a server. It fails if there is no sink, or if the hooks cannot be; there
// may be none.
func New(o Options) (*Server, error) {
	if o.Sink == nil {
		return nil, errors.New("no sink for events is given")
	}
	s := &Server{sink: o.Sink, runs: o.Runs, waiters: make(chan struct{}, maxWaiting), api: o.API, metrics: o.Metrics, pages: o.Pages, watched: o.Registries, answer: o.Answered,
		bodies: semaphore.NewWeighted(maxBodies), remote: o.Remote, log: o.Log}
	if s.remote == nil {
		s.remote = Proxies(nil).Client
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	s.outage = &outage{log: s.log}
	if s.answer == nil {
		s.answer = func(string, int) {}
	}
	if err := s.SetHooks(o.Hooks); err != nil {
		return nil, err
	}
	for _, check := range o.Checks {
		s.checks = append(s.checks, &probe{check: check, log: s.log})
	}
	return s, nil
}

// NewHTTPServer returns an [http.Server] for h with limits on what a slow or
// hostile client can hold on to: 10 s and 64 KiB for headers, a minute for the
// largest body, a minute and a half for the whole exchange, two minutes idle.
// Handlers that stream lift the last with [http.ResponseController].
func NewHTTPServer(h http.Handler, log *slog.Logger) *http.Server {
	if log == nil {
		log = slog.Default()
	}
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      90 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// ServeHTTP implements [http.Handler]. A panic below it becomes a 500.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	out := &response{ResponseWriter: w}
	defer func() {
		fault := recover()
		if fault == nil {
			return
		}
		if fault == http.ErrAbortHandler {
			panic(fault)
		}
		s.log.Error("panic while serving a request", "method", r.Method, "path", r.URL.Path,
			"panic", fault, "stack", string(debug.Stack()))
		if !out.started {
			out.fail(http.StatusInternalServerError, "internal error")
		}
	}()
	s.route(out, r)
}

func (s *Server) route(w *response, r *http.Request) {
	path := r.URL.Path
	switch {
	case strings.HasPrefix(path, webhooks):
		hook, known := s.hooks.Load().at[path]
		switch {
		case !known && allow(w, r, http.MethodPost):
			w.fail(http.StatusNotFound, "there is no webhook at "+path)
		case known && allow(w, r, hook.rules().Methods...):
			s.receive(w, r, hook)
		}
	case path == "/":
		if !allow(w, r, http.MethodGet, http.MethodHead, http.MethodPost) {
			return
		}
		if r.Method == http.MethodPost {
			if hook := s.hooks.Load().root; hook != nil {
				s.receive(w, r, hook)
			} else {
				w.fail(http.StatusNotFound, "no forge's webhook is received here: agent.yaml names none")
			}
			return
		}
		if s.pages != nil {
			s.pages.ServeHTTP(w, r)
			return
		}
		s.index(w)
	case path == "/healthz":
		if allow(w, r, http.MethodGet, http.MethodHead) {
			w.reply(http.StatusOK, map[string]string{"status": "alive"})
		}
	case path == "/readyz":
		if allow(w, r, http.MethodGet, http.MethodHead) {
			s.ready(w, r)
		}
	case s.api != nil && strings.HasPrefix(path, "/api/"):
		s.api.ServeHTTP(w, r)
	case s.pages != nil && s.pages.Serves(path):
		s.pages.ServeHTTP(w, r)
	case s.metrics != nil && path == "/metrics":
		if allow(w, r, http.MethodGet, http.MethodHead) {
			s.metrics.ServeHTTP(w, r)
		}
	case s.watched != nil && s.watched.Serves(path):
		s.watched.ServeHTTP(w, r)
	default:
		hook, known := s.hooks.Load().at[strings.TrimSuffix(path, "/")]
		switch {
		case !known:
			w.fail(http.StatusNotFound, "there is nothing at "+path)
		case allow(w, r, hook.rules().Methods...):
			s.receive(w, r, hook)
		}
	}
}

// index tells somebody who opens the agent in a browser what it is and where
// webhooks go.
func (s *Server) index(w *response) {
	paths := slices.Collect(maps.Keys(s.hooks.Load().at))
	slices.Sort(paths)
	if len(paths) == 0 {
		paths = []string{} // in JSON no null
	}
	w.reply(http.StatusOK, map[string]any{
		"service": "pocketci", "webhooks": paths, "alive": "/healthz", "ready": "/readyz",
	})
}

// allow answers 405 and returns false unless the request's method is one of
// those given.
func allow(w *response, r *http.Request, methods ...string) bool {
	if slices.Contains(methods, r.Method) {
		return true
	}
	w.Header().Set("Allow", strings.Join(methods, ", "))
	w.fail(http.StatusMethodNotAllowed, "this path takes "+strings.Join(methods, ", "))
	return false
}

// response writes JSON and remembers whether an answer has been begun.
type response struct {
	http.ResponseWriter
	started bool
}

func (w *response) WriteHeader(status int) {
	w.started = true
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets [http.ResponseController] reach the connection.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *response) fail(status int, reason string) {
	w.reply(status, map[string]string{"error": reason})
}

func (w *response) reply(status int, body any) {
	data, err := json.Marshal(body)
	if err != nil {
		// All bodies are maps of text, lists and booleans made here.
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// A client that has gone does not need the answer.
	_, _ = w.Write(append(data, '\n'))
}
