package reload

import (
	"log/slog"

	"github.com/fsnotify/fsnotify"
)

// watch has the system tell when a file is written. Only the file is watched and not its
// directory: that is the database's if nothing else is said, in which something is written
// with every event. A file that takes its place has to be watched [watch.again].
type watch struct {
	file    string
	changed <-chan fsnotify.Event
	watcher *fsnotify.Watcher
}

// watch begins to watch. Without it the file is looked at from time to time, which is
// why no error is one for more than the log.
func (w *Watcher) watch() *watch {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		w.cfg.Log.Warn("changes of the configuration are not told; it is looked at", "every", lookEvery, "error", err)
		return &watch{}
	}
	go drain(watcher, w.cfg.Log)
	one := &watch{w.file, watcher.Events, watcher}
	one.again()
	return one
}

// drain takes errors, which would hold the watcher up.
func drain(watcher *fsnotify.Watcher, log *slog.Logger) {
	for err := range watcher.Errors {
		log.Debug("watch the configuration", "error", err)
	}
}

// again watches what is at the file's path by now. There may be nothing.
func (w *watch) again() {
	if w.watcher != nil {
		_ = w.watcher.Remove(w.file) // it may be watched no more
		_ = w.watcher.Add(w.file)
	}
}

func (w *watch) close() {
	if w.watcher != nil {
		_ = w.watcher.Close() // nothing is kept that could be lost
	}
}
