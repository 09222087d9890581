package main

import (
	"errors"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/secrets"
	"github.com/franela/pocketci/internal/settings"
)

// ownVariables are for the agent itself.
var ownVariables = []string{envUsername, envToken, envSignature, envCloud, envDatabase}

// takeSecrets reads the agent's file and takes what it and the flags name, and the
// agent's own credentials, out of the process's environment, with everything else
// that Dagger sessions do not need. The warning is nil if there is none.
func (p *process) takeSecrets() (conf *settings.Settings, vault *secrets.Vault, warning, err error) {
	if conf, err = settings.Load(p.o.config, p.o.dataDir); err != nil {
		return nil, nil, nil, err
	}
	if p.allowed, err = secrets.Allow(p.o.allowEnv...); err != nil {
		return nil, nil, nil, err
	}
	vault, taken := secrets.Take(p.allowed.With(conf), ownVariables...)
	if err := fatal(taken); err != nil {
		return nil, nil, nil, err
	}
	// The agent's own git needs them, and they name files.
	_, scrubbed := secrets.Scrub("GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "CURL_CA_BUNDLE")
	if err := fatal(scrubbed); err != nil {
		return nil, nil, nil, err
	}
	return conf, vault, errors.Join(taken, scrubbed), nil
}

// fatal returns the error unless it is worth a warning only.
func fatal(err error) error {
	if _, ok := errors.AsType[*secrets.WipeError](err); ok {
		return nil
	}
	return err
}

// warnOf says in the log which file was read and what is wrong with the secrets
// that it names.
func (p *process) warnOf(conf *settings.Settings, vault *secrets.Vault) {
	if conf.File == "" {
		return
	}
	p.log.Info("configuration is read", "file", conf.File)
	for _, warning := range vault.Warnings() {
		p.log.Warn("configuration", "warning", warning)
	}
}

// grants gives what the run of an event may have of the vault that is in force. Known
// reports whether the server of a repository is one of the agent's own.
func grants(vault func() *secrets.Vault, known func(*events.Event) bool) func(*events.Event) secrets.Grant {
	return func(event *events.Event) secrets.Grant {
		scope := secrets.ScopeOf(event)
		scope.Elsewhere = event.Repository != nil && !known(event)
		return vault().For(scope)
	}
}
