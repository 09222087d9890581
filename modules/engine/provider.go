package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/franela/pocketci/internal/secretref"
	"github.com/franela/pocketci/modules"
)

// resolveTimeout is how long a secret provider may take. Some would wait for
// somebody to log in with a browser.
const resolveTimeout = time.Minute

// ResolveSecret returns the value behind the URI of a secret of one of Dagger's
// providers, as [secretref.CheckProvider] takes it. It is asked for in a session
// of its own, which serves no module, stands in an empty work directory, and has
// in its environment what every session has and env, NAME=VALUE each: what
// providers need to log in is in no session that runs code of others. The value
// is not in the error, nor in what the session reports elsewhere. Errors wrap
// [modules.ErrUnavailable] if the engine is the reason.
func (e *Engine) ResolveSecret(ctx context.Context, uri string, env []string) (string, error) {
	if err := secretref.CheckProvider(uri); err != nil {
		return "", fmt.Errorf("resolve a secret: %w", err)
	}
	outer := ctx
	ctx, cancel := context.WithTimeoutCause(ctx, resolveTimeout, fmt.Errorf("the secret provider did not answer within %s", resolveTimeout))
	defer cancel()
	// The last value of a variable counts: what the session does is for nobody's
	// traces.
	link, err := e.connect(ctx, modules.Tree{}, append(slices.Clone(env), "DAGGER_CLOUD_TOKEN="))
	if err != nil {
		return "", fmt.Errorf("resolve %s: %w", uri, err)
	}
	defer link.Close()
	value, err := link.client.Secret(uri).Plaintext(ctx)
	if err != nil {
		err = link.classify(ctx, err)
		if errors.Is(err, context.DeadlineExceeded) && outer.Err() == nil {
			// Not of whoever asks: it is the provider that is late.
			err = context.Cause(ctx)
		}
		return "", fmt.Errorf("resolve %s: %w", uri, err)
	}
	return value, nil
}
