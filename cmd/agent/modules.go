package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/agent"
	"github.com/franela/pocketci/internal/api"
	"github.com/franela/pocketci/internal/bundle"
	"github.com/franela/pocketci/internal/mirror"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/modules"
)

// stored gives mirrors the modules of the store.
type stored struct{ store *store.Store }

func (s stored) Version(ctx context.Context, id, sha string) (string, error) {
	found, err := s.store.ModuleSHA(ctx, id, sha)
	return found, noModule(err)
}

func (s stored) Archive(ctx context.Context, id, sha string) ([]byte, error) {
	archive, err := s.store.ModuleArchive(ctx, id, sha)
	return archive, noModule(err)
}

func noModule(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: %w", mirror.ErrNoModule, err)
	}
	return err
}

// module gives sources the module that is called under a name now. It is what
// [targets.Resolver] asks.
func (s stored) module(ctx context.Context, name string) (*events.Repository, string, error) {
	m, err := s.store.Module(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, "", fmt.Errorf("there is no module %s stored in the agent: pocketci module deploy stores one", name)
	}
	if err != nil {
		return nil, "", err
	}
	return m.Repository(), m.SHA, nil
}

// Functions is [agent.Agent.Functions] in the words of the API.
func (t trial) Functions(ctx context.Context, event events.Event) (string, []dispatcher.Declared, error) {
	sha, list, err := t.agent.Functions(ctx, event)
	return sha, list, away(err)
}

// FunctionsOf is [agent.Agent.FunctionsOf] in the words of the API.
func (t trial) FunctionsOf(ctx context.Context, files []bundle.File) ([]dispatcher.Declared, error) {
	list, err := t.agent.FunctionsOf(ctx, files)
	return list, away(err)
}

// away says in the words of the API that the engine is.
func away(err error) error {
	if errors.Is(err, agent.ErrEngineAway) || errors.Is(err, modules.ErrUnavailable) {
		return fmt.Errorf("%w: %w", api.ErrAway, err)
	}
	return err
}
