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

// LiveByAddress and LiveByStrangers are how many pages of strangers are kept up to date.
const (
	LiveByAddress   = liveByAddress
	LiveByStrangers = liveStrangers
)

// Entering is what begins something that each may do so often at a time, and all together.
func Entering(each, most int) func(who string) (leave func(), room bool) {
	return newCrowd(each, most).enter
}

// Feed is a log that two follow at least: next is what comes from a line on, made by make
// unless it is there.
func Feed(t *testing.T) (next func(first int64, make func() []byte) []byte) {
	t.Helper()
	var f feeds
	k := feedKey{call: "1"}
	t.Cleanup(f.join(k))
	return func(first int64, make func() []byte) []byte {
		b, err := f.next(t.Context(), k, first, func(b *batch) { b.message, b.err = make(), nil })
		if err != nil {
			t.Error(err)
		}
		return b.message
	}
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

// Ago and Duration are times in words.
var (
	Ago      = ago
	Duration = duration
)

// Templates reads those of every page, and returns how many pages there are.
func Templates(t *testing.T) int {
	t.Helper()
	a, err := newAssets()
	if err != nil {
		t.Fatal(err)
	}
	pages, err := newPages(a)
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range pages {
		if _, err := p.templates(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	return len(pages)
}
