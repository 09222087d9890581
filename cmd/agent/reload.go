package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

// askedToReload is a channel that gets a value with every SIGHUP from now on, which
// would else end the process.
func askedToReload() chan os.Signal {
	ask := make(chan os.Signal, 1)
	signal.Notify(ask, syscall.SIGHUP)
	return ask
}

// watchSettings has agent.yaml read again when it changes and on SIGHUP, until stop is
// done.
func (p *process) watchSettings(stop context.Context) {
	defer signal.Stop(p.ask)
	p.reloads.Run(stop, p.ask)
}

// configuration says how agent.yaml fares.
func (p *process) configuration() v1.Configuration {
	state := p.reloads.State()
	return v1.Configuration{
		File: state.File, LoadedAt: state.LoadedAt.UTC(), Error: p.masker.String(state.Error), Restart: append([]string{}, state.Restart...),
	}
}
