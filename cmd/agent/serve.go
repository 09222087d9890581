package main

import (
	"context"
	"fmt"
	"net"
	"net/http"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/agent"
	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/forges"
	"github.com/franela/pocketci/internal/server"
	"github.com/franela/pocketci/internal/web"
)

// listen makes the servers and their listeners.
func (p *process) listen() error {
	checks := []server.Check{
		{Name: "engine", Func: p.agent.Ready},
		{Name: "database", Func: p.store.Ping},
		{Name: "data-dir", Func: func(context.Context) error { return writable(p.o.dataDir) }},
	}
	options := server.Options{
		Hooks:    p.hooks,
		Sink:     p.agent,
		Runs:     p.agent,
		Checks:   checks,
		Answered: p.metrics.Delivery,
		Log:      p.log,
		Remote:   p.o.proxies.Client,
	}
	service, err := api.New(api.Options{
		Store:         p.store,
		Planner:       trial{p.agent},
		Inspector:     trial{p.agent},
		Deployed:      p.clock.Changed,
		Parse:         forges.Parse,
		Schedules:     p.schedules,
		Checks:        func(ctx context.Context) map[string]string { return p.intake.States(ctx) },
		Push:          p.push,
		Signed:        p.signedSources,
		CanWrite:      writers(p),
		Configuration: p.configuration,
		Loaded:        p.loaded,
		Mirrors:       p.mirrorList,
		SyncMirror:    p.host.Sync,
		Webhooks:      p.webhookList,
		Registries:    p.registries,
		PublicURL:     p.o.publicURL,
		Remote:        p.o.proxies.Client,
		Version:       versionText(),
		Log:           p.log,
	})
	if err != nil {
		return err
	}
	options.API = service
	if options.Pages, err = web.New(web.Options{API: service, Remote: p.o.proxies.Client, Public: p.public, PublicURL: p.o.publicURL, Log: p.log}); err != nil {
		return err
	}
	options.Registries = p.watcher(service)
	if p.o.metricsListen == "" {
		options.Metrics = service.Protect(v1.ScopeRead, p.metrics.Handler())
	}
	if p.intake, err = server.New(options); err != nil {
		return err
	}
	if err := p.serve(p.o.listen, p.intake); err != nil {
		return err
	}
	if p.o.metricsListen == "" {
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", p.metrics.Handler())
	return p.serve(p.o.metricsListen, mux)
}

func (p *process) serve(address string, h http.Handler) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", address, err)
	}
	s := server.NewHTTPServer(h, p.log)
	s.BaseContext = func(net.Listener) context.Context { return p.base }
	p.listeners, p.servers = append(p.listeners, l), append(p.servers, s)
	return nil
}

// Plan is [agent.Agent.Plan], for who is made before the agent is.
func (p *process) Plan(ctx context.Context, event events.Event) (*dispatcher.View, error) {
	return p.agent.Plan(ctx, event)
}

// trial plans for the API, in whose words it says that the engine is away.
type trial struct{ agent *agent.Agent }

func (t trial) Plan(ctx context.Context, event events.Event) (*dispatcher.View, error) {
	view, err := t.agent.Plan(ctx, event)
	return view, away(err)
}
