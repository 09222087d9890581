package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/franela/pocketci/internal/client"
)

func newPush() *cobra.Command {
	var r remote
	var s signing
	var host string
	var dry, asJSON bool
	cmd := &cobra.Command{
		Use:   "push [FILE]",
		Short: "Push a signed token to a source of an agent or a host",
		Long: `Push sends the token in FILE, or in standard input for -, to a source. The token
proves who signed it, so that no API key is needed or sent. Each is accepted once.

With --key or --key-env the token is signed first: FILE is then its payload, which may
be left out.

With --host it goes to a host that runs pocketci converge, and the answer is what the
host has done: exit code 1 says that something failed.`,
		Args: cobra.MaximumNArgs(1),
		Example: `  pocketci push --server https://ci.example.com --source web web.jwt
  pocketci push --server https://ci.example.com --source web --key build.key release.json
  pocketci push --host https://web1.example.com:4000 --source hosts --key build.key --pattern patterns/web.jsonnet`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := allOrNone(cmd, "host", host != "", []string{"dry-run"}); err != nil {
				return err
			}
			text, err := s.tokenOf(cmd, args)
			if err != nil {
				return err
			}
			c, err := r.open(host)
			if err != nil {
				return err
			}
			defer c.Close()
			if host != "" {
				return pushToHost(cmd, c, s.source, text, dry, asJSON)
			}
			accepted, err := c.Push(cmd.Context(), s.source, text)
			if err != nil {
				return err
			}
			return (&waiting{json: asJSON}).accepted(cmd, c, accepted)
		},
	}
	r.flags(cmd)
	s.sourceFlag(cmd)
	s.flags(cmd)
	cmd.Flags().StringVar(&host, "host", "", "`URL` of a host that converges, in place of an agent")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "have the host only say what it would do; the token is not used up")
	jsonFlag(cmd, &asJSON)
	cmd.MarkFlagsMutuallyExclusive("server", "host")
	return cmd
}

// tokenOf reads the token, or signs one for what the argument names.
func (s *signing) tokenOf(cmd *cobra.Command, args []string) (string, error) {
	if s.given() {
		if len(args) > 0 {
			s.payload = args[0]
		}
		return s.sign(cmd)
	}
	for _, name := range claimFlags {
		if cmd.Flags().Changed(name) {
			return "", fmt.Errorf("--%s needs --key or --key-env: what is signed already stays as it is", name)
		}
	}
	if len(args) == 0 {
		return "", errors.New("name the file of the token, - for standard input, or sign one with --key or --key-env")
	}
	text, err := readText(args[0], cmd.InOrStdin())
	if err != nil {
		return "", fmt.Errorf("read the token: %w", err)
	}
	return text, nil
}

// open is connect without a key, for an agent or, if there is one, a host.
func (r *remote) open(host string) (*client.Client, error) {
	address, account := cmp.Or(host, r.server, os.Getenv(envServer)), account{}
	if host == "" {
		kept, err := readCredentials()
		if err != nil {
			return nil, err
		}
		if address = cmp.Or(address, kept.Default); address == "" {
			return nil, fmt.Errorf("no server: name one with --server, or set %s", envServer)
		}
		u, err := client.ParseServer(address, true)
		if err != nil {
			return nil, err
		}
		address = u.String()
		account = kept.Servers[address]
	}
	return client.New(client.Options{
		Server:       address,
		CAFile:       cmp.Or(r.caFile, os.Getenv(envCAFile), account.CAFile),
		InsecureHTTP: r.insecure || account.InsecureHTTP,
		UserAgent:    userAgent(),
	})
}

// pushToHost prints what a host has done.
func pushToHost(cmd *cobra.Command, c *client.Client, source, text string, dry, asJSON bool) error {
	reply, sent, err := c.PushToHost(cmd.Context(), source, strings.TrimSpace(text), dry)
	if err != nil {
		return err
	}
	if asJSON {
		if _, err := cmd.OutOrStdout().Write(sent); err != nil {
			return err
		}
	} else {
		sayReply(newScreen(cmd.OutOrStdout()), &reply)
	}
	if reply.Err != "" || reply.Exit != 0 {
		return &exitError{exitFailed, cmp.Or(reply.Err, fmt.Sprintf("exit code %d", reply.Exit))}
	}
	return nil
}

// sayReply prints what was changed and removed, and in which order.
func sayReply(s *screen, reply *client.HostReply) {
	changed, removed := "changed", "removed"
	if reply.Dry {
		changed, removed = "would change", "would remove"
	}
	if reply.Note != "" {
		s.printf("%s\n", reply.Note)
	}
	if len(reply.Removed) > 0 {
		s.printf("%s %s: %s\n", removed, strconv.Itoa(len(reply.Removed)), strings.Join(reply.Removed, ", "))
	}
	if len(reply.Changed) > 0 {
		s.printf("%s %s: %s\n", changed, strconv.Itoa(len(reply.Changed)), strings.Join(reply.Changed, ", "))
	}
	if len(reply.Removed)+len(reply.Changed) == 0 && reply.Err == "" && reply.Note == "" {
		s.printf("no changes\n")
	}
}
