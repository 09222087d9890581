package main

import (
	"strings"

	"github.com/spf13/cobra"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

func newMirrors() *cobra.Command {
	return group("mirrors", "List the directories that agents keep up to date, and bring one up to date", newMirrorsList(), newMirrorsSync())
}

func newMirrorsList() *cobra.Command {
	var r remote
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the mirrors of all agents",
		Long: `List shows the mirrors of the agent that answers as they are at the moment, and
those of other agents as they last told.`,
		Args:    cobra.NoArgs,
		Example: "  pocketci mirrors list",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := r.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			list, err := c.Mirrors(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), list)
			}
			s := newScreen(cmd.OutOrStdout())
			t := s.table("MIRROR", state("STATE"), "REF", "SHA", "CHANGED", "LOOKED", "AGENT", "DIRECTORY", "ERROR")
			for _, m := range list.Mirrors {
				t.row(m.Name, mirrorState(&m), shortRef(m.Ref), shortSHA(m.SHA), s.whenPtr(m.ChangedAt), s.whenPtr(m.LookedAt), m.Agent, m.Directory, m.Error)
			}
			return t.flush()
		},
	}
	r.flags(cmd)
	jsonFlag(cmd, &asJSON)
	return cmd
}

// mirrorState is a word for how a mirror fares.
func mirrorState(m *v1.Mirror) state {
	switch {
	case m.Phase == "working" || m.Phase == "waiting":
		return state(m.Phase)
	case m.Error != "":
		return "failed"
	case m.SHA == "":
		return "new"
	}
	return "succeeded"
}

// shortRef is a ref without what it always begins with.
func shortRef(ref string) string {
	return strings.TrimPrefix(strings.TrimPrefix(ref, "refs/heads/"), "refs/")
}

func newMirrorsSync() *cobra.Command {
	var r remote
	var touch bool
	cmd := &cobra.Command{
		Use:   "sync NAME",
		Short: "Have a mirror be compared with its repository now",
		Long: `Sync has the agent that answers bring one of its mirrors up to date now, and does
not wait for it. With --touch its trigger is touched and functions are called even
if nothing has changed.`,
		Args:    cobra.ExactArgs(1),
		Example: "  pocketci mirrors sync shop --touch",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			if err := c.SyncMirror(cmd.Context(), args[0], v1.SyncMirror{Touch: touch}); err != nil {
				return err
			}
			newScreen(cmd.OutOrStdout()).printf("the agent looks at %s\n", args[0])
			return nil
		},
	}
	r.flags(cmd)
	cmd.Flags().BoolVar(&touch, "touch", false, "touch the trigger and call functions even if nothing has changed")
	return cmd
}
