// Package api serves version 1 of the agent's HTTP API under [v1.Prefix]. Every
// operation is registered in one way, which checks the key and its scope,
// maps errors to problem details, and describes the operation in the OpenAPI
// document that docs/openapi.json holds.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/tokens"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/calllog"
	"github.com/franela/pocketci/internal/store"
)

// ErrAway is in the chain of a [Planner]'s error if the same request may
// succeed later, because the engine or the forge does not answer.
var ErrAway = errors.New("something that planning needs is away")

// Planner plans events without calling anything.
type Planner interface {
	// Plan returns what the event would call. It fetches the repository and
	// loads its modules, so that it may take minutes. Its errors are shown to
	// the client: they hold no secrets.
	Plan(ctx context.Context, event events.Event) (*dispatcher.View, error)
}

// Options are what the API is made of. Store, Planner and Parse are needed.
type Options struct {
	Store   *store.Store
	Planner Planner
	// Inspector is for lists of functions and for modules that are to be stored. Without
	// one there are none.
	Inspector Inspector
	// Deployed, if it is not nil, is told when stored modules have changed. It must not
	// wait for anything.
	Deployed func()
	// Parse reads a payload as a delivery of its vendor would be read, without
	// a signature. The name is the vendor's own. Its errors are an
	// [*events.MalformedError], for a vendor that is not known too, and an
	// [*events.NothingError].
	Parse func(vendor, name string, payload []byte) (events.Event, error)
	// Schedules are those that are kept. It may be nil.
	Schedules Schedules
	// Checks returns the state of what the agent needs by name: ok, failed or
	// timed out. It is bounded in time.
	Checks func(ctx context.Context) map[string]string
	// Configuration says how the agent's configuration file fares. Nil is for an
	// agent that has none.
	Configuration func() v1.Configuration
	// Loaded is what the agent was started with and has read since, without
	// secrets. It may be nil.
	Loaded func() v1.LoadedConfiguration
	// Registries are what the agent watches in registries; nil is nothing.
	Registries Registries
	// Push takes a signed token for a source, stores its event and returns the
	// receipt. Its errors are those of [tokens.Source.Push]. Nil is for an agent
	// that takes none.
	Push func(ctx context.Context, source, token string) (store.Receipt, error)
	// Signed says how the sources of signed tokens fare; nil is for an agent that
	// has none.
	Signed func(ctx context.Context) ([]tokens.Status, error)
	// CanWrite reports whether the person that a forge knows by a login may
	// write to an event's repository, as the forge itself says now. Its errors
	// are shown to the client: they hold no secrets. An error counts as no, and
	// so does a CanWrite that is nil.
	CanWrite func(ctx context.Context, event *events.Event, login string) (bool, error)
	// Mirrors lists the mirrors of the agent that answers, and what is stored of
	// those of others. SyncMirror has one of its own look now, and touch its
	// trigger in any case; the error is a [reaction.ErrUnknown].
	Mirrors    func(ctx context.Context) ([]v1.Mirror, error)
	SyncMirror func(name string, touch bool) error
	// Webhooks lists what is received by the agent that answers, by name; nil is
	// nothing. The addresses in full are added here.
	Webhooks func() []v1.Webhook
	// PublicURL is where people reach the agent, without a slash at the end.
	// Empty leaves links to runs out.
	PublicURL string
	// Version is that of the agent.
	Version string
	// Remote returns the address of a request's client; nil takes that of the
	// connection. Behind a proxy, whoever fails to log in would keep all of
	// its other clients waiting with that.
	Remote func(*http.Request) string
	// KeepAlive is how often a stream without news gets a comment; 15 s by
	// default.
	KeepAlive time.Duration
	// Stall is how long the client of a stream or log may take nothing before
	// it is given up; 30 s by default.
	Stall time.Duration
	// Log is nil for slog's default.
	Log *slog.Logger
}

// service is the state that the handlers share.
type service struct {
	Options
	api      huma.API
	failures *limiter
	// strangers are requests without a key whose bodies are read or wait.
	strangers chan struct{}
	// logs are the logs of calls by lines.
	logs *calllog.Logs
	// shared are the overviews that are followed.
	shared shares
}

// API is the handler of everything under [v1.Prefix]. It keeps no goroutines;
// streams end with the contexts of their requests.
type API struct {
	http.Handler
	service *service
}

// Protect returns a handler that asks for a key with the scope before h, as the
// API's own operations do, for what is served beside them.
func (a *API) Protect(scope v1.Scope, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := a.service.identify(r, scope, false)
		if err != nil {
			status, headers := a.service.refusal(r.Context(), r.URL.Path, err)
			for name := range headers {
				w.Header().Set(name, headers.Get(name))
			}
			w.Header().Set("X-Content-Type-Options", "nosniff")
			w.Header().Set("Cache-Control", "no-store")
			refuse(w, status.GetStatus(), status.Error())
			return
		}
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, c)))
	})
}

// Caller returns who makes a request that [API.Protect] has let through.
func Caller(ctx context.Context) store.Actor { return who(ctx).actor }

// New returns the API. It fails if an option is missing that is needed.
func New(o Options) (*API, error) {
	switch {
	case o.Store == nil:
		return nil, errors.New("the API has no store")
	case o.Planner == nil:
		return nil, errors.New("the API has no planner")
	case o.Parse == nil:
		return nil, errors.New("the API has no parser of payloads")
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.KeepAlive == 0 {
		o.KeepAlive = 15 * time.Second
	}
	if o.Stall == 0 {
		o.Stall = 30 * time.Second
	}
	if o.Remote == nil {
		o.Remote = connection
	}
	s := &service{Options: o, failures: newLimiter(time.Now), strangers: make(chan struct{}, maxStrangers), logs: calllog.New(o.Store)}
	mux := s.routes()
	// To write the document takes more memory than all that an agent has in use, and
	// hardly any agent is ever asked for it.
	doc := s.api.OpenAPI()
	mux.Handle("GET "+v1.Prefix+"/openapi.json", document(o.Log, "application/openapi+json", doc.MarshalJSON))
	mux.Handle("GET "+v1.Prefix+"/openapi.yaml", document(o.Log, "application/openapi+yaml", doc.YAML))
	return &API{&front{mux: mux, log: o.Log}, s}, nil
}

// Document returns the OpenAPI document of the API as docs/openapi.json holds
// it: indented, and without the version of a build.
func Document() ([]byte, error) {
	s := &service{Options: Options{Version: "1"}, failures: newLimiter(time.Now), strangers: make(chan struct{}, maxStrangers)}
	s.routes()
	compact, err := json.Marshal(s.api.OpenAPI())
	if err != nil {
		return nil, fmt.Errorf("write the OpenAPI document: %w", err)
	}
	var doc any
	if err := json.Unmarshal(compact, &doc); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	out, err := json.MarshalIndent(doc, "", "  ")
	return append(out, '\n'), err
}

// routes registers every operation.
func (s *service) routes() *http.ServeMux {
	mux := http.NewServeMux()
	s.api = humago.NewWithPrefix(mux, v1.Prefix, s.config())
	s.api.UseMiddleware(s.authenticate, s.text)
	s.eventRoutes()
	s.signedRoutes()
	s.runRoutes()
	s.callRoutes()
	s.logRoutes()
	s.logLineRoutes()
	s.repositoryRoutes()
	s.scheduleRoutes()
	s.declaredRoutes()
	s.moduleRoutes()
	s.planRoutes()
	s.registryRoutes()
	s.agentRoutes()
	s.mirrorRoutes()
	s.webhookRoutes()
	s.keyRoutes()
	s.overviewRoutes()
	open(s.api.OpenAPI())
	return mux
}

// document answers with what write gives, which is asked once.
func document(log *slog.Logger, mediaType string, write func() ([]byte, error)) http.Handler {
	written := sync.OnceValues(write)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, err := written()
		if err != nil {
			log.ErrorContext(r.Context(), "write the OpenAPI document", "error", err)
			refuse(w, http.StatusInternalServerError, "the document cannot be written")
			return
		}
		w.Header().Set("Content-Type", mediaType)
		_, _ = w.Write(data) // a client that has gone does not need it
	})
}

// connection is the address that a request came from, without the port.
func connection(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// runURL links to a run's page.
func (s *service) runURL(number int64) string {
	if s.PublicURL == "" {
		return ""
	}
	return fmt.Sprintf("%s/runs/%d", strings.TrimSuffix(s.PublicURL, "/"), number)
}
