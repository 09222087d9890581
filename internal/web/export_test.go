package web

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// Push is the type of what sends parts of a page.
type Push = push

// LiveOf is a site with a page more, /live, which f keeps up to date.
func LiveOf(t *testing.T, o Options, f func(ctx context.Context, send Push) error) *Site {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	s.open("GET /live", func(v *visit) error { return v.live("problem", f) })
	return s
}

// Route is a pattern of the site with the scope that it needs, empty for everybody's.
type Route struct{ Pattern, Scope string }

// Routes are those of the site.
func Routes(t *testing.T, o Options) (all []Route) {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range s.added {
		all = append(all, Route{r.pattern, string(r.scope)})
	}
	return all
}

// Snippets are the parts of agent.yaml that pages show which are empty.
func Snippets() map[string]string {
	return map[string]string{
		"/schedules": noSchedules.Snippet, "/registries": noRegistries.Snippet, "/mirrors": noMirrors.Snippet, "/signed": noSigned.Snippet,
		"/settings/webhooks": noWebhooks.Snippet,
	}
}

// Folded is what is shown of a part of a payload: its values as lines, and how many there
// are.
func Folded(payload []byte, at string, from int) (text string, values int, err error) {
	v, err := fold(payload, at, from)
	if err != nil {
		return "", 0, err
	}
	var b strings.Builder
	var walk func(value)
	walk = func(v value) {
		values++
		fmt.Fprintf(&b, "%s %s %q %d", v.At, v.Kind, v.Text, v.Size)
		if v.Cut {
			fmt.Fprintf(&b, " cut %d", v.From)
		}
		b.WriteString("\n")
		for _, m := range v.Members {
			walk(m)
		}
	}
	walk(v)
	return b.String(), values, nil
}

// PayloadValues is how many values are shown at once.
const PayloadValues = payloadValues
