package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

func newKeys() *cobra.Command {
	return group("keys", "List, make and delete the API keys of an agent", newKeysList(), newKeysCreate(), newKeysDelete())
}

func newKeysList() *cobra.Command {
	var r remote
	var asJSON bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List API keys",
		Args:    cobra.NoArgs,
		Example: "  pocketci keys list",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := r.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			list, err := c.Keys(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), list)
			}
			s := newScreen(cmd.OutOrStdout())
			t := s.table("KEY", "NAME", "SCOPE", "LOGIN", "CREATED", "BY", "USED", "EXPIRES")
			for _, k := range list.Keys {
				t.row(k.ID, k.Name, string(k.Scope), k.Login, s.when(k.CreatedAt), k.CreatedBy, s.whenPtr(k.UsedAt), s.whenPtr(k.ExpiresAt))
			}
			return t.flush()
		},
	}
	r.flags(cmd)
	jsonFlag(cmd, &asJSON)
	return cmd
}

// newKey is what keys create is asked for.
type newKey struct {
	scope, expires       string
	login                string
	dataDir, databaseEnv string
	json                 bool
}

func newKeysCreate() *cobra.Command {
	var r remote
	var n newKey
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make an API key and print its secret",
		Long: `Create makes a key for the person or program NAME and prints its secret, which
cannot be shown again. The scope read shows everything but keys, run also starts
and ends work, admin also manages keys.

With --login the key is that of the person whom the forge knows by this name: with
the scope run they may also approve runs of the repositories that they may write
to, as the forge says when they do.

With --data-dir or --database-env the key is written to the agent's database,
without a server: that is how the first key is made, on the agent's own machine.`,
		Args: cobra.ExactArgs(1),
		Example: `  # the first key, on the agent's machine, as the agent's user
  pocketci keys create mona --data-dir /var/lib/pocketci

  pocketci keys create ci --scope run --expires 90d > key.txt

  # a person who may approve what strangers send
  pocketci keys create ada --scope run --login ada-lovelace`,
		RunE: func(cmd *cobra.Command, args []string) error {
			expires, err := expiry(n.expires, time.Now())
			if err != nil {
				return err
			}
			here := n.dataDir != "" || n.databaseEnv != ""
			if n.scope == "" {
				if !here {
					return errors.New("--scope: say read, run or admin")
				}
				n.scope = string(v1.ScopeAdmin)
			}
			switch v1.Scope(n.scope) {
			case v1.ScopeRead, v1.ScopeRun, v1.ScopeAdmin:
			default:
				return fmt.Errorf("--scope %q: say read, run or admin", n.scope)
			}
			request := v1.KeyRequest{Name: args[0], Scope: v1.Scope(n.scope), Login: n.login, ExpiresAt: expires}
			var key v1.NewKey
			if here {
				if key, err = n.createHere(cmd.Context(), request); err != nil {
					return err
				}
			} else {
				c, err := r.connect()
				if err != nil {
					return err
				}
				defer c.Close()
				if key, err = c.CreateKey(cmd.Context(), request); err != nil {
					return err
				}
			}
			if n.json {
				return writeJSON(cmd.OutOrStdout(), key)
			}
			s := newScreen(cmd.ErrOrStderr())
			of, until := "", ""
			if key.Login != "" {
				of = ", login " + key.Login
			}
			if key.ExpiresAt != nil {
				until = ", expires " + s.when(*key.ExpiresAt)
			}
			s.printf("key %s of %s, scope %s%s%s; its secret is shown this once:\n", key.ID, key.Name, string(key.Scope), of, until)
			newScreen(cmd.OutOrStdout()).printf("%s\n", key.Secret)
			return nil
		},
	}
	r.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&n.scope, "scope", "", "what the key may do: a `SCOPE` of read, run or admin; on the agent's machine admin by default")
	f.StringVar(&n.login, "login", "", "bind the key to the person whom forges know by this `LOGIN`, who may approve runs where they may write")
	f.StringVar(&n.expires, "expires", "", "`WHEN` it ends: a time from now as 90d or 12h, a date, or a time as in RFC 3339; never by default")
	f.StringVar(&n.dataDir, "data-dir", "", "write to the database in this data `DIR` of an agent")
	f.StringVar(&n.databaseEnv, "database-env", "", "write to the PostgreSQL database whose address is in the variable `NAME`")
	jsonFlag(cmd, &n.json)
	cmd.MarkFlagDirname("data-dir")
	cmd.MarkFlagsMutuallyExclusive("data-dir", "database-env", "server")
	cmd.RegisterFlagCompletionFunc("scope", cobra.FixedCompletions([]string{"read", "run", "admin"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// expiry reads when a key ends. Nil is never.
func expiry(text string, now time.Time) (*time.Time, error) {
	if text == "" {
		return nil, nil
	}
	if d, err := parseSpan(text); err == nil {
		t := now.Add(d).UTC().Truncate(time.Second)
		return &t, nil
	}
	t, err := parseDate(text)
	if err != nil || !t.After(now) {
		return nil, fmt.Errorf("--expires %q: write a time to come as 90d, 12h, 2006-01-02 or 2006-01-02T15:04:05Z", text)
	}
	return &t, nil
}

// createHere makes a key in the agent's database.
func (n *newKey) createHere(ctx context.Context, request v1.KeyRequest) (key v1.NewKey, err error) {
	o := store.Options{DataDir: n.dataDir}
	switch {
	case n.databaseEnv != "":
		if o.DSN = os.Getenv(n.databaseEnv); o.DSN == "" {
			return key, fmt.Errorf("--database-env: the variable %s is not set", n.databaseEnv)
		}
	default:
		// Opening would make a database that no agent ever looks at.
		_, err := os.Stat(filepath.Join(n.dataDir, store.FileName))
		if errors.Is(err, fs.ErrNotExist) {
			return key, fmt.Errorf("--data-dir: there is no %s in %s; give the data directory of an agent that has been started, and --database-env NAME for one with PostgreSQL", store.FileName, n.dataDir)
		}
		if err != nil {
			return key, fmt.Errorf("--data-dir: %w", err)
		}
	}
	s, err := store.Open(ctx, o)
	if err != nil {
		return key, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	asked := store.NewKey{Name: request.Name, Scope: string(request.Scope), Login: request.Login}
	if request.ExpiresAt != nil {
		asked.ExpiresAt = *request.ExpiresAt
	}
	made, secret, err := s.CreateKey(ctx, asked, store.Actor{Person: personHere()})
	if err != nil {
		return key, err
	}
	return v1.NewKey{
		Key: v1.Key{ID: made.ID, Name: made.Name, Scope: v1.Scope(made.Scope), Login: made.Login, CreatedAt: made.CreatedAt.UTC(),
			CreatedBy: made.CreatedBy, ExpiresAt: request.ExpiresAt},
		Secret: secret,
	}, nil
}

// personHere is the name of who sits at this machine.
func personHere() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "somebody at the agent's machine"
}

func newKeysDelete() *cobra.Command {
	var r remote
	cmd := &cobra.Command{
		Use:     "delete ID",
		Short:   "End an API key",
		Args:    cobra.ExactArgs(1),
		Example: "  pocketci keys delete 0198c1f0-7f3c-7d1e-9c44-0d6f3a1b2c4d",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := r.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			if err := c.DeleteKey(cmd.Context(), args[0]); err != nil {
				return err
			}
			newScreen(cmd.OutOrStdout()).printf("deleted key %s\n", args[0])
			return nil
		},
	}
	r.flags(cmd)
	return cmd
}
