package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/franela/pocketci/internal/converge"
	"github.com/franela/pocketci/internal/converge/config"
	"github.com/franela/pocketci/internal/converge/pattern"
	"github.com/franela/pocketci/internal/secrets"
	"github.com/franela/pocketci/internal/terminal"
)

const (
	// convergeConfig is where the configuration is if nothing else is said.
	convergeConfig = "/etc/pocketci/converge.yaml"
	// convergeGrace is how long a command that runs may go on after SIGTERM.
	convergeGrace = 30 * time.Second
)

// convergeFlags are those of the process.
type convergeFlags struct {
	config, listen, certificate, key, logFormat string
	once, dry, json                             bool
}

func newConverge() *cobra.Command {
	var f convergeFlags
	cmd := &cobra.Command{
		Use:   "converge",
		Short: "Keep the host as signed patterns say, a process of its own",
		Long: `Converge keeps the host that it runs on as patterns say: it takes those that are
pushed to it, pulls others at their intervals, and changes the host with its own
rights. Only patterns that a key of the configuration has signed are applied. It
is not a part of an agent, which runs other people's code.

On SIGTERM it stops between two commands; one that runs has 30 seconds to end. A
run that did not come to its end goes on at the next start.`,
		Args: cobra.NoArgs,
		Example: `  pocketci converge --config /etc/pocketci/converge.yaml
  pocketci converge --once --dry-run`,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	flags := cmd.Flags()
	convergeConfigFlag(cmd, &f.config)
	flags.StringVar(&f.listen, "listen", "", "listen on this `ADDRESS`, in place of that of the file")
	flags.StringVar(&f.certificate, "tls-cert", "", "the `FILE` of the certificate, in place of that of the file")
	flags.StringVar(&f.key, "tls-key", "", "the `FILE` of the certificate's key")
	flags.StringVar(&f.logFormat, "log-format", "text", "`FORMAT` of the log: text or json")
	flags.BoolVar(&f.once, "once", false, "pull and run every source once, print the results and end")
	flags.BoolVar(&f.dry, "dry-run", false, "only say what would change; nothing is changed and no token is kept")
	flags.BoolVar(&f.json, "json", false, "print results as JSON")
	cmd.MarkFlagFilename("tls-cert")
	cmd.MarkFlagFilename("tls-key")
	cmd.AddCommand(newConvergeApply(), newConvergeCheck(), newConvergeTest(), newConvergeLint(), newConvergeStatus(), newConvergeForget(), newConvergeRender())
	return cmd
}

func convergeConfigFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "config", convergeConfig, "the `FILE` with the sources")
	cmd.MarkFlagFilename("config", "yaml")
}

func (f *convergeFlags) run(cmd *cobra.Command) error {
	conf, err := config.Load(f.config)
	if err != nil {
		return err
	}
	if err := f.override(conf); err != nil {
		return err
	}
	if f.logFormat != "text" && f.logFormat != "json" {
		return errors.New("--log-format has to be text or json")
	}
	p, log, err := newConverger(conf, f.dry, f.logFormat, slog.LevelInfo, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	if f.once {
		results, err := p.Once(cmd.Context())
		return printReplies(cmd.OutOrStdout(), results, f.json, err)
	}
	var l net.Listener
	if conf.Listen != "" {
		if l, err = net.Listen("tcp", conf.Listen); err != nil {
			return fmt.Errorf("listen: %w", err)
		}
		log.Info("converge listens", "address", l.Addr().String(), "tls", conf.TLS != nil, "version", versionText())
	}
	stop := cmd.Context()
	abort, cancel := context.WithCancelCause(context.WithoutCancel(stop))
	defer cancel(nil)
	release := context.AfterFunc(stop, func() {
		log.Info("converge stops", "grace-period", convergeGrace)
		time.AfterFunc(convergeGrace, func() { cancel(fmt.Errorf("the process stopped and %s are over", convergeGrace)) })
	})
	defer release()
	if err := p.Run(stop, abort, l); err != nil {
		return &exitError{exitFailed, err.Error()}
	}
	log.Info("converge stopped")
	return nil
}

// override has flags in place of what the file says.
func (f *convergeFlags) override(conf *config.Config) error {
	if f.listen != "" {
		if _, _, err := net.SplitHostPort(f.listen); err != nil {
			return errors.New("--listen has to be an address with a port, such as 127.0.0.1:4000")
		}
		conf.Listen = f.listen
	}
	if (f.certificate == "") != (f.key == "") {
		return errors.New("--tls-cert and --tls-key go together")
	}
	if f.certificate != "" {
		conf.TLS = &config.TLS{Certificate: f.certificate, Key: f.key}
	}
	if conf.Listen != "" && conf.TLS == nil && !conf.PlainHTTP && !config.Loopback(conf.Listen) {
		return fmt.Errorf("%s is reached from other machines: give it --tls-cert and --tls-key, or say plain-http: true in the file if something before it has TLS", conf.Listen)
	}
	return nil
}

// newConverger makes the process. Its secrets are taken out of its environment, which
// commands are given parts of.
func newConverger(conf *config.Config, dry bool, format string, level slog.Level, stderr io.Writer) (*converge.Process, *slog.Logger, error) {
	var names []string
	for secret := range conf.Secrets() {
		if secret.Env != "" {
			names = append(names, secret.Env)
		}
	}
	vault, wiped := secrets.Take(secrets.Policy{}, names...)
	masker := secrets.NewMasker()
	for secret := range conf.Secrets() {
		value, err := vault.Secret(secret)
		if err != nil {
			return nil, nil, fmt.Errorf("%s:%d: %w", conf.File, secret.Line, err)
		}
		masker.Add(value)
	}
	var handler slog.Handler = slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level})
	if format == "json" {
		handler = slog.NewJSONHandler(stderr, &slog.HandlerOptions{Level: level})
	}
	log := slog.New(masker.Handler(handler))
	if wiped != nil {
		log.Warn("environment", "error", wiped)
	}
	program, err := os.Executable()
	if err != nil {
		return nil, nil, fmt.Errorf("find this program: %w", err)
	}
	p, err := converge.New(converge.Options{
		Config: conf, Secret: vault.Secret, DryRun: dry, Version: versionText(), Log: log,
		Renderer: &pattern.Renderer{Command: []string{program, "converge", "render"}},
	})
	return p, log, err
}

// printReplies prints the results of sources, and makes a failure of those that
// failed.
func printReplies(w io.Writer, results map[string]converge.Reply, asJSON bool, failed error) error {
	if asJSON {
		if err := json.NewEncoder(w).Encode(results); err != nil {
			return err
		}
	} else {
		for _, name := range slices.Sorted(maps.Keys(results)) {
			printReply(w, name+": ", results[name])
		}
	}
	if failed != nil {
		return &exitError{exitFailed, failed.Error()}
	}
	return nil
}

// printReply prints a result as push does that of a host.
func printReply(w io.Writer, prefix string, r converge.Reply) {
	changed, removed := "changed", "removed"
	if r.Dry {
		changed, removed = "would change", "would remove"
	}
	said := false
	for _, part := range []struct {
		word string
		ids  []string
	}{{removed, r.Removed}, {changed, r.Changed}} {
		if len(part.ids) > 0 {
			said = true
			fmt.Fprintf(w, "%s%s %d: %s\n", prefix, part.word, len(part.ids), terminal.Quote(strings.Join(part.ids, ", ")))
		}
	}
	if !said && r.Err == "" {
		fmt.Fprintf(w, "%sno changes\n", prefix)
	}
}

// newConvergeRender is what the process starts itself as to render Jsonnet.
func newConvergeRender() *cobra.Command {
	return &cobra.Command{
		Use:    "render",
		Short:  "Render what is given on standard input, for the process itself",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE:   func(cmd *cobra.Command, _ []string) error { return pattern.Child(cmd.InOrStdin(), cmd.OutOrStdout()) },
	}
}
