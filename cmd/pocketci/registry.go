package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/client"
)

func newRegistry() *cobra.Command {
	return group("registry", "See and change what is deployed of the registries that an agent watches",
		newRegistryList(), newRegistryPin(), newRegistryUnpin(), newRegistryAutoDeploy(), newRegistryReset(), newRegistryRedeploy())
}

func newRegistryList() *cobra.Command {
	var r remote
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list [WATCH]",
		Short: "List the repositories that are watched, or the tags of one",
		Long: `List shows the repositories of registries that an agent watches: the tag that is to
be deployed, the one that is deployed, and what is wrong. With the name of a watch
it lists the tags of that repository.`,
		Args: cobra.MaximumNArgs(1),
		Example: `  pocketci registry list
  pocketci registry list shop`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			s := newScreen(cmd.OutOrStdout())
			if len(args) == 1 {
				watch, err := c.Registry(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSON(cmd.OutOrStdout(), watch)
				}
				for _, tag := range watch.Tags {
					s.printf("%s\n", tag)
				}
				return nil
			}
			list, err := c.Registries(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), list)
			}
			t := s.table("WATCH", "REPOSITORY", "PINNED", "AUTO", "WANTED", "DEPLOYED", "WHEN", "STATE")
			for _, w := range list.Watches {
				auto, deployed, when := "off", "", ""
				if w.AutoDeploy {
					auto = "on"
				}
				if w.Deployed != nil {
					deployed, when = w.Deployed.Tag, s.when(w.Deployed.At)
				}
				t.row(w.Name, w.Host+"/"+w.Repository, w.PinnedTag, auto, w.Wanted, deployed, when, watchState(s, &w))
			}
			return t.flush()
		},
	}
	r.flags(cmd)
	jsonFlag(cmd, &asJSON)
	return cmd
}

// watchState says what happens to a watch, or what is wrong with it.
func watchState(s *screen, w *v1.Watch) string {
	var parts []string
	if d := w.Deployment; d != nil {
		text := fmt.Sprintf("%s %s", d.Progress, d.Tag)
		if d.Run != 0 {
			text += fmt.Sprintf(" (run %d)", d.Run)
		}
		if d.RetryAt != nil {
			text += ", again at " + s.when(*d.RetryAt)
		}
		parts = append(parts, text)
		if d.Reason != "" {
			parts = append(parts, d.Reason)
		}
	}
	if w.Error != "" {
		parts = append(parts, w.Error)
	}
	return strings.Join(parts, ": ")
}

// changing is a command that changes one watch.
func changing(use, short, long, example string, args int, change func(ctx context.Context, c *client.Client, args []string) (v1.WatchChanged, error)) *cobra.Command {
	var r remote
	var asJSON bool
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long, Example: example,
		Args: cobra.ExactArgs(args),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			changed, err := change(cmd.Context(), c, args)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), changed)
			}
			s := newScreen(cmd.OutOrStdout())
			switch {
			case changed.Tag != "":
				s.printf("run %v deploys %s (%s)\n", changed.Run, changed.Tag, changed.Digest)
			case strings.HasPrefix(use, "auto-deploy"):
				s.printf("auto-deploy of %s is %s\n", changed.Name, args[1])
			default:
				s.printf("there is no version of %s to deploy yet\n", changed.Name)
			}
			return nil
		},
	}
	r.flags(cmd)
	jsonFlag(cmd, &asJSON)
	return cmd
}

func newRegistryPin() *cobra.Command {
	return changing("pin WATCH TAG", "Have a tag deployed, now and whenever it is overwritten",
		`Pin has a tag deployed at once, also if it is deployed already or auto-deploy is off.
From then on releases do not matter, and the tag is deployed again whenever it stands
for another image, if auto-deploy is on.`,
		"  pocketci registry pin shop v1.2.0", 2,
		func(ctx context.Context, c *client.Client, args []string) (v1.WatchChanged, error) {
			return c.ChangeRegistry(ctx, args[0], v1.WatchChange{PinnedTag: &args[1]})
		})
}

func newRegistryUnpin() *cobra.Command {
	return changing("unpin WATCH", "Have the newest version deployed, now and from now on", "", "  pocketci registry unpin shop", 1,
		func(ctx context.Context, c *client.Client, args []string) (v1.WatchChanged, error) {
			none := ""
			return c.ChangeRegistry(ctx, args[0], v1.WatchChange{PinnedTag: &none})
		})
}

func newRegistryAutoDeploy() *cobra.Command {
	return changing("auto-deploy WATCH on|off", "Say whether deployments begin by themselves",
		`Auto-deploy has deployments begin by themselves, or not. What came while it was off is
deployed once it is on again.`,
		"  pocketci registry auto-deploy shop off", 2,
		func(ctx context.Context, c *client.Client, args []string) (v1.WatchChanged, error) {
			on := args[1] == "on"
			if !on && args[1] != "off" {
				return v1.WatchChanged{}, fmt.Errorf("%q is neither on nor off", args[1])
			}
			return c.ChangeRegistry(ctx, args[0], v1.WatchChange{AutoDeploy: &on})
		})
}

func newRegistryReset() *cobra.Command {
	return changing("reset WATCH", "Take the pin away, turn auto-deploy on, and deploy the newest version", "", "  pocketci registry reset shop", 1,
		func(ctx context.Context, c *client.Client, args []string) (v1.WatchChanged, error) {
			return c.ResetRegistry(ctx, args[0])
		})
}

func newRegistryRedeploy() *cobra.Command {
	return changing("redeploy WATCH", "Deploy once more what is to be deployed", "", "  pocketci registry redeploy shop", 1,
		func(ctx context.Context, c *client.Client, args []string) (v1.WatchChanged, error) {
			return c.RedeployRegistry(ctx, args[0])
		})
}
