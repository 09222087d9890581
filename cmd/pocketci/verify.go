package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/franela/pocketci/internal/signed"
)

func newVerify() *cobra.Command {
	var texts []string
	var source string
	var noExpiry bool
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Verify a signed token, and print its claims",
		Long: `Verify says whether one of the public keys signed a token, and whether its time has
come and is not over. The claims are printed as they were signed. Which tokens a
source has accepted is known to the source alone.

Exit codes: 0 the token is valid; 1 it is not; 2 usage, or the token or a key cannot be
read.`,
		Args: cobra.ExactArgs(1),
		Example: `  pocketci verify --key ed25519:bDaXoO5bdF8UTRoUj/1aGwNgXjLfgSpNzcgkGIVYz0k=:build web.jwt
  pocketci sign --key build.key --source web | pocketci verify --key build.pub -`,
		RunE: func(cmd *cobra.Command, args []string) error {
			keys, err := publicKeys(texts)
			if err != nil {
				return err
			}
			text, err := readText(args[0], cmd.InOrStdin())
			if err != nil {
				return fmt.Errorf("read the token: %w", err)
			}
			token, err := signed.Verify(text, signed.Rules{Source: source, AnySource: source == "", Keys: keys, AllowNoExpiry: noExpiry, Now: time.Now()})
			if err != nil {
				return &exitError{exitFailed, err.Error()}
			}
			var claims bytes.Buffer
			if err := json.Indent(&claims, token.Raw, "", "  "); err != nil {
				return fmt.Errorf("print the claims: %w", err)
			}
			fmt.Fprintln(cmd.OutOrStdout(), claims.String())
			newScreen(cmd.ErrOrStderr()).printf("signed by %s\n", token.Key.String())
			return nil
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&texts, "key", nil, "a public `KEY` that is trusted, or a file with one; may be repeated")
	f.StringVar(&source, "source", "", "the `NAME` of the source that the token has to be for (by default any)")
	f.BoolVar(&noExpiry, "allow-no-expiry", false, "accept a token that is valid for ever")
	cmd.MarkFlagRequired("key")
	return cmd
}

// publicKeys reads keys, each of them written out or in a file.
func publicKeys(texts []string) ([]signed.Key, error) {
	keys := make([]signed.Key, len(texts))
	for i, text := range texts {
		where := "the key"
		// No file that is meant has a colon there.
		if !strings.HasPrefix(text, "ed25519") || !strings.Contains(text, ":") {
			where = "the key in " + text
			var err error
			if text, err = readBounded(text); err != nil {
				return nil, fmt.Errorf("read a public key: %w", err)
			}
		}
		key, err := signed.ParseKey(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
		keys[i] = key
	}
	return keys, nil
}
