package main

import (
	"os"
	"slices"
	"strings"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/modules/engine"
)

// loaded is what the agent was started with and has read since. What is known to be a
// secret is masked, wherever it stands.
func (p *process) loaded() v1.LoadedConfiguration {
	now := p.configured.Load()
	text, err := settings.Redact(p.reloads.State().Text)
	if err != nil {
		p.log.Error("the configuration cannot be shown", "error", err) // it was read before
	}
	out := v1.LoadedConfiguration{Configuration: p.configuration(), Text: p.masker.String(text), Variables: p.variables(now)}
	for _, warning := range now.vault.Warnings() {
		out.Warnings = append(out.Warnings, p.masker.String(warning))
	}
	for _, f := range p.o.flags {
		f.Value = p.masker.String(f.Value)
		out.Flags = append(out.Flags, f)
	}
	return out
}

// variables are those that the agent takes from its environment, by name.
func (p *process) variables(now *configured) []v1.Variable {
	var list []v1.Variable
	add := func(purpose, name string) {
		if name == "" || strings.Contains(name, "*") || slices.ContainsFunc(list, func(v v1.Variable) bool { return v.Name == name }) {
			return
		}
		// Secrets were taken out of the environment; the engine's are still there.
		value, set := now.vault.Value(name)
		if !set {
			value = os.Getenv(name)
		}
		list = append(list, v1.Variable{Name: name, Set: value != "", For: purpose})
	}
	for _, name := range append(slices.Clone(ownVariables), engine.EnvRunnerHost, engine.EnvCLI) {
		add("agent", name)
	}
	for _, s := range now.settings.Secrets() {
		add("configuration", s.Env)
	}
	for _, r := range now.settings.Rules {
		for _, name := range r.Env {
			add("configuration", name)
		}
	}
	for _, name := range append(slices.Clone(now.settings.Providers.Env), p.o.allowEnv...) {
		add("configuration", name)
	}
	return list
}
