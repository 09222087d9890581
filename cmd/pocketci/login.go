package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/franela/pocketci/internal/client"
)

// keyLimit is longer than any key, in bytes.
const keyLimit = 4 << 10

func newLogin() *cobra.Command {
	var r remote
	var keyFile string
	cmd := &cobra.Command{
		Use:   "login URL",
		Short: "Store the address of an agent and the key for it",
		Long: `Login asks the agent whose key it is and stores address and key in
$XDG_CONFIG_HOME/pocketci/credentials.json, for the user alone. The key is read
from a file, else from standard input; a terminal does not show it. The server
becomes the one that other commands talk to. ` + envServer + ` and ` + envKey + `
come before what is stored.`,
		Args: cobra.ExactArgs(1),
		Example: `  pocketci login https://ci.example.com
  pocketci login https://ci.example.com --key-file key.txt`,
		RunE: func(cmd *cobra.Command, args []string) error {
			u, err := client.ParseServer(args[0], r.insecure)
			if err != nil {
				return err
			}
			address := u.String()
			kept, err := readCredentials()
			if err != nil {
				return err
			}
			key, err := readKey(cmd, keyFile)
			if err != nil {
				return err
			}
			caFile := cmp.Or(r.caFile, os.Getenv(envCAFile))
			if caFile != "" {
				if caFile, err = filepath.Abs(caFile); err != nil {
					return fmt.Errorf("find %s: %w", r.caFile, err)
				}
			}
			c, err := client.New(client.Options{Server: address, Key: key, CAFile: caFile, InsecureHTTP: r.insecure, UserAgent: userAgent()})
			if err != nil {
				return err
			}
			defer c.Close()
			me, err := c.Me(cmd.Context())
			if err != nil {
				return err
			}
			kept.Servers[address] = account{Key: key, InsecureHTTP: r.insecure, CAFile: caFile}
			kept.Default = address
			if err := kept.write(); err != nil {
				return err
			}
			s := newScreen(cmd.OutOrStdout())
			s.printf("logged in to %s as %s, who may %s\n", address, me.Name, me.Scope)
			if me.ExpiresAt != nil {
				s.printf("the key expires %s\n", s.when(*me.ExpiresAt))
			}
			return nil
		},
	}
	r.connectionFlags(cmd)
	cmd.Flags().StringVar(&keyFile, "key-file", "", "a `FILE` with the key, instead of asking for it")
	cmd.MarkFlagFilename("key-file")
	return cmd
}

// readKey reads a key from a file, a terminal or standard input.
func readKey(cmd *cobra.Command, file string) (string, error) {
	var data []byte
	var err error
	stdin, isFile := cmd.InOrStdin().(*os.File)
	switch {
	case file != "":
		var f *os.File
		if f, err = os.Open(file); err == nil {
			data, err = io.ReadAll(io.LimitReader(f, keyLimit))
			f.Close()
		}
	case isFile && term.IsTerminal(int(stdin.Fd())):
		fmt.Fprint(cmd.ErrOrStderr(), "key: ")
		data, err = readHidden(cmd.Context(), int(stdin.Fd()))
		fmt.Fprintln(cmd.ErrOrStderr())
	default:
		data, err = io.ReadAll(io.LimitReader(cmd.InOrStdin(), keyLimit))
	}
	if err != nil {
		return "", fmt.Errorf("read the key: %w", err)
	}
	key := strings.TrimSpace(string(data))
	if key == "" {
		return "", errors.New("read the key: it is empty")
	}
	return key, nil
}

// readHidden reads a line from a terminal that does not show it, and leaves the
// terminal as it was also when it is interrupted.
func readHidden(ctx context.Context, fd int) ([]byte, error) {
	before, err := term.GetState(fd)
	if err != nil {
		return nil, err
	}
	type line struct {
		data []byte
		err  error
	}
	read := make(chan line, 1)
	go func() { // until the program ends, if nothing is typed
		data, err := term.ReadPassword(fd)
		read <- line{data, err}
	}()
	select {
	case l := <-read:
		return l.data, l.err
	case <-ctx.Done():
		return nil, errors.Join(context.Cause(ctx), term.Restore(fd, before))
	}
}

func newLogout() *cobra.Command {
	return &cobra.Command{
		Use:   "logout [URL]",
		Short: "Forget the key for an agent",
		Long: `Logout forgets the key for a server, for the one in use if none is named. The
key stays valid: pocketci keys delete ends it.`,
		Args:    cobra.MaximumNArgs(1),
		Example: "  pocketci logout https://ci.example.com",
		RunE: func(cmd *cobra.Command, args []string) error {
			kept, err := readCredentials()
			if err != nil {
				return err
			}
			address := kept.Default
			if len(args) > 0 {
				u, err := client.ParseServer(args[0], true)
				if err != nil {
					return err
				}
				address = u.String()
			}
			if _, ok := kept.Servers[address]; !ok {
				return fmt.Errorf("not logged in to %s", cmp.Or(address, "any server"))
			}
			delete(kept.Servers, address)
			if kept.Default == address {
				kept.Default = ""
				if len(kept.Servers) == 1 {
					kept.Default = slices.Collect(maps.Keys(kept.Servers))[0]
				}
			}
			if err := kept.write(); err != nil {
				return err
			}
			newScreen(cmd.OutOrStdout()).printf("logged out of %s\n", address)
			return nil
		},
	}
}
