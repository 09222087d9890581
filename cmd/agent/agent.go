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
	"time"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/github"
	"github.com/franela/pocketci/internal/agent"
	"github.com/franela/pocketci/internal/mirror"
	"github.com/franela/pocketci/internal/report"
	"github.com/franela/pocketci/internal/runs"
	"github.com/franela/pocketci/internal/secrets"
	"github.com/franela/pocketci/internal/server"
	"github.com/franela/pocketci/modules/engine"
)

// Bounds of the server's own work.
const (
	planners     = 8                // events that are fetched and planned at a time
	pingEvery    = 2 * time.Second  // how often an engine that is away is asked
	shutdownWait = 10 * time.Second // for requests that are being answered
	abortWait    = 20 * time.Second // for calls that were aborted to be gone
	keepEvents   = 7 * 24 * time.Hour
	pruneEvery   = time.Hour
)

// process is the agent with everything it is made of.
type process struct {
	o        *options
	log      *slog.Logger
	mirrors  *mirror.Mirrors
	engine   *engine.Engine
	agent    *agent.Agent
	http     *http.Server
	listener net.Listener
}

// newAgent constructs the agent and listens. Credentials are taken out of the
// process's environment first, because every Dagger session is given it.
func newAgent(o *options) (_ *process, err error) {
	policy, err := secrets.Allow(o.allowEnv...)
	if err != nil {
		return nil, err
	}
	vault, taken := secrets.Take(policy, envUsername, envToken, envSignature, envCloud)
	if err := fatal(taken); err != nil {
		return nil, err
	}
	_, scrubbed := secrets.Scrub()
	if err := fatal(scrubbed); err != nil {
		return nil, err
	}
	masker := secrets.NewMasker()
	vault.AddTo(masker)
	out := masker.Writer(os.Stdout)
	p := &process{o: o, log: newLogger(o, report.Lines(masker.Writer(os.Stderr)))}
	slog.SetDefault(p.log)
	if err := errors.Join(taken, scrubbed); err != nil {
		p.log.Warn("environment", "error", err)
	}
	defer func() {
		if err != nil {
			p.Close()
		}
	}()

	source, err := newSource(o, vault)
	if err != nil {
		return nil, err
	}
	username, _ := vault.Value(envUsername)
	token, _ := vault.Value(envToken)
	if username == "" || token == "" {
		p.log.Warn("no credentials to clone with: only public repositories work", "variables", envUsername+", "+envToken)
	}
	if err := os.MkdirAll(o.dataDir, 0o700); err != nil {
		return nil, fmt.Errorf("make data directory: %w", err)
	}
	p.mirrors, err = mirror.New(mirror.Options{
		Dir: o.dataDir,
		Credentials: mirror.Credentials{
			Username: username, Token: token,
			SSHKeyFile: o.sshKey, KnownHostsFile: o.knownHosts,
			Hosts: append([]string{"github.com"}, o.cloneHosts...),
		},
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
	p.engine, err = engine.New(engine.Config{
		Env:      sessionEnv,
		Host:     o.runnerHost,
		CLI:      o.daggerBinary,
		Dir:      filepath.Join(o.dataDir, "dagger"),
		Checkout: p.mirrors.Checkout,
		Mask:     masker.String,
		Log:      p.log,
	})
	if err != nil {
		return nil, err
	}
	reports, err := report.New(report.Format(o.logFormat), report.Lines(out), report.Lines(out))
	if err != nil {
		return nil, err
	}
	p.agent = agent.New(agent.Config{
		Repositories: repositories{mirrors: p.mirrors, events: p.events()},
		Runner: &runs.Runner{
			Planner: &dispatcher.Planner{
				Loader:  p.engine,
				Labels:  o.labels,
				Secret:  vault.Check,
				Timeout: o.callTimeout,
			},
			Dispatcher: dispatcher.New(runs.Sessions{Engine: p.engine, Vault: vault, Masker: masker}, o.parallelism, p.log),
			Report:     reports,
		},
		Ping:      p.engine.Ping,
		Queue:     o.queue,
		Planners:  planners,
		PingEvery: pingEvery,
		Log:       p.log,
	})
	intake, err := server.New(server.Options{
		Sources: []events.Source{source},
		Sink:    p.agent,
		Checks: []server.Check{
			{Name: "engine", Func: p.agent.Ready},
			{Name: "data-dir", Func: func(context.Context) error { return writable(o.dataDir) }},
		},
		Log: p.log,
	})
	if err != nil {
		return nil, err
	}
	p.http = server.NewHTTPServer(intake, p.log)
	if p.listener, err = net.Listen("tcp", o.listen); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", o.listen, err)
	}
	return p, nil
}

// fatal returns the error unless it is worth a warning only.
func fatal(err error) error {
	if _, ok := errors.AsType[*secrets.WipeError](err); ok {
		return nil
	}
	return err
}

// newSource refuses to start without a webhook secret unless the risk is
// accepted by name.
func newSource(o *options, vault *secrets.Vault) (events.Source, error) {
	secret, _ := vault.Value(envSignature)
	switch {
	case secret == "" && o.noSignature:
		slog.Warn("webhooks are accepted from anybody", "flag", "--insecure-no-webhook-secret")
		return github.NewInsecure(), nil
	case secret == "":
		return nil, fmt.Errorf("no webhook secret: set %s to the secret of the webhook, or accept webhooks from anybody with --insecure-no-webhook-secret", envSignature)
	}
	return github.New(secret)
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
	p.log.Info("agent listens", "address", p.listener.Addr().String(), "version", versionText(), "data-dir", p.o.dataDir)
	served := make(chan error, 1)
	go func() { served <- p.http.Serve(p.listener) }()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.agent.Run(stop, abort)
	}()
	go p.inspectEngine(stop)
	go p.prune(stop)

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
	if err := p.http.Shutdown(ctx); err != nil && !errors.Is(err, context.Canceled) {
		p.log.Warn("requests were cut off", "error", err)
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

// prune removes old event files until stop is done.
func (p *process) prune(stop context.Context) {
	for {
		if err := runs.Prune(p.events(), keepEvents); err != nil {
			p.log.Warn("prune", "error", err)
		}
		select {
		case <-time.After(pruneEvery):
		case <-stop.Done():
			return
		}
	}
}

// events is the directory of event files.
func (p *process) events() string { return filepath.Join(p.o.dataDir, "events") }

// inspectEngine says in the log what the engine allows to the code it runs,
// once the engine is there to ask.
func (p *process) inspectEngine(stop context.Context) {
	for {
		able, err := p.engine.Probe(stop)
		switch {
		case err == nil && able.InsecureRoot:
			p.log.Warn("the engine lets modules run containers with all of the host's root capabilities; set security.insecureRootCapabilities to false in its engine.json", "engine", able.Version)
			return
		case err == nil:
			p.log.Info("engine is ready", "engine", able.Version, "insecure-root-capabilities", false)
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
	if p.listener != nil {
		p.listener.Close()
	}
	if p.engine != nil {
		p.engine.Close()
	}
	if p.mirrors != nil {
		if err := p.mirrors.Close(); err != nil {
			p.log.Warn("close mirrors", "error", err)
		}
	}
}

// writable reports whether files can be made in a directory.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, ".writable-*")
	if err != nil {
		return fmt.Errorf("data directory is not writable: %w", err)
	}
	name := f.Name()
	return errors.Join(f.Close(), os.Remove(name))
}

// repositories makes snapshots of mirrors for runs.
type repositories struct {
	mirrors *mirror.Mirrors
	events  string
}

func (r repositories) Snapshot(ctx context.Context, event *events.Event) (*runs.Snapshot, error) {
	s, err := r.mirrors.Snapshot(ctx, event)
	if err != nil {
		return nil, err
	}
	pinned := *event
	pinned.SHA = s.SHA
	place := dispatcher.Place{Source: event.Repository.CloneURL + "#" + s.SHA}
	return runs.Open(pinned, s, place, r.events)
}
