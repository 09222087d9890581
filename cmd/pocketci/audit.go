package main

import (
	"github.com/spf13/cobra"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/client"
)

func newAudit() *cobra.Command {
	var r remote
	var l listFlags
	cmd := &cobra.Command{
		Use:     "audit",
		Short:   "List what people did, the latest first",
		Args:    cobra.NoArgs,
		Example: "  pocketci audit --limit 100",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := r.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			all, next, err := collect(l.limit, func(p client.Page) ([]v1.AuditEntry, string, error) {
				page, err := c.Audit(cmd.Context(), p)
				return page.Entries, page.Next, err
			})
			if err != nil {
				return err
			}
			s := newScreen(cmd.OutOrStdout())
			return l.listed(s, v1.Audit{Entries: all, Next: next}, len(all), next, func(t *table) {
				t.row("WHEN", "WHO", "WHAT", "OBJECT", "DETAIL", "FROM")
				for _, e := range all {
					t.row(s.when(e.At), e.Person, e.Action, e.Object, e.Detail, e.Remote)
				}
			})
		},
	}
	r.flags(cmd)
	l.add(cmd)
	return cmd
}
