package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/signed"
	"github.com/franela/pocketci/internal/yamlfile"
)

// What holds where the file says nothing.
const (
	DefaultStateDir    = "/var/lib/pocketci-converge"
	DefaultParallelism = 4
	DefaultPushTimeout = 10 * time.Minute
	DefaultEvery       = 5 * time.Minute
	DefaultTimeout     = 10 * time.Minute
)

var (
	fileKeys = []string{
		"listen", "tls", "plain-http", "state-dir", "keys", "parallelism", "push-timeout", "spread", "metrics-token", "report",
		"exec", "exec-fixed", "dir", "timeout", "sources",
	}
	tlsKeys    = []string{"certificate", "key"}
	reportKeys = []string{"url", "secret", "outcomes"}
	outcomes   = []string{"changed", "failed"}
)

// reader reads one file.
type reader struct{ *yamlfile.Reader }

// defaults are what the file says for all sources.
type defaults struct {
	keys    []signed.Key
	exec    []string
	fixed   bool
	dir     string
	timeout time.Duration
}

// Load reads the file at a path.
func Load(path string) (*Config, error) {
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("read the configuration: %w; write it, or name another file with --config", err)
	case err != nil:
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, yamlfile.MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return Parse(path, data)
}

// Parse reads the file. The name is kept and used in errors; nothing but the data is
// looked at. An error is a [yamlfile.Errors] with everything that is wrong, and
// repeats no value that might be a secret.
func Parse(name string, data []byte) (*Config, error) {
	r := reader{yamlfile.NewReader(name)}
	r.Secretive = true
	c := &Config{File: name, StateDir: DefaultStateDir, Parallelism: DefaultParallelism, PushTimeout: DefaultPushTimeout}
	switch document := r.Document(data); {
	case document != nil:
		r.file(document, c)
	case !r.Failed():
		r.Report(1, 1, "the file is empty; it needs sources")
	}
	if r.Failed() {
		return nil, r.Errors()
	}
	return c, nil
}

func (r reader) file(n *yaml.Node, c *Config) {
	entries, ok := r.Mapping(n, "the file")
	if !ok {
		return
	}
	d := defaults{timeout: DefaultTimeout, dir: "/"}
	var sources, listen *yaml.Node
	for _, e := range entries {
		switch e.Name {
		case "listen":
			listen = e.Value
			c.Listen = r.address(e)
		case "tls":
			c.TLS = r.tls(e)
		case "plain-http":
			c.PlainHTTP = r.Bool(e.Value, e.Name)
		case "state-dir":
			c.StateDir = r.path(e.Value, e.Name)
		case "keys":
			d.keys = r.keys(e)
		case "parallelism":
			c.Parallelism = r.count(e)
		case "push-timeout":
			c.PushTimeout = r.duration(e)
		case "spread":
			c.Spread = r.duration(e)
		case "metrics-token":
			s := settings.ReadSecret(r.Reader, e.Value, e.Name)
			c.MetricsToken = &s
		case "report":
			c.Report = r.report(e)
		case "exec":
			d.exec = r.arguments(e)
		case "exec-fixed":
			d.fixed = r.Bool(e.Value, e.Name)
		case "dir":
			d.dir = r.path(e.Value, e.Name)
		case "timeout":
			d.timeout = r.duration(e)
		case "sources":
			sources = e.Value
		default:
			r.Unknown(e, "the file", fileKeys)
		}
	}
	if sources == nil {
		r.Fail(n, "the file needs sources")
		return
	}
	c.Sources = r.sources(sources, d)
	if c.Listen != "" && c.TLS == nil && !c.PlainHTTP && !Loopback(c.Listen) {
		r.Fail(listen, "listen has an address that other machines reach: give it tls, or say plain-http: true if something before it does")
	}
	for _, s := range c.Sources {
		if c.Listen == "" && (s.Push || len(s.Webhook) > 0) {
			r.Report(s.Line, 1, "the source %s is pushed to or has a webhook, and the file has no listen", s.Name)
		}
	}
}

// Loopback reports whether an address is reached from this machine alone.
func Loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (r reader) address(e yamlfile.Entry) string {
	s, ok := r.String(e.Value, e.Name)
	if !ok {
		return ""
	}
	_, port, err := net.SplitHostPort(s)
	if _, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil {
		r.Fail(e.Value, "%s must be an address with a port, such as 127.0.0.1:4000 or :4000", e.Name)
		return ""
	}
	return s
}

func (r reader) tls(e yamlfile.Entry) *TLS {
	entries, ok := r.Mapping(e.Value, e.Name)
	if !ok {
		return nil
	}
	t := &TLS{}
	for _, part := range entries {
		switch part.Name {
		case "certificate":
			t.Certificate = r.path(part.Value, part.Name)
		case "key":
			t.Key = r.path(part.Value, part.Name)
		default:
			r.Unknown(part, e.Name, tlsKeys)
		}
	}
	if len(entries) < len(tlsKeys) {
		r.Fail(e.Value, "tls needs a certificate and its key")
	}
	return t
}

func (r reader) report(e yamlfile.Entry) *Report {
	entries, ok := r.Mapping(e.Value, e.Name)
	if !ok {
		return nil
	}
	report := &Report{Changed: true, Failed: true}
	addressed, proven := false, false
	for _, part := range entries {
		switch part.Name {
		case "url":
			addressed = true
			report.URL = r.url(part.Value, part.Name)
		case "secret":
			proven = true
			report.Secret = settings.ReadSecret(r.Reader, part.Value, part.Name)
		case "outcomes":
			report.Changed, report.Failed = false, false
			list, _ := r.Strings(part.Value, part.Name, r.outcome)
			for _, word := range list {
				report.Changed = report.Changed || word == outcomes[0]
				report.Failed = report.Failed || word == outcomes[1]
			}
		default:
			r.Unknown(part, e.Name, reportKeys)
		}
	}
	if !addressed || !proven {
		r.Fail(e.Value, "report needs the url of the agent's webhook and its secret")
	}
	return report
}

func (r reader) path(n *yaml.Node, what string) string {
	s, ok := r.String(n, what)
	if !ok {
		return ""
	}
	if !filepath.IsAbs(s) {
		r.Fail(n, "%s must be an absolute path", what)
		return ""
	}
	return filepath.Clean(s)
}
