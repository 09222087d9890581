package main

import (
	"strings"

	"github.com/spf13/cobra"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

func newSigned() *cobra.Command {
	return group("signed", "See the sources of signed tokens", newSignedList())
}

func newSignedList() *cobra.Command {
	var r remote
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the sources of signed tokens, and how pulling goes",
		Long: `List shows the sources of signed tokens that an agent has: how tokens come, when the
newest was signed that was accepted, and what is wrong with those that are pulled.`,
		Args:    cobra.NoArgs,
		Example: "  pocketci signed list",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := r.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			list, err := c.SignedSources(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), list)
			}
			s := newScreen(cmd.OutOrStdout())
			t := s.table("SOURCE", "BY", "NEWEST", "ACCEPTED", "NEXT", "STATE")
			for i := range list.Sources {
				source := &list.Sources[i]
				by, next, state := waysOf(source), "", "ok"
				if source.Pull != nil {
					next = s.whenPtr(source.Pull.Next)
					if source.Pull.Error != "" {
						state = source.Pull.Error
					}
				}
				t.row(source.Name, by, s.whenPtr(source.Newest), s.whenPtr(source.AcceptedAt), next, state)
			}
			return t.flush()
		},
	}
	r.flags(cmd)
	jsonFlag(cmd, &asJSON)
	return cmd
}

// waysOf says how tokens come to a source.
func waysOf(s *v1.SignedSource) string {
	var ways []string
	if s.Push {
		ways = append(ways, "push")
	}
	if s.Pull != nil {
		ways = append(ways, "pull")
	}
	return strings.Join(ways, ", ")
}
