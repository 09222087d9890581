package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/franela/pocketci/internal/forge"
)

// hook is a webhook as --json shows it.
type hook struct {
	ID     string   `json:"id"`
	URL    string   `json:"url"`
	Active bool     `json:"active"`
	Events []string `json:"events"`
}

func hookOf(w *forge.Webhook) hook {
	return hook{ID: w.ID, URL: w.URL, Active: w.Active, Events: append([]string{}, w.Events...)}
}

func newHookList() *cobra.Command {
	var h hookFlags
	cmd := &cobra.Command{
		Use:   "list REPO|ORG",
		Short: "List the agent's webhooks of a repository or an organisation",
		Long: `List shows the webhooks that are sent to an address below the agent's. The agent's
forges and their credentials are those of its file and its environment.`,
		Args: cobra.ExactArgs(1),
		Example: `  pocketci hook list octo/hello --public-url https://ci.example.com
  pocketci hook list octo --forge work --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkOwner(args[0]); err != nil {
				return err
			}
			public, err := h.public()
			if err != nil {
				return err
			}
			f, err := h.open()
			if err != nil {
				return err
			}
			list, err := f.Webhooks(cmd.Context(), args[0], public)
			if err != nil {
				return refused(err)
			}
			if h.json {
				out := struct {
					Webhooks []hook `json:"webhooks"`
				}{[]hook{}}
				for i := range list {
					out.Webhooks = append(out.Webhooks, hookOf(&list[i]))
				}
				return writeJSON(cmd.OutOrStdout(), out)
			}
			if len(list) == 0 {
				newScreen(cmd.ErrOrStderr()).printf("%s has no webhook at %s; pocketci hook install makes one\n", args[0], public)
				return nil
			}
			t := newScreen(cmd.OutOrStdout()).table("WEBHOOK", "ADDRESS", "ACTIVE", "EVENTS")
			for _, w := range list {
				active := "no"
				if w.Active {
					active = "yes"
				}
				t.row(w.ID, w.URL, active, strings.Join(w.Events, ", "))
			}
			return t.flush()
		},
	}
	h.flags(cmd)
	return cmd
}
