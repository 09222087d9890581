package settings

import (
	"iter"

	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/internal/predicate"
	"github.com/franela/pocketci/internal/yamlfile"
)

// ConvergeSource is where hosts report to that pocketci converge keeps.
type ConvergeSource struct {
	// Name is unique among the webhooks. Reports are received at /webhooks/NAME.
	Name string
	// Secrets are at most two, each of which makes a report valid.
	Secrets []Secret
	// Filters are what a report must fulfil for anything to be planned.
	Filters []predicate.Filter
	// Calls is whose functions are called.
	Calls Target
	// Line is where the entry starts in the file, for messages.
	Line int
}

var convergeKeys = []string{"name", KeySecrets, KeyFilters, KeyCalls}

func (r reader) converge(n *yaml.Node) []ConvergeSource {
	var sources []ConvergeSource
	lines := map[string]int{}
	r.items(n, "converge", "a source of reports", func(item *yaml.Node, entries []yamlfile.Entry) {
		c := r.convergeSource(item, entries)
		r.unique(item, "source of reports", c.Name, lines)
		sources = append(sources, c)
	})
	return sources
}

func (r reader) convergeSource(item *yaml.Node, entries []yamlfile.Entry) ConvergeSource {
	c := ConvergeSource{Line: item.Line}
	given := map[string]bool{}
	for _, e := range entries {
		given[e.Name] = true
		switch e.Name {
		case "name":
			c.Name = r.name(e, "a source of reports")
		case KeySecrets:
			c.Secrets = r.webhookSecrets(e)
		case KeyFilters:
			c.Filters = r.filters(e)
		case KeyCalls:
			c.Calls = r.target(e)
		default:
			r.Unknown(e, "a source of reports", convergeKeys)
		}
	}
	if !given["name"] {
		r.Fail(item, "a source of reports needs a name; they are received at /webhooks/NAME")
	}
	if !given[KeySecrets] {
		r.Fail(item, "a source of reports needs secrets, without which none is believed")
	}
	if !given[KeyCalls] {
		r.Fail(item, "a source of reports needs calls: say whose functions are called")
	}
	return c
}

func (c *ConvergeSource) secrets() iter.Seq2[string, Secret] {
	return func(yield func(string, Secret) bool) {
		for _, s := range c.Secrets {
			if !yield(KeySecrets, s) {
				return
			}
		}
	}
}
