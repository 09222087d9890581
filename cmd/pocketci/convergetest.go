package main

import (
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/franela/pocketci/internal/converge"
	"github.com/franela/pocketci/internal/converge/apply"
)

func newConvergeTest() *cobra.Command {
	var b byHand
	cmd := &cobra.Command{
		Use:   "test FILE",
		Short: "Apply a pattern to this machine, check it, remove it, and check that it is gone",
		Long: `Test applies a pattern to this machine as if nothing had been applied before, and
removes it again. It fails if a change or a remove fails, if a check asks for a
change after the pattern was applied, or if one does not after it was removed.
Run it on a machine that is made for that, such as a container.`,
		Args:    cobra.ExactArgs(1),
		Example: `  pocketci converge test site.yaml`,
		RunE: func(cmd *cobra.Command, args []string) error {
			state, err := os.MkdirTemp("", "pocketci-converge-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(state)
			p, err := b.process(cmd, args[0], state, false)
			if err != nil {
				return err
			}
			return b.test(cmd, p)
		},
	}
	b.flags(cmd)
	return cmd
}

func (b *byHand) test(cmd *cobra.Command, p *converge.Process) error {
	results, err := p.Once(cmd.Context())
	applied := results[convergeName]
	if err := b.print(cmd, applied, err); err != nil {
		return err
	}
	results, err = p.Preview(cmd.Context())
	if err != nil {
		return &exitError{exitFailed, err.Error()}
	}
	for _, o := range results[convergeName].Commands {
		if o.Mode == apply.ModeCheck && o.Exit != 0 {
			return &exitError{exitFailed, fmt.Sprintf("the check of %q asks for a change after it was changed", o.ID)}
		}
	}
	removed, err := p.Remove(cmd.Context(), convergeName)
	if err := b.print(cmd, removed, err); err != nil {
		return err
	}
	results, err = p.Preview(cmd.Context())
	if err != nil {
		return &exitError{exitFailed, err.Error()}
	}
	for _, o := range results[convergeName].Commands {
		if o.Mode == apply.ModeCheck && o.Exit == 0 && slices.Contains(applied.Changed, o.ID) && slices.Contains(removed.Removed, o.ID) {
			return &exitError{exitFailed, fmt.Sprintf("the check of %q is content after it was removed", o.ID)}
		}
	}
	return nil
}
