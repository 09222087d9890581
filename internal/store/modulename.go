package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/franela/pocketci/events"
)

// ErrModuleDeleted says that a run is of a stored module that has been deleted.
var ErrModuleDeleted = errors.New("the module of the run has been deleted")

// checkModule returns [ErrModuleDeleted] if the run is of a module that is there no more.
func checkModule(t *tx, r *runRow) error {
	if _, stored := events.ModuleName(r.repository); !stored {
		return nil
	}
	var fields []byte
	if err := t.get([]any{&fields}, `SELECT fields FROM events WHERE id = ?`, r.event); err != nil {
		return err
	}
	var e events.Event
	if err := json.Unmarshal(fields, &e); err != nil {
		return fmt.Errorf("read event %s: %w", r.event, err)
	}
	id, _ := e.Repository.Module()
	found := 0
	if err := t.get([]any{&found}, `SELECT count(*) FROM modules WHERE id = ?`, id); err != nil {
		return err
	}
	if found == 0 {
		return ErrModuleDeleted
	}
	return nil
}

// RenameModule gives a module another name. Its events, runs and calls, and what is
// disabled of it, go with it. The errors are [ErrNotFound], and [ErrExists] if another
// module has the name.
func (s *Store) RenameModule(ctx context.Context, from, to string, by Actor) error {
	if err := events.CheckModuleName(to); err != nil {
		return fmt.Errorf("rename module %s: the new name %w", from, err)
	}
	return s.change(ctx, "rename", "rename module "+from, func(t *tx) error {
		id, _, err := lockModule(t, from)
		if err != nil || from == to {
			return err
		}
		taken := 0
		if err := t.get([]any{&taken}, `SELECT count(*) FROM modules WHERE name = ?`, to); err != nil {
			return err
		}
		if taken > 0 {
			return ErrExists
		}
		if _, err := t.exec(`UPDATE modules SET name = ? WHERE id = ?`, to, id); err != nil {
			return err
		}
		before, after := events.ModuleFullName(from), events.ModuleFullName(to)
		for _, statement := range []string{
			`UPDATE events SET repository = ? WHERE repository = ?`,
			`UPDATE runs SET repository = ? WHERE repository = ?`,
			`UPDATE calls SET repository = ? WHERE repository = ?`,
			`UPDATE call_attempts SET repository = ? WHERE repository = ?`,
			// Who was disabled stays so, also under a name that had something
			// disabled before.
			`INSERT INTO disabled (repository, module, function, person, reason, at)
				SELECT CAST(? AS TEXT), module, function, person, reason, at FROM disabled WHERE repository = ? ON CONFLICT DO NOTHING`,
		} {
			if _, err := t.exec(statement, after, before); err != nil {
				return err
			}
		}
		// Groups of calls have the repository's name in theirs.
		if _, err := t.exec(`UPDATE calls SET pool = replace(pool, ?, ?) WHERE repository = ? AND pool <> ''`, "/"+before+"/", "/"+after+"/", after); err != nil {
			return err
		}
		if _, err := t.exec(`DELETE FROM disabled WHERE repository = ?`, before); err != nil {
			return err
		}
		t.ring(TopicWork)
		return s.record(t, by, "rename", "module "+from, "to "+to)
	})
}

// DeleteModule deletes a module with all its versions and ends what is still to be done
// of it. Its runs stay to be read, and cannot be made again. What is disabled under its
// name stays so. The error is [ErrNotFound].
func (s *Store) DeleteModule(ctx context.Context, name string, by Actor) error {
	err := s.change(ctx, "delete-module", "delete module "+name, func(t *tx) error {
		id, _, err := lockModule(t, name)
		if err != nil {
			return err
		}
		for _, statement := range []string{`DELETE FROM module_versions WHERE module = ?`, `DELETE FROM modules WHERE id = ?`} {
			if _, err := t.exec(statement, id); err != nil {
				return err
			}
		}
		return s.record(t, by, "delete-module", "module "+name, "")
	})
	if err != nil {
		return err
	}
	// Nothing of it can begin any more. What is ended here is ended by its agent
	// otherwise, when it finds no files.
	_, err = s.abortOpen(ctx, events.ModuleFullName(name), "the module was deleted by "+clean(by.Person))
	return err
}

// abortOpen ends the runs of a repository that have not ended, and returns how many that
// were.
func (s *Store) abortOpen(ctx context.Context, repository, reason string) (int, error) {
	return s.abortAll(ctx, reason, "find runs of "+repository, `repository = ?`, key(repository))
}

// pruneModules deletes versions that are neither called now nor those of a run that is
// kept. Before has those stay that were in use a moment ago: an event may be on its way.
func (s *Store) pruneModules(ctx context.Context, before int64) error {
	return s.change(ctx, "prune", "delete old versions of modules", func(t *tx) error {
		_, err := t.exec(`DELETE FROM module_versions WHERE superseded_at <> 0 AND superseded_at < ? AND NOT EXISTS (
			SELECT 1 FROM modules JOIN runs ON runs.repository = ? || modules.name
			WHERE modules.id = module_versions.module AND runs.sha = module_versions.sha)`, before, events.ModuleOwner+"/")
		return err
	})
}
