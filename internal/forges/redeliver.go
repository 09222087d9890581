package forges

import (
	"context"
	"errors"
	"time"

	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/gap"
)

// Redeliver asks a forge for what it could not deliver since a time to those webhooks
// of a repository that are sent below the agent's public address. A forge that
// delivers nothing again is asked for nothing. The result counts what was done before
// an error, which is one of [forge.Forge].
func Redeliver(ctx context.Context, f forge.Forge, repository, publicURL string, since time.Time) (gap.Result, error) {
	var done gap.Result
	hooks, err := f.Webhooks(ctx, repository, publicURL)
	if err != nil {
		return done, err
	}
	done.Webhooks = len(hooks)
	for _, hook := range hooks {
		if !hook.Active {
			continue
		}
		n, err := f.Redeliver(ctx, repository, hook.ID, since)
		done.Asked += n
		if err != nil && !errors.Is(err, forge.ErrUnsupported) {
			return done, err
		}
	}
	return done, nil
}
