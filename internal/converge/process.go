// Package converge keeps the host that it runs on as signed patterns say: it takes
// patterns that are pushed to it and pulls others, applies them, and reports what
// came of it. See package apply for how a pattern is applied.
//
// What it does is done to its own host with its own rights. It is not a part of an
// agent, which runs other people's code.
package converge

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/franela/pocketci/internal/converge/config"
	"github.com/franela/pocketci/internal/converge/outbox"
	"github.com/franela/pocketci/internal/converge/pattern"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/signed"
)

// Options are what a process is made of.
type Options struct {
	Config *config.Config
	// Secret returns the value of a secret of the configuration.
	Secret   func(settings.Secret) (string, error)
	Renderer *pattern.Renderer
	// DryRun has every run only say what it would change, and nothing kept.
	DryRun  bool
	Version string
	Log     *slog.Logger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Process converges the host. It is made by [New].
type Process struct {
	Options
	sources []*source
	metrics *meter
	// outbox is nil if nothing is reported.
	outbox *outbox.Outbox
	// room bounds how many sources run at a time.
	room chan struct{}
	// stop ends runs between two commands, abort at once.
	stop, abort context.Context
	work        sync.WaitGroup
	host        string
	metricsKey  string
	// nobody are the keys of a source that is not there, of which nobody has one, and
	// unknown is the secret of its webhook.
	nobody  []signed.Key
	unknown string
}

// New makes the process and its directories. It starts nothing.
func New(o Options) (*Process, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	p := &Process{Options: o, metrics: newMeter(o.Version), room: make(chan struct{}, o.Config.Parallelism)}
	p.stop, p.abort = context.Background(), context.Background()
	var err error
	if p.host, err = os.Hostname(); err != nil {
		return nil, fmt.Errorf("find the name of the host: %w", err)
	}
	signer, err := signed.NewSigner("")
	if err != nil {
		return nil, err
	}
	p.nobody, p.unknown = []signed.Key{signer.Public()}, rand.Text()
	if t := o.Config.MetricsToken; t != nil {
		if p.metricsKey, err = o.Secret(*t); err != nil {
			return nil, err
		}
	}
	if err := private(o.Config.StateDir); err != nil {
		return nil, err
	}
	if r := o.Config.Report; r != nil {
		secret, err := o.Secret(r.Secret)
		if err != nil {
			return nil, err
		}
		dir := filepath.Join(o.Config.StateDir, "outbox")
		if err := private(dir); err != nil {
			return nil, err
		}
		p.outbox = outbox.New(outbox.Config{Dir: dir, URL: r.URL, Secret: secret, Log: o.Log, Waiting: p.metrics.waiting})
	}
	for _, conf := range o.Config.Sources {
		s, err := p.newSource(conf)
		if err != nil {
			return nil, err
		}
		p.sources = append(p.sources, s)
	}
	slices.SortFunc(p.sources, func(a, b *source) int { return strings.Compare(a.conf.Name, b.conf.Name) })
	return p, nil
}

// leftAfter is how old a file must be for nobody to be writing it any more. Commands
// such as status are other processes, beside one that runs.
const leftAfter = time.Hour

// private makes a directory that only its owner can look into.
func private(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the state directory: %w", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("close the state directory to others: %w", err)
	}
	// What a crash left of files that were being written.
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("read the state directory: %w", err)
	}
	var failed []error
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".new-") {
			continue
		}
		info, err := e.Info()
		if err == nil && time.Since(info.ModTime()) > leftAfter {
			err = os.Remove(filepath.Join(dir, e.Name()))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

func (p *Process) source(name string) *source {
	for _, s := range p.sources {
		if s.conf.Name == name {
			return s
		}
	}
	return nil
}

// Run converges the host until stop is done, and then until the commands that run have
// come to their end, or abort is done. Requests are answered on l, which may be nil.
func (p *Process) Run(stop, abort context.Context, l net.Listener) error {
	stop, cancel := context.WithCancelCause(stop)
	defer cancel(nil)
	p.begin(stop, abort)
	for _, s := range p.sources {
		p.work.Go(s.keep)
	}
	if p.outbox != nil && !p.DryRun {
		p.work.Go(func() { p.outbox.Run(stop) })
	}
	var failed error
	if l != nil {
		if failed = p.serve(stop, abort, l); failed != nil {
			cancel(failed)
		}
	}
	<-stop.Done()
	p.work.Wait()
	return failed
}

func (p *Process) begin(stop, abort context.Context) { p.stop, p.abort = stop, abort }

// Once pulls and runs every source once, tells the agent, and returns the results by
// the names of the sources. The error is that of the sources that could not be asked or
// whose runs failed.
func (p *Process) Once(ctx context.Context) (map[string]Reply, error) {
	p.begin(ctx, ctx)
	results := map[string]Reply{}
	var failed []error
	for _, s := range p.sources {
		reply, err := s.once(ctx)
		if err == nil && reply.Err != "" {
			err = errors.New(reply.Err)
		}
		if err != nil {
			reply.fill(err)
			failed = append(failed, fmt.Errorf("source %s: %w", s.conf.Name, err))
		}
		results[s.conf.Name] = reply
	}
	p.work.Wait() // for those that received events
	if p.outbox != nil && !p.DryRun {
		if err := p.outbox.Flush(ctx); err != nil {
			failed = append(failed, err)
		}
	}
	return results, errors.Join(failed...)
}
