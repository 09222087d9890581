package webhooks

import (
	"context"
	"fmt"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/converge"
	"github.com/franela/pocketci/internal/server"
	"github.com/franela/pocketci/internal/settings"
)

// OpenConverge makes the hook that receives the reports of hosts. It is otherwise as
// [Open].
func OpenConverge(file string, c settings.ConvergeSource, secret func(settings.Secret) (string, error), aim Aim) (server.Hook, error) {
	var secrets []string
	for _, s := range c.Secrets {
		value, err := secret(s)
		if err != nil {
			return server.Hook{}, fmt.Errorf("%s:%d: source of reports %s: %w", file, c.Line, c.Name, err)
		}
		secrets = append(secrets, value)
	}
	source, err := converge.New(secrets...)
	if err != nil {
		return server.Hook{}, fmt.Errorf("%s:%d: source of reports %s: %w", file, c.Line, c.Name, err)
	}
	return server.Hook{
		Name: c.Name, Source: source, Filters: c.Filters,
		Aim: func(ctx context.Context, e *events.Event) (string, error) { return aimed(ctx, c.Calls, e, aim) },
	}, nil
}
