package main

import (
	"context"
	"fmt"
	"time"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/reaction"
)

// scriptMirrors are the mirrors of a script's agent and another one.
func scriptMirrors(context.Context) ([]v1.Mirror, error) {
	at := time.Now().Add(-time.Hour)
	return []v1.Mirror{
		{Name: "docs", Agent: "here", URL: "https://git.example.com/acme/docs.git", Directory: "/srv/docs", Ref: "refs/tags/v1", Phase: "idle", LookedAt: &at, Failures: 2, Error: "server unavailable", FailedAt: &at},
		{Name: "new", Agent: "here", URL: "https://git.example.com/acme/new.git", Directory: "/srv/new", Ref: "refs/heads/main", Phase: "working"},
		{Name: "shop", Agent: "here", URL: "https://git.example.com/acme/shop.git", Directory: "/srv/shop", Ref: "refs/heads/main", SHA: "3f2a1b9c0d3f3f2a1b9c0d3f3f2a1b9c0d3f3f2a", Phase: "idle", ChangedAt: &at, LookedAt: &at},
		{Name: "shop", Agent: "there\x1b", URL: "https://git.example.com/acme/shop.git", Directory: "/srv/shop", Ref: "refs/heads/main", SHA: "3f2a1b9c0d3f3f2a1b9c0d3f3f2a1b9c0d3f3f2a", ChangedAt: &at},
	}, nil
}

func syncScriptMirror(name string, touch bool) error {
	if name != "shop" || !touch {
		return fmt.Errorf("sync mirror %s: %w", name, reaction.ErrUnknown)
	}
	return nil
}
