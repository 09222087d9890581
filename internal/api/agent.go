package api

import (
	"context"
	"net/http"
	"time"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

func (s *service) agentRoutes() {
	register(s, operation{
		id: "get-health", method: http.MethodGet, path: "/health", tag: tagAgent, scope: v1.ScopeRead,
		summary:     "Show the agents at work, what waits, and the state of what is needed",
		description: "The checks are those of the agent that answers.",
	}, s.health)
	register(s, operation{
		id: "get-me", method: http.MethodGet, path: "/me", tag: tagAgent, scope: v1.ScopeRead,
		summary: "Show the key of the request",
	}, s.me)
	register(s, operation{
		id: "get-configuration", method: http.MethodGet, path: "/configuration", tag: tagAgent, scope: v1.ScopeAdmin,
		summary: "Show the configuration of the agent that answers",
		description: "Its flags and variables, and agent.yaml as it is in force. Secrets are shown as references: no value of a variable is shown, " +
			"and what could be a credential by its form is hidden.",
	}, s.loaded)
}

func (s *service) health(ctx context.Context, _ *struct{}) (*body[v1.Health], error) {
	agents, err := s.Store.Agents(ctx)
	if err != nil {
		return nil, err
	}
	backlog, err := s.Store.Backlog(ctx)
	if err != nil {
		return nil, err
	}
	out := v1.Health{
		Version: s.Version, Checks: map[string]string{}, Agents: make([]v1.Agent, len(agents)),
		Queue: v1.Queue{
			Runs: backlog.Runs, RunsOldest: waited(backlog.RunsOldest), Calls: backlog.Calls, CallOldest: waited(backlog.CallsOldest),
			Waiting: backlog.Approvals,
		},
	}
	if s.Checks != nil {
		out.Checks = s.Checks(ctx)
	}
	out.Configuration.Restart = []string{}
	if s.Configuration != nil {
		out.Configuration = s.Configuration()
	}
	for i, a := range agents {
		out.Agents[i] = v1.Agent{ID: a.ID, Name: a.Name, JoinedAt: a.JoinedAt.UTC(), SeenAt: a.SeenAt.UTC(), Runs: a.Runs, Calls: a.Calls}
	}
	return answer(out), nil
}

// waited is for how many seconds something has waited, 0 if nothing does.
func waited(since time.Time) float64 {
	if since.IsZero() {
		return 0
	}
	return seconds(max(0, time.Since(since)))
}

func (s *service) me(ctx context.Context, _ *struct{}) (*body[v1.Me], error) {
	return answer(v1.Me{Key: wireKey(&who(ctx).key), Version: s.Version}), nil
}

func (s *service) loaded(context.Context, *struct{}) (*body[v1.LoadedConfiguration], error) {
	out := v1.LoadedConfiguration{Configuration: v1.Configuration{Restart: []string{}}}
	if s.Loaded != nil {
		out = s.Loaded()
	}
	// Clients are told of no list that it is null.
	out.Warnings = append([]string{}, out.Warnings...)
	out.Flags = append([]v1.Flag{}, out.Flags...)
	out.Variables = append([]v1.Variable{}, out.Variables...)
	return answer(out), nil
}
