// Package reload reads agent.yaml again when it changes. What is wrong with a new
// version is told, and the old one stays in force.
package reload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"time"

	"github.com/franela/pocketci/internal/settings"
)

const (
	// lookEvery is how often the file is looked at, without reading it, as not every
	// file system tells of what happens, and one that takes the file's place is not
	// watched yet.
	lookEvery = 500 * time.Millisecond
	// readEvery is how often it is read all the same, should it look as before.
	readEvery = 30 * time.Second
)

// Config is what a watcher is made of.
type Config struct {
	// Path is the file as it was asked for, empty for agent.yaml in DataDir, and
	// DataDir the agent's data directory, as [settings.Load] takes them.
	Path, DataDir string
	// Apply puts settings into force, all of them or, with an error, none. It
	// names what changed that needs a restart.
	Apply func(*settings.Settings) (restart []string, err error)
	Log   *slog.Logger
}

// State is what became of the file last.
type State struct {
	// File is its path, empty if there is none.
	File string
	// LoadedAt is when what is in force was read.
	LoadedAt time.Time
	// Error is why a newer version is not in force, empty if there is none.
	Error string
	// Restart names what is in the file and not in force before a restart.
	Restart []string
	// Text is the content of the file that is in force; nil without a file, or for
	// a moment if it changed while the agent started.
	Text []byte
}

// Watcher keeps settings up to date.
type Watcher struct {
	cfg  Config
	file string

	mu    sync.Mutex
	state State
	// seen is the content that was looked at last, whatever became of it, and nil
	// if that was none.
	seen []byte
}

// New returns a watcher of a file whose settings are in force as loaded, which the
// agent started with.
func New(cfg Config, loaded *settings.Settings) *Watcher {
	w := &Watcher{cfg: cfg, file: cfg.Path, state: State{File: loaded.File, LoadedAt: time.Now()}}
	if w.file == "" {
		w.file = filepath.Join(cfg.DataDir, settings.FileName)
	}
	// What changed since it was read is found at the first look.
	if data, err := settings.ReadFile(w.file); err == nil {
		if conf, err := settings.Parse(w.file, data); err == nil && reflect.DeepEqual(conf, loaded) {
			w.seen, w.state.Text = data, data
		}
	}
	return w
}

// State tells how the file fares.
func (w *Watcher) State() State {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state
}

// Run reads the file once it has changed, within about a second, and when something
// comes from ask, until ctx is done.
func (w *Watcher) Run(ctx context.Context, ask <-chan os.Signal) {
	watch := w.watch()
	defer watch.close()
	looks, reads := time.NewTicker(lookEvery), time.NewTicker(readEvery)
	defer looks.Stop()
	defer reads.Stop()
	last, pending := w.look(), true // what changed before is not known
	for {
		select {
		case <-ctx.Done():
			return
		case <-ask:
			w.cfg.Log.Info("configuration is read again on demand")
			w.Read(true)
		case <-watch.changed:
			pending = true
		case <-looks.C:
			// Editors and configuration systems write in several steps, the last of
			// which is the one to read after.
			now := w.look()
			settled := same(now, last)
			if settled && pending {
				w.Read(false)
			}
			if !settled {
				watch.again()
			}
			last, pending = now, !settled
		case <-reads.C:
			w.Read(false)
		}
	}
}

// look is what the file looks like from outside, nil if it cannot be seen. Of a link it
// is what that leads to.
func (w *Watcher) look() fs.FileInfo {
	info, err := os.Stat(w.file)
	if err != nil {
		return nil
	}
	return info
}

// same reports whether a file looks as it did.
func same(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size() && a.Mode() == b.Mode()
}

// Read looks at the file and puts it into force if it has changed, or in any case if
// it is asked to.
func (w *Watcher) Read(always bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	data, err := settings.ReadFile(w.file)
	switch {
	case err == nil && w.seen != nil && bytes.Equal(data, w.seen) && !always:
		return
	case errors.Is(err, fs.ErrNotExist) && w.state.File == "":
		return // there never was one
	case errors.Is(err, fs.ErrNotExist):
		// Whoever removes a file by mistake, or is about to replace it, must not
		// lose all that it says.
		w.seen = nil
		w.fail(fmt.Errorf("%s is gone: what it said stays in force until the agent is started again", w.file))
		return
	}
	// A file that is written in place is empty for a moment, and means nothing
	// then but an agent without a configuration.
	if err == nil && len(bytes.TrimSpace(data)) == 0 && w.state.File != "" && !always {
		w.seen = nil
		w.fail(fmt.Errorf("%s is empty: what it said stays in force; send the agent SIGHUP if that is meant", w.file))
		return
	}
	if err != nil {
		w.seen = nil // once it can be read, it is in force again though it says the same
		w.fail(fmt.Errorf("read the agent's configuration: %w", err))
		return
	}
	w.seen = data
	conf, err := settings.Parse(w.file, data)
	var restart []string
	if err == nil {
		restart, err = w.cfg.Apply(conf)
	}
	if err != nil {
		w.fail(err)
		return
	}
	w.state = State{File: conf.File, LoadedAt: time.Now(), Restart: restart, Text: data}
	w.cfg.Log.Info("configuration is in force", "file", conf.File)
	for _, what := range restart {
		w.cfg.Log.Warn("configuration needs a restart", "of", what)
	}
}

// fail notes why the file is not in force. The same is said once.
func (w *Watcher) fail(err error) {
	if w.state.Error != err.Error() {
		w.cfg.Log.Error("the new configuration is not in force, the old one is", "error", err)
	}
	w.state.Error = err.Error()
}
