package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/franela/pocketci/internal/client"
)

// Variables that come before what pocketci login has stored.
const (
	envServer = "POCKETCI_SERVER"
	envKey    = "POCKETCI_KEY"
	envCAFile = "POCKETCI_CA_FILE"
)

// remote is the agent that a command talks to.
type remote struct {
	server   string
	caFile   string
	insecure bool
}

// flags adds the flags that say which agent.
func (r *remote) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&r.server, "server", "", "`URL` of the agent ("+envServer+"; by default the one of pocketci login)")
	r.connectionFlags(cmd)
}

// connectionFlags adds the flags that say how it is reached.
func (r *remote) connectionFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&r.caFile, "ca-file", "", "a `FILE` of certificates to trust besides those of the system ("+envCAFile+")")
	f.BoolVar(&r.insecure, "insecure-http", false, "accept that the key goes to another host without TLS")
	cmd.MarkFlagFilename("ca-file")
}

// instead checks the flags of a command that works on a local directory, or
// asks an agent about a repository if one is given.
func (r *remote) instead(cmd *cobra.Command, repository string) error {
	if repository == "" {
		return allOrNone(cmd, "repo", false, []string{"server", "ca-file", "insecure-http"})
	}
	for _, name := range append([]string{"dir"}, localFlags...) {
		if cmd.Flags().Changed(name) {
			return fmt.Errorf("--%s is about a local directory, and --repo about one of an agent", name)
		}
	}
	return nil
}

// connect finds the server and its key.
func (r *remote) connect() (*client.Client, error) {
	kept, err := readCredentials()
	if err != nil {
		return nil, err
	}
	fromEnv := os.Getenv(envServer)
	address := cmp.Or(r.server, fromEnv, kept.Default)
	if address == "" {
		return nil, fmt.Errorf("no server: log in with pocketci login URL, or set %s", envServer)
	}
	u, err := client.ParseServer(address, true)
	if err != nil {
		return nil, err
	}
	address = u.String()
	account := kept.Servers[address]
	// A key for the server in the environment is not for another one.
	if key := os.Getenv(envKey); key != "" && (r.server == "" || fromEnv == "" || same(r.server, fromEnv)) {
		account.Key = key
	}
	if account.Key == "" {
		return nil, fmt.Errorf("no key for %s: log in with pocketci login %s, or set %s", address, address, envKey)
	}
	return client.New(client.Options{
		Server:       address,
		Key:          account.Key,
		CAFile:       cmp.Or(r.caFile, os.Getenv(envCAFile), account.CAFile),
		InsecureHTTP: r.insecure || account.InsecureHTTP,
		UserAgent:    userAgent(),
	})
}

// same reports whether two addresses are of one server.
func same(a, b string) bool {
	x, errX := client.ParseServer(a, true)
	y, errY := client.ParseServer(b, true)
	return errX == nil && errY == nil && *x == *y
}

// userAgent is the program's name and version for the logs of servers.
func userAgent() string {
	if v := versionText(); !strings.ContainsAny(v, "() ") {
		return "pocketci/" + v
	}
	return "pocketci"
}

// serverCode is the exit code for what a server answered, if the error is that.
func serverCode(err error) (code int, ok bool) {
	if refusal, ok := errors.AsType[*client.Error](err); ok {
		if refusal.Denied() {
			return exitUsage, true
		}
		return exitFailed, true
	}
	if _, ok := errors.AsType[*client.ConnectionError](err); ok {
		return exitFailed, true
	}
	return 0, false
}
