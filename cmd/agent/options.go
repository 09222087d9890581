package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"time"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/report"
	"github.com/franela/pocketci/internal/server"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/modules/engine"
)

// Variables that the agent takes its credentials from. They are not flags, so
// that they are in no process list.
const (
	envUsername  = "GITHUB_USERNAME"
	envToken     = "GITHUB_TOKEN"
	envSignature = "X_HUB_SIGNATURE"
	envCloud     = "DAGGER_CLOUD_TOKEN"
	// envDatabase is no flag since the address may hold a password.
	envDatabase = "POCKETCI_DATABASE"
)

// options is everything that the agent is configured by.
type options struct {
	listen       string
	dataDir      string
	config       string
	parallelism  int
	logFormat    string
	logLevel     slog.Level
	noSignature  bool
	allowEnv     list
	cloneHosts   list
	schemes      list
	sshKey       string
	knownHosts   string
	labels       list
	queue        int
	callTimeout  time.Duration
	maxTimeout   time.Duration
	gracePeriod  time.Duration
	showVersion  bool
	runnerHost   string
	daggerBinary string

	repositoryParallelism int
	maxLost               int
	logLimit              int64
	keepDays, keepLogDays int
	keepRuns              int
	publicURL             string
	githubAPI             string
	metricsListen         string
	trustedProxies        list
	proxies               server.Proxies

	// flags are all of them with their values.
	flags []v1.Flag
}

// runURL links to a run, if people can reach the agent.
func (o *options) runURL(number int64) string {
	if o.publicURL == "" {
		return ""
	}
	return fmt.Sprintf("%s/runs/%d", strings.TrimSuffix(o.publicURL, "/"), number)
}

// list is a flag that may be repeated; its variable holds commas.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(text string) error {
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			*l = append(*l, item)
		}
	}
	return nil
}

// parse reads flags and variables; a flag wins over its variable.
func parse(args []string, getenv func(string) string, output io.Writer) (*options, error) {
	o := &options{
		listen:       ":8080",
		dataDir:      settings.DefaultDataDir(getenv),
		parallelism:  10,
		logFormat:    string(report.FormatText),
		queue:        10_000,
		callTimeout:  time.Hour,
		maxTimeout:   6 * time.Hour,
		maxLost:      2,
		logLimit:     64,
		keepDays:     90,
		keepLogDays:  90,
		gracePeriod:  time.Minute,
		runnerHost:   getenv(engine.EnvRunnerHost),
		daggerBinary: getenv(engine.EnvCLI),
	}
	flags := flag.NewFlagSet("agent", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.Usage = func() { usage(output, flags) }
	flags.StringVar(&o.listen, "listen", o.listen, "`ADDRESS` to receive webhooks at (POCKETCI_LISTEN)")
	flags.StringVar(&o.dataDir, "data-dir", o.dataDir, "`DIR` for the database, mirrors and caches (POCKETCI_DATA_DIR)")
	flags.StringVar(&o.config, "config", "", "`FILE` with what flags cannot say; without it agent.yaml in the data directory if it is there (POCKETCI_CONFIG)")
	flags.IntVar(&o.parallelism, "parallelism", o.parallelism, "`N` calls run at a time (POCKETCI_PARALLELISM)")
	flags.IntVar(&o.repositoryParallelism, "repository-parallelism", 0, "`N` calls of one repository run at a time, on all agents together; 0 is no limit (POCKETCI_REPOSITORY_PARALLELISM)")
	flags.StringVar(&o.publicURL, "public-url", "", "`URL` that people and GitHub reach the agent at, for links to runs and to know its webhooks (POCKETCI_PUBLIC_URL)")
	flags.StringVar(&o.githubAPI, "github-api", "", "`URL` of the API of a GitHub Enterprise Server, https://HOST/api/v3, which is asked for deliveries after an outage; without it GitHub's own (POCKETCI_GITHUB_API)")
	flags.StringVar(&o.metricsListen, "metrics-listen", "", "`ADDRESS` to serve metrics at without a key; otherwise they are at /metrics and need one (POCKETCI_METRICS_LISTEN)")
	flags.Var(&o.trustedProxies, "trusted-proxy", "`ADDRESS` or network of a proxy that is believed in X-Forwarded-For who a client is; repeatable (POCKETCI_TRUSTED_PROXY)")
	flags.StringVar(&o.logFormat, "log-format", o.logFormat, "`FORMAT` of logs and reports, text or json (POCKETCI_LOG_FORMAT)")
	flags.TextVar(&o.logLevel, "log-level", slog.LevelInfo, "`LEVEL` of logs: debug, info, warn or error (POCKETCI_LOG_LEVEL)")
	flags.BoolVar(&o.noSignature, "insecure-no-webhook-secret", false, "accept webhooks from anybody: whoever reaches the address can start runs (POCKETCI_INSECURE_NO_WEBHOOK_SECRET)")
	flags.Var(&o.allowEnv, "allow-secret-env", "`NAME` of a variable that pocketci.yaml may map to a secret, besides GITHUB_USERNAME and GITHUB_TOKEN; repeatable (POCKETCI_ALLOW_SECRET_ENV)")
	flags.Var(&o.cloneHosts, "clone-host", "`HOST` besides github.com that the credentials are sent to: HOST, HOST:PORT, or http://HOST for clear text; repeatable (POCKETCI_CLONE_HOST)")
	flags.Var(&o.schemes, "clone-scheme", "`SCHEME` besides https that repositories may be cloned by: http, ssh; repeatable (POCKETCI_CLONE_SCHEME)")
	flags.StringVar(&o.sshKey, "ssh-key", "", "`FILE` with a private key to clone with by ssh (POCKETCI_SSH_KEY)")
	flags.StringVar(&o.knownHosts, "ssh-known-hosts", "", "`FILE` with the keys of ssh servers (POCKETCI_SSH_KNOWN_HOSTS)")
	flags.Var(&o.labels, "runner-label", "`LABEL` that the engine has, for runs-on; repeatable (POCKETCI_RUNNER_LABEL)")
	flags.IntVar(&o.queue, "queue", o.queue, "`N` runs may wait to be planned; the next event gets 503 (POCKETCI_QUEUE)")
	flags.DurationVar(&o.callTimeout, "call-timeout", o.callTimeout, "`DURATION` that a call may take that sets no timeout (POCKETCI_CALL_TIMEOUT)")
	flags.DurationVar(&o.maxTimeout, "max-timeout", o.maxTimeout, "`DURATION` that a timeout in pocketci.yaml may not exceed (POCKETCI_MAX_TIMEOUT)")
	flags.IntVar(&o.maxLost, "max-lost", o.maxLost, "`N` times a call or run may lose its agent and is tried again (POCKETCI_MAX_LOST)")
	flags.Int64Var(&o.logLimit, "log-limit", o.logLimit, "`MIB` of log are kept of a call (POCKETCI_LOG_LIMIT)")
	flags.IntVar(&o.keepDays, "keep-days", o.keepDays, "`N` days events and runs are kept; 0 is for ever (POCKETCI_KEEP_DAYS)")
	flags.IntVar(&o.keepLogDays, "keep-log-days", o.keepLogDays, "`N` days logs are kept; 0 is as long as their runs (POCKETCI_KEEP_LOG_DAYS)")
	flags.IntVar(&o.keepRuns, "keep-runs", 0, "`N` runs are kept of each repository; 0 is all (POCKETCI_KEEP_RUNS)")
	flags.DurationVar(&o.gracePeriod, "grace-period", o.gracePeriod, "`DURATION` that calls may go on after SIGTERM (POCKETCI_GRACE_PERIOD)")
	flags.BoolVar(&o.showVersion, "version", false, "print the version and exit")

	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	given := map[string]bool{"version": true}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	var problems []error
	flags.VisitAll(func(f *flag.Flag) {
		if value := getenv(variable(f.Name)); value != "" && !given[f.Name] {
			if err := f.Value.Set(value); err != nil {
				problems = append(problems, fmt.Errorf("%s=%q: %w", variable(f.Name), value, err))
			}
		}
	})
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	flags.VisitAll(func(f *flag.Flag) {
		if f.Name == "version" {
			return
		}
		from := "default"
		switch {
		case given[f.Name]:
			from = "flag"
		case getenv(variable(f.Name)) != "":
			from = "variable"
		}
		o.flags = append(o.flags, v1.Flag{Name: f.Name, Variable: variable(f.Name), Value: settings.RedactText(f.Value.String()), From: from})
	})
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q; see --help", flags.Arg(0))
	}
	proxies, err := server.ParseProxies(o.trustedProxies)
	if err != nil {
		return nil, fmt.Errorf("--trusted-proxy: %w", err)
	}
	o.proxies = proxies
	return o, o.validate()
}

func (o *options) validate() error {
	switch {
	case o.parallelism < 1:
		return fmt.Errorf("--parallelism is %d: at least 1 call has to run", o.parallelism)
	case o.queue < 1:
		return fmt.Errorf("--queue is %d: at least 1 event has to fit", o.queue)
	case o.callTimeout <= 0:
		return fmt.Errorf("--call-timeout is %s: it has to be above zero", o.callTimeout)
	case o.repositoryParallelism < 0, o.maxLost < 0, o.keepDays < 0, o.keepLogDays < 0, o.keepRuns < 0:
		return errors.New("--repository-parallelism, --max-lost, --keep-days, --keep-log-days and --keep-runs cannot be below zero")
	case o.logLimit < 1:
		return fmt.Errorf("--log-limit is %d: a log needs at least 1 MiB", o.logLimit)
	case o.maxTimeout <= 0:
		return fmt.Errorf("--max-timeout is %s: it has to be above zero", o.maxTimeout)
	case o.publicURL != "" && !isURL(o.publicURL):
		return errors.New("--public-url has to be an address such as https://ci.example.com")
	case o.githubAPI != "" && !isURL(o.githubAPI):
		return errors.New("--github-api has to be an address such as https://github.example.com/api/v3")
	case o.gracePeriod < 0:
		return fmt.Errorf("--grace-period is %s: it cannot be below zero", o.gracePeriod)
	case o.logFormat != string(report.FormatText) && o.logFormat != string(report.FormatJSON):
		return fmt.Errorf("--log-format is %s: use %s or %s", strconv.Quote(o.logFormat), report.FormatText, report.FormatJSON)
	case o.dataDir == "":
		return errors.New("no data directory: set --data-dir or POCKETCI_DATA_DIR")
	}
	return nil
}

// isURL takes no credentials either: they would be in a list of processes. What
// is refused is not repeated for that reason.
func isURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

// variable is the environment variable of a flag.
func variable(name string) string {
	return "POCKETCI_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

func usage(w io.Writer, flags *flag.FlagSet) {
	fmt.Fprintf(w, `usage: agent [flags]

Receives webhooks and calls the functions of Dagger modules that they match.

Credentials come from the environment:
  %s, %s  to clone repositories; without them only public ones work
  %s  the secret of the webhook, required
  %s  sends traces to Dagger Cloud, optional
  %s  the address of a PostgreSQL database (postgres://…); without it the
      state is in the data directory
  %s  the Dagger engine

`, envUsername, envToken, envSignature, envCloud, envDatabase, engine.EnvRunnerHost)
	flags.VisitAll(func(f *flag.Flag) {
		name, text := flag.UnquoteUsage(f)
		fmt.Fprintf(w, "  --%s %s\n    \t%s", f.Name, name, text)
		if f.DefValue != "" && f.DefValue != "false" {
			fmt.Fprintf(w, " (default %s)", f.DefValue)
		}
		fmt.Fprintln(w)
	})
}
