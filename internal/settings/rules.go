package settings

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/secretref"
	"github.com/franela/pocketci/internal/yamlfile"
)

func (r reader) rules(n *yaml.Node) []Rule {
	var rules []Rule
	r.items(n, "secrets", "a rule for secrets", func(item *yaml.Node, entries []yamlfile.Entry) {
		rule := Rule{Line: item.Line}
		for _, e := range entries {
			switch e.Name {
			case "repositories":
				rule.Repositories = r.some(e, checkPattern)
			case "env":
				rule.Env = r.some(e, checkVariablePattern)
			case KeyNamed:
				rule.Named = r.named(e.Value)
			case "providers":
				rule.Providers = r.some(e, secretref.CheckPrefix)
			case "events":
				rule.Events = r.some(e, checkEvent)
			case "refs":
				rule.Refs = r.refs(e)
			default:
				r.Unknown(e, "a rule for secrets", ruleKeys)
			}
		}
		if !slices.ContainsFunc(entries, func(e yamlfile.Entry) bool { return e.Name == "repositories" }) {
			r.Fail(item, `a rule for secrets needs repositories; add patterns such as "acme/*"`)
		}
		rules = append(rules, rule)
	})
	return rules
}

func (r reader) named(n *yaml.Node) map[string]Secret {
	entries, ok := r.Mapping(n, KeyNamed)
	if !ok {
		return nil
	}
	named := make(map[string]Secret, len(entries))
	for _, e := range entries {
		if !secretref.IsName(e.Name) {
			r.Fail(e.Key, "the name of a secret must be letters, digits, dashes, dots and underscores, such as deploy-key")
			continue
		}
		named[e.Name] = r.secret(e.Value, "the secret "+e.Name)
	}
	return named
}

// refs reads refs, exact or globs, and returns them in full.
func (r reader) refs(e yamlfile.Entry) []string {
	list := r.some(e, func(s string) error {
		_, err := fullRef(s)
		return err
	})
	for i, s := range list {
		list[i], _ = fullRef(s) // what is wrong has been reported
	}
	return list
}

var (
	eventName  = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)
	eventNames = []string{events.NamePush, events.NameTag, events.NamePullRequest, events.NameTick, events.NameRun, "release", "issue_comment", "workflow_dispatch"}
)

func checkEvent(name string) error {
	if slices.Contains(eventNames, name) {
		return nil
	}
	for _, known := range eventNames {
		if yamlfile.Plain(known) == yamlfile.Plain(name) {
			return fmt.Errorf("did you mean %q?", known)
		}
	}
	if !eventName.MatchString(name) {
		return errors.New("not the name of an event; write it as in docs/matching.md, such as push or pull_request")
	}
	return nil
}
