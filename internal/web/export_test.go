package web

import (
	"context"
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
