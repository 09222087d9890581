package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/modules"
)

// noticeAfter is how long a module may take to load before a person is told
// what is being waited for.
const noticeAfter = time.Second

// noticed is a loader that says what takes so long: an SDK that has to compile
// a module for the first time is silent for tens of seconds.
type noticed struct {
	dispatcher.Loader
	w io.Writer
}

func (n noticed) Load(ctx context.Context, tree modules.Tree, path string) (*modules.Module, error) {
	timer := time.AfterFunc(noticeAfter, func() {
		fmt.Fprintf(n.w, "loading module %s on the engine; the first time takes a while …\n", path)
	})
	defer timer.Stop()
	return n.Loader.Load(ctx, tree, path)
}

// noticing wraps a loader if w is a terminal.
func noticing(l dispatcher.Loader, w io.Writer) dispatcher.Loader {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return noticed{l, w}
	}
	return l
}
