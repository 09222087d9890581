package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/agent"
	"github.com/franela/pocketci/internal/metrics"
	"github.com/franela/pocketci/internal/mirror"
	"github.com/franela/pocketci/internal/poll"
	"github.com/franela/pocketci/internal/reaction/worktree"
	"github.com/franela/pocketci/internal/registries"
	"github.com/franela/pocketci/internal/reload"
	"github.com/franela/pocketci/internal/report"
	"github.com/franela/pocketci/internal/runs"
	"github.com/franela/pocketci/internal/schedules"
	"github.com/franela/pocketci/internal/secrets"
	"github.com/franela/pocketci/internal/server"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/statuses"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/targets"
	"github.com/franela/pocketci/internal/trust"
	"github.com/franela/pocketci/modules/engine"
)

// Bounds of the server's own work.
const (
	planners     = 8                // events that are fetched and planned at a time
	pingEvery    = 2 * time.Second  // how often an engine that is away is asked
	shutdownWait = 10 * time.Second // for requests that are being answered
	abortWait    = 20 * time.Second // for calls that were aborted to be gone
	storeWait    = time.Minute      // for a database that is starting
)

// process is the agent with everything it is made of.
type process struct {
	o          *options
	log        *slog.Logger
	identity   *agent.Identity
	store      *store.Store
	mirrors    *mirror.Mirrors
	runners    runs.Runners
	dispatcher *dispatcher.Dispatcher
	statuses   *statuses.Teller
	agent      *agent.Agent
	metrics    *metrics.Metrics
	outage     outage
	// poller asks the sources that do not call by themselves, and targets knows
	// whose functions their events call. Schedules keeps the clock.
	poller     *poll.Poller
	targets    *targets.Resolver
	schedules  *schedules.Keeper
	clock      *schedules.Stored
	registries *registries.Set
	// configured is what agent.yaml says now, startedWith what it said at the
	// start, and allowed what flags do. Reloads watches the file.
	configured  atomic.Pointer[configured]
	startedWith *settings.Settings
	allowed     secrets.Policy
	reloads     *reload.Watcher
	ask         chan os.Signal
	masker      *secrets.Masker
	// host keeps the mirrors of this host.
	host *worktree.Host
	// hooks are the webhooks that are received, by intake once there is one.
	hooks  []server.Hook
	intake *server.Server
	// servers are the one for webhooks and API, and that for metrics if it
	// has an address of its own.
	servers []*http.Server
	// base is the context of all requests; endRequests ends it, and with it
	// the streams.
	base        context.Context
	endRequests context.CancelFunc
	listeners   []net.Listener
}

// newAgent constructs the agent and listens. Credentials are taken out of the
// process's environment first, because every Dagger session is given it.
func newAgent(o *options) (_ *process, err error) {
	p := &process{o: o, masker: secrets.NewMasker(), ask: askedToReload()}
	conf, vault, warning, err := p.takeSecrets()
	if err != nil {
		return nil, err
	}
	vault.AddTo(p.masker)
	out := p.masker.Writer(os.Stdout)
	p.log = newLogger(o, report.Lines(p.masker.Writer(os.Stderr)))
	p.base, p.endRequests = context.WithCancel(context.Background())
	slog.SetDefault(p.log)
	if warning != nil {
		p.log.Warn("environment", "error", warning)
	}
	p.warnOf(conf, vault)
	defer func() {
		if err != nil {
			p.Close()
		}
	}()
	username, _ := vault.Value(envUsername)
	token, _ := vault.Value(envToken)
	if len(conf.Forges) == 0 && (username == "" || token == "") {
		p.log.Warn("no credentials to clone with: only public repositories work", "variables", envUsername+", "+envToken)
	}
	if err := os.MkdirAll(o.dataDir, 0o700); err != nil {
		return nil, fmt.Errorf("make data directory: %w", err)
	}
	if err := writable(o.dataDir); err != nil {
		return nil, err
	}
	if p.identity, err = agent.Own(o.dataDir); err != nil {
		return nil, err
	}
	database, _ := vault.Value(envDatabase)
	if err := p.openStore(database); err != nil {
		return nil, err
	}
	p.mirrors, err = mirror.New(mirror.Options{
		Dir: o.dataDir,
		Credentials: mirror.Credentials{
			Username: username, Token: token,
			SSHKeyFile: o.sshKey, KnownHostsFile: o.knownHosts,
			Hosts: append([]string{"github.com"}, o.cloneHosts...),
		},
		Modules: stored{p.store},
		Schemes: o.schemes,
		Log:     p.log,
	})
	if err != nil {
		return nil, err
	}
	var sessionEnv []string
	if token, ok := vault.Value(envCloud); ok {
		sessionEnv = append(sessionEnv, envCloud+"="+token)
	}
	err = p.openRunners(conf, engine.Config{
		Env:      sessionEnv,
		Host:     o.runnerHost,
		CLI:      o.daggerBinary,
		Dir:      filepath.Join(o.dataDir, "dagger"),
		Checkout: p.mirrors.Checkout,
		Mask:     p.masker.String,
		Log:      p.log,
	})
	if err != nil {
		return nil, err
	}
	own := p.runners[0].Engine
	reports, err := report.New(report.Format(o.logFormat), report.Lines(out), report.Lines(out))
	if err != nil {
		return nil, err
	}
	p.newSources()
	p.host = p.newHost()
	if err := p.configure(conf, vault.With(own.ResolveSecret)); err != nil {
		return nil, err
	}
	p.startedWith = conf
	p.reloads = reload.New(reload.Config{Path: o.config, DataDir: o.dataDir, Apply: p.reconfigure, Log: p.log}, conf)
	if p.outage, err = p.newOutage(token, len(conf.Forges) > 0, p.configured.Load().set); err != nil {
		return nil, fmt.Errorf("ask GitHub for deliveries: %w", err)
	}
	grant := grants(func() *secrets.Vault { return p.configured.Load().vault }, p.mirrors.Trusts)
	remotes := runs.Remotes{Fetch: p.mirrors.Module, Allow: func(module string) error { return p.configured.Load().allow.Allow(module) }}
	p.dispatcher = dispatcher.New(runs.Sessions{Runners: p.runners, Secrets: grant, Modules: remotes, Masker: p.masker}, o.parallelism, p.log)
	trees := repositories{mirrors: p.mirrors, events: p.events()}
	planner := &dispatcher.Planner{
		Loader:          loader{own, p.metrics},
		Modules:         remotes,
		Labels:          p.runners.Labels(false),
		UntrustedLabels: p.runners.Labels(true),
		Secrets:         func(event *events.Event) func(string) error { return grant(event).Check },
		Timeout:         o.callTimeout,
		MaxTimeout:      max(o.maxTimeout, o.callTimeout),
		States:          p.states(),
	}
	recorder := p.recorder(trees, planner)
	p.clock = schedules.NewStored(recorder, p.store, p.log)
	p.agent = agent.New(agent.Config{
		Store:                 p.store,
		Repositories:          trees,
		Planner:               planner,
		Schedules:             recorder,
		States:                p.states(),
		Caller:                p.dispatcher,
		Report:                reports,
		Meter:                 p.metrics,
		Mask:                  p.masker.String,
		Name:                  p.identity.Name,
		Replaces:              true,
		Ping:                  own.Ping,
		Room:                  func() error { return writable(o.dataDir) },
		PingEvery:             pingEvery,
		Planners:              planners,
		Parallelism:           o.parallelism,
		RepositoryParallelism: o.repositoryParallelism,
		Places:                p.runners.Places,
		Trust:                 func() trust.Policy { return p.configured.Load().trust },
		Forge:                 people(p),
		Tells:                 tells(p),
		Complete:              complete(p),
		Commands:              p.handler(),
		Ended:                 p.registries.Ended,
		RunURL:                o.runURL,
		Log:                   p.log,
	})
	p.statuses = p.teller()
	return p, p.listen()
}

func newLogger(o *options, w io.Writer) *slog.Logger {
	settings := &slog.HandlerOptions{Level: o.logLevel}
	if o.logFormat == string(report.FormatJSON) {
		return slog.New(slog.NewJSONHandler(w, settings))
	}
	return slog.New(slog.NewTextHandler(w, settings))
}

// Run serves until stop is done, then stops accepting and lets calls go on for
// the grace period or until abort is done.
func (p *process) Run(stop, abort context.Context, abortNow context.CancelCauseFunc) error {
	p.log.Info("agent listens", "address", p.listeners[0].Addr().String(), "version", versionText(), "data-dir", p.o.dataDir, "agent", p.identity.Name)
	p.outage.until = time.Now()
	served := make(chan error, len(p.servers))
	for i, s := range p.servers {
		go func() { served <- s.Serve(p.listeners[i]) }()
	}
	go tidy()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var sources sync.WaitGroup
		sources.Go(func() { p.runSources(stop) })
		sources.Go(func() { p.host.Run(stop) })
		p.agent.Run(stop, abort)
		sources.Wait()
	}()
	go p.inspectEngines(stop)
	go p.runners.Watch(stop, pingEvery, p.log, p.store.Wake)
	go p.statuses.Run(stop)
	go p.watchSettings(stop)
	go p.retain(stop)
	go p.recoverOutage(stop)

	var failure error
	select {
	case <-stop.Done():
	case failure = <-served:
		abortNow(failure)
		return fmt.Errorf("serve: %w", failure)
	}
	p.log.Info("agent stops; a second signal ends running calls", "cause", context.Cause(stop), "grace-period", p.o.gracePeriod)
	grace := time.AfterFunc(p.o.gracePeriod, func() {
		abortNow(fmt.Errorf("the agent stopped and the grace period of %s is over", p.o.gracePeriod))
	})
	defer grace.Stop()
	ctx, cancel := context.WithTimeout(abort, shutdownWait)
	defer cancel()
	p.endRequests()
	for _, s := range p.servers {
		if err := s.Shutdown(ctx); err != nil && !errors.Is(err, context.Canceled) {
			p.log.Warn("requests were cut off", "error", err)
		}
	}
	select {
	case <-ended:
	case <-expired(abort, abortWait):
		return errors.New("aborted calls did not end; their sessions end with the process")
	}
	p.log.Info("agent stopped")
	return nil
}

// expired returns a channel that is closed some time after ctx is done.
func expired(ctx context.Context, after time.Duration) <-chan struct{} {
	c := make(chan struct{})
	context.AfterFunc(ctx, func() { time.AfterFunc(after, func() { close(c) }) })
	return c
}

// events is the directory of event files.
func (p *process) events() string { return filepath.Join(p.o.dataDir, "events") }

// inspectEngines says in the log what each engine allows to the code it runs.
func (p *process) inspectEngines(stop context.Context) {
	for _, r := range p.runners {
		go p.inspectEngine(stop, r)
	}
}

// inspectEngine does so once the engine is there to ask.
func (p *process) inspectEngine(stop context.Context, r *runs.Runner) {
	log := p.log
	if r.Name != "" {
		log = log.With("runner", r.Name, "untrusted", r.Untrusted)
	}
	for {
		able, err := r.Engine.Probe(stop)
		switch {
		case err == nil && able.InsecureRoot:
			log.Warn("the engine lets modules run containers with all of the host's root capabilities; set security.insecureRootCapabilities to false in its engine.json", "engine", able.Version)
			return
		case err == nil:
			log.Info("engine is ready", "engine", able.Version, "insecure-root-capabilities", false)
			return
		}
		select {
		case <-time.After(pingEvery):
		case <-stop.Done():
			return
		}
	}
}

// Close gives up what the agent holds. It may be called on a part of one.
func (p *process) Close() {
	p.endRequests()
	for _, l := range p.listeners {
		l.Close()
	}
	if p.agent != nil {
		p.agent.Reported() // what requests have ended, too
	}
	if p.dispatcher != nil {
		p.dispatcher.Close()
	}
	for _, r := range p.runners {
		r.Engine.Close()
	}
	var failed error
	if p.mirrors != nil {
		failed = p.mirrors.Close()
	}
	if p.store != nil {
		failed = errors.Join(failed, p.store.Close())
	}
	if p.identity != nil {
		failed = errors.Join(failed, p.identity.Close())
	}
	if failed != nil {
		p.log.Warn("close", "error", failed)
	}
}
