package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/franela/pocketci/internal/forge"
)

func newHookRedeliver() *cobra.Command {
	var h hookFlags
	var since string
	cmd := &cobra.Command{
		Use:   "redeliver REPO|ORG [WEBHOOK]",
		Short: "Ask a forge for deliveries again that failed",
		Long: `Redeliver asks for the deliveries that did not reach the agent, of the webhook with
the id WEBHOOK or of all that are sent to the agent, and prints how many there
were. One that reached it after all makes no second run.`,
		Args: cobra.RangeArgs(1, 2),
		Example: `  pocketci hook redeliver octo/hello --public-url https://ci.example.com
  pocketci hook redeliver octo/hello 12345678 --since 3d`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOwner(args[0]); err != nil {
				return err
			}
			from, err := parseTime(since, time.Now())
			if err != nil {
				return fmt.Errorf("--since: %w", err)
			}
			public := ""
			if len(args) == 1 {
				if public, err = h.public(); err != nil {
					return err
				}
			}
			f, err := h.open()
			if err != nil {
				return err
			}
			ids := args[1:]
			if len(ids) == 0 {
				if ids, err = f.own(cmd.Context(), args[0], public); err != nil {
					return err
				}
			}
			asked := 0
			for _, id := range ids {
				n, failed := f.Redeliver(cmd.Context(), args[0], id, from)
				asked += n
				if failed != nil {
					err = f.unredelivered(failed)
					break
				}
			}
			if err != nil && asked == 0 {
				return err
			}
			if h.json {
				return errors.Join(writeJSON(cmd.OutOrStdout(), map[string]int{"asked": asked}), err)
			}
			newScreen(cmd.OutOrStdout()).printf("asked for %s again\n", deliveries(asked))
			return err
		},
	}
	h.flags(cmd)
	cmd.Flags().StringVar(&since, "since", "24h", "not those before this `TIME`: 24h or 3d ago, a date, or a time as in RFC 3339")
	return cmd
}

// own returns the ids of the webhooks that are sent to the agent. Those that are
// not active count as well: some forges switch off what fails.
func (f *hookForge) own(ctx context.Context, owner, public string) ([]string, error) {
	list, err := f.Webhooks(ctx, owner, public)
	if err != nil {
		return nil, refused(err)
	}
	if len(list) == 0 {
		return nil, &exitError{exitFailed, fmt.Sprintf("%s has no webhook at %s; pocketci hook install makes one", owner, public)}
	}
	ids := make([]string, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	return ids, nil
}

func (f *hookForge) unredelivered(err error) error {
	if errors.Is(err, forge.ErrUnsupported) {
		return &exitError{exitFailed, fmt.Sprintf("the forge %s cannot be asked for deliveries again by its API (%v); its page of the webhook may", f.Name, err)}
	}
	return refused(err)
}

func deliveries(n int) string {
	if n == 1 {
		return "1 delivery"
	}
	return fmt.Sprintf("%d deliveries", n)
}
