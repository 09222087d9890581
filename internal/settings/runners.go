package settings

import (
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/internal/yamlfile"
)

func (r reader) runners(n *yaml.Node) []Runner {
	var runners []Runner
	lines := map[string]int{}
	r.items(n, "runners", "a runner", func(item *yaml.Node, entries []yamlfile.Entry) {
		runner := Runner{Line: item.Line}
		named, placed := false, false
		for _, e := range entries {
			switch e.Name {
			case "name":
				named = true
				runner.Name = r.name(e, "a runner")
			case "host":
				placed = true
				runner.Host = r.host(e)
			case "labels":
				runner.Labels = r.some(e, nil)
				for _, label := range runner.Labels {
					if strings.ContainsAny(label, " \t\n,") {
						r.Fail(e.Value, "labels: a label has no spaces and commas")
					}
				}
			case "untrusted":
				runner.Untrusted = r.Bool(e.Value, e.Name)
			default:
				r.Unknown(e, "a runner", runnerKeys)
			}
		}
		if !named {
			r.Fail(item, "a runner needs a name")
		}
		if !placed {
			r.Fail(item, "a runner needs a host, such as unix:///run/dagger/untrusted.sock")
		}
		r.unique(item, "runner", runner.Name, lines)
		runners = append(runners, runner)
	})
	return runners
}

var runnerHost = regexp.MustCompile(`^[a-z][a-z0-9+-]*://[^\s]+$`)

func (r reader) host(e yamlfile.Entry) string {
	s, ok := r.String(e.Value, e.Name)
	if ok && !runnerHost.MatchString(s) {
		r.Fail(e.Value, "host must be a runner host of Dagger's, such as unix:///run/dagger/untrusted.sock or tcp://10.0.0.7:1234")
		return ""
	}
	return s
}
