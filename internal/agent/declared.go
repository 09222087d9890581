package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/bundle"
	"github.com/franela/pocketci/modules"
	"github.com/franela/pocketci/modules/engine"
)

// Functions lists what the modules of an event's repository declare, and the commit
// at which they do. It calls and stores nothing; like [Agent.Plan] it refuses
// repositories that no event was received of.
func (a *Agent) Functions(ctx context.Context, event events.Event) (sha string, list []dispatcher.Declared, err error) {
	snapshot, err := a.look(ctx, &event)
	if err != nil {
		return "", nil, err
	}
	list, err = a.cfg.Planner.Declared(ctx, snapshot.Tree)
	return snapshot.Event.SHA, list, err
}

// FunctionsOf lists what modules declare whose files are in no repository yet. The
// errors are those of [dispatcher.Planner.Declared].
func (a *Agent) FunctionsOf(ctx context.Context, files []bundle.File) ([]dispatcher.Declared, error) {
	if err := a.Ready(ctx); err != nil {
		return nil, err
	}
	temp, err := os.MkdirTemp("", "pocketci-module-")
	if err != nil {
		return nil, fmt.Errorf("look at a module: %w", err)
	}
	defer os.RemoveAll(temp)
	dir := filepath.Join(temp, "module")
	if err := bundle.Write(dir, files); err != nil {
		return nil, fmt.Errorf("look at a module: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("look at a module: %w", err)
	}
	defer root.Close()
	list, err := a.cfg.Planner.Declared(ctx, modules.Tree{FS: root.FS()})
	for i := range list {
		if fault, ok := errors.AsType[*engine.TreeError](list[i].Err); ok && strings.Contains(fault.Reason, "leaves the repository") {
			list[i].Err = fmt.Errorf("%w; everything that the module needs has to be in the folder that is deployed: deploy one that holds it all, with a pocketci.yaml that names the module", list[i].Err)
		}
	}
	return list, err
}
