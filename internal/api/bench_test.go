package api_test

import (
	"context"
	"testing"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/api"
	"github.com/franela/pocketci/internal/store"
)

// BenchmarkNew measures what the API takes at each start of an agent.
func BenchmarkNew(b *testing.B) {
	s, err := store.Open(b.Context(), store.Options{DataDir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	o := api.Options{
		Store:   s,
		Planner: planner(func(context.Context, events.Event) (*dispatcher.View, error) { return nil, nil }),
		Parse:   func(string, string, []byte) (events.Event, error) { return events.Event{}, nil },
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := api.New(o); err != nil {
			b.Fatal(err)
		}
	}
}
