// Package secrets decides which secrets a repository may use, keeps their values
// out of the environment, and masks them in everything that is printed or stored.
package secrets

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/franela/pocketci/internal/globs"
	"github.com/franela/pocketci/internal/secretref"
	"github.com/franela/pocketci/internal/settings"
)

// AllowFlag is the flag of the agent that allows repositories to use a variable.
const AllowFlag = "--allow-secret-env"

// MinLength is the least number of bytes of a secret, not counting white space
// around it. A shorter one cannot be masked: masking would garble every text.
const MinLength = 4

// The variables that a repository may use without the agent saying so.
var always = []string{"GITHUB_USERNAME", "GITHUB_TOKEN"}

// Ref returns the reference to a variable of the agent's environment.
func Ref(name string) string { return secretref.EnvScheme + name }

// Policy says which secrets repositories may use. The zero Policy allows
// GITHUB_USERNAME and GITHUB_TOKEN to all of them.
//
// Where rules are for a repository, they alone decide. Of all their patterns that
// match it the most specific wins, and those rules are for the repository that
// have this pattern. Other repositories may use the two variables and those of
// [Allow].
type Policy struct {
	allowed  []string
	settings settings.Settings
	// own are the variables that the agent needs itself. No glob stands for
	// them.
	own []string
}

// Allow returns a policy that allows further variables to all repositories that
// no rule is for. It fails for a name that no variable can have.
func Allow(names ...string) (Policy, error) {
	for _, name := range names {
		if !secretref.IsVariable(name) {
			return Policy{}, fmt.Errorf("%s %q: not the name of a variable", AllowFlag, name)
		}
	}
	return Policy{allowed: slices.Clone(names)}, nil
}

// With returns the policy with the rules of the agent's file.
func (p Policy) With(s *settings.Settings) Policy {
	p.settings = *s
	p.own = append(slices.Clone(p.own), s.Providers.Env...)
	for key, secret := range s.Secrets() {
		if secret.Env != "" && key != settings.KeyNamed {
			p.own = append(p.own, secret.Env)
		}
	}
	return p
}

// source is what a reference stands for; one field is set.
type source struct {
	env   string
	named *settings.Secret
	uri   string
}

// wanted is a reference that has been read.
type wanted struct {
	source
	// what names it in messages.
	what string
	// name is that of the variable or secret, else the URI. key is where a
	// rule allows it, and kind what it allows there.
	name, key, kind string
}

func read(ref string) (wanted, error) {
	if name, ok := secretref.Env(ref); ok {
		return wanted{source{env: name}, "the variable " + name, name, "env", "variables"}, nil
	}
	if name, ok := secretref.Agent(ref); ok {
		return wanted{source{}, "the secret " + name, name, settings.KeyNamed, "named secrets"}, nil
	}
	if secretref.CheckProvider(ref) == nil {
		return wanted{source{uri: ref}, ref, ref, "providers", "references to providers"}, nil
	}
	return wanted{}, &ReferenceError{}
}

// check returns what a reference stands for in a scope, or a [*ReferenceError],
// [*UntrustedError], [*ElsewhereError] or [*RefusedError].
func (p *Policy) check(scope Scope, ref string) (wanted, error) {
	w, err := read(ref)
	if err != nil {
		return wanted{}, err
	}
	if !scope.Trusted {
		return wanted{}, &UntrustedError{}
	}
	if scope.Elsewhere {
		return wanted{}, &ElsewhereError{}
	}
	pattern, rules := p.rulesFor(scope.Repository)
	if len(rules) == 0 {
		return w, p.checkDefault(scope, w)
	}
	var restricted *settings.Rule
	for i := range rules {
		granted, ok := p.grants(&rules[i], w)
		switch {
		case !ok:
		case holds(&rules[i], scope):
			w.source = granted
			return w, nil
		case restricted == nil:
			restricted = &rules[i]
		}
	}
	refused := &RefusedError{Secret: w.what, Rule: p.place(rules[0].Line)}
	if restricted != nil {
		refused.Rule = p.place(restricted.Line)
		refused.Reason = fmt.Sprintf("the rule for %s allows %s %s", pattern, w.what, unmet(restricted, scope))
		return wanted{}, refused
	}
	refused.Reason = fmt.Sprintf("the rule for %s allows %s, and not %s; add it to its %s", pattern, p.listed(rules, w), w.name, w.key)
	return wanted{}, refused
}

// checkDefault decides for repositories that no rule is for.
func (p *Policy) checkDefault(scope Scope, w wanted) error {
	file := settings.FileName
	if p.settings.File != "" {
		file = filepath.Base(p.settings.File)
	}
	repository := scope.Repository
	if repository == "" {
		repository = "the repository"
	}
	switch {
	case w.env == "":
		return &RefusedError{Secret: w.what, Reason: fmt.Sprintf("the agent does not let this repository use %s; a rule for %s in the agent's %s can allow it under %s", w.what, repository, file, w.key)}
	case !slices.Contains(always, w.env) && !slices.Contains(p.allowed, w.env):
		return &RefusedError{Secret: w.what, Reason: fmt.Sprintf("the agent does not let repositories use %s; start it with %s %s to allow it to all, or add a rule for %s to its %s", w.what, AllowFlag, w.env, repository, file)}
	}
	return nil
}

// rulesFor returns the rules that are for a repository, and the pattern that
// they have in common.
func (p *Policy) rulesFor(repository string) (best string, rules []settings.Rule) {
	if repository == "" {
		return "", nil
	}
	for _, rule := range p.settings.Rules {
		if pattern, ok := rule.Repositories.Best(repository); ok && (best == "" || settings.MoreSpecific(pattern, best)) {
			best = pattern
		}
	}
	for _, rule := range p.settings.Rules {
		if best != "" && slices.ContainsFunc(rule.Repositories, func(s string) bool { return strings.EqualFold(s, best) }) {
			rules = append(rules, rule)
		}
	}
	return best, rules
}

// grants reports what a rule has for a reference, whatever the event.
func (p *Policy) grants(rule *settings.Rule, w wanted) (source, bool) {
	switch w.key {
	case "env":
		return w.source, p.allows(rule, w.env)
	case settings.KeyNamed:
		secret, ok := rule.Named[w.name]
		return source{named: &secret}, ok
	}
	return w.source, slices.ContainsFunc(rule.Providers, func(prefix string) bool { return secretref.Within(w.uri, prefix) })
}

func (p *Policy) allows(rule *settings.Rule, variable string) bool {
	return slices.Contains(rule.Env, variable) || globs.MatchValue(rule.Env, variable) && !slices.Contains(p.own, variable)
}

// holds reports whether a rule is for what happened.
func holds(rule *settings.Rule, scope Scope) bool { return unmet(rule, scope) == "" }

// unmet says which restriction of a rule keeps it from holding.
func unmet(rule *settings.Rule, scope Scope) string {
	switch {
	case len(rule.Events) > 0 && !slices.Contains(rule.Events, scope.Event):
		return fmt.Sprintf("for the events %s alone, and this is %s", strings.Join(rule.Events, ", "), scope.Event)
	case len(rule.Refs) > 0 && scope.Ref == "":
		return fmt.Sprintf("on %s alone, and this event has no ref", strings.Join(rule.Refs, ", "))
	case len(rule.Refs) > 0 && !globs.MatchValue(rule.Refs, scope.Ref):
		return fmt.Sprintf("on %s alone, and this is %s", strings.Join(rule.Refs, ", "), scope.Ref)
	}
	return ""
}

// listed says what rules allow of the kind that is wanted.
func (p *Policy) listed(rules []settings.Rule, w wanted) string {
	var names []string
	for _, rule := range rules {
		switch w.key {
		case "env":
			names = append(names, rule.Env...)
		case settings.KeyNamed:
			names = slices.AppendSeq(names, maps.Keys(rule.Named))
		default:
			names = append(names, rule.Providers...)
		}
	}
	if len(names) == 0 {
		return "no " + w.kind
	}
	slices.Sort(names)
	return "the " + w.kind + " " + strings.Join(slices.Compact(names), ", ")
}

func (p *Policy) place(line int) string {
	return fmt.Sprintf("%s:%d", filepath.Base(p.settings.File), line)
}

// reads reports whether the agent may come to need a variable: for repositories,
// for itself or for providers.
func (p *Policy) reads(variable string) bool {
	if slices.Contains(always, variable) || slices.Contains(p.allowed, variable) || slices.Contains(p.own, variable) {
		return true
	}
	if slices.ContainsFunc(p.settings.Rules, func(rule settings.Rule) bool { return p.allows(&rule, variable) }) {
		return true
	}
	for _, secret := range p.settings.Secrets() {
		if secret.Env == variable {
			return true
		}
	}
	return false
}
