package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/franela/pocketci/events"
)

// ErrExists says that there is something of that name already.
var ErrExists = errors.New("there is one of that name already")

// Module is a module that is in no repository, as it is called now.
type Module struct {
	// ID stays the same for as long as the module is there, whatever it is called.
	ID, Name  string
	CreatedAt time.Time
	ModuleVersion
}

// Repository is the repository that stands for the module in events. Its commit is
// the module's SHA.
func (m *Module) Repository() *events.Repository { return events.ModuleRepository(m.ID, m.Name) }

// ModuleVersion is what a module was deployed as.
type ModuleVersion struct {
	// SHA is the commit that the files are.
	SHA string
	// Number counts the times that the module was deployed, from 1. Files that were
	// deployed before have the number of the last time.
	Number int64
	// Files is how many files there are, Size how many bytes they have together.
	Files, Size int64
	// Functions is what whoever deployed it found out about the functions. The store
	// only keeps it.
	Functions json.RawMessage
	// DeployedBy did so last, at DeployedAt.
	DeployedAt time.Time
	DeployedBy string
	// SupersededAt is zero for the version that is called now.
	SupersededAt time.Time
}

// NewModule is a module to store.
type NewModule struct {
	Name string
	// SHA is the commit of the files in Archive, which has Files files of Size bytes.
	SHA         string
	Archive     []byte
	Files, Size int64
	Functions   json.RawMessage
}

const versionColumns = `v.sha, v.number, v.files, v.size, v.functions, v.deployed_at, v.deployed_by, v.superseded_at`

// versionScan returns where to scan versionColumns to, and what turns it into a
// ModuleVersion.
func versionScan() ([]any, func() ModuleVersion) {
	var (
		v                    ModuleVersion
		functions            string
		deployed, superseded int64
	)
	return []any{&v.SHA, &v.Number, &v.Files, &v.Size, &functions, &deployed, &v.DeployedBy, &superseded}, func() ModuleVersion {
		v := v
		v.Functions = json.RawMessage(functions)
		v.DeployedAt, v.SupersededAt = fromMicros(deployed), fromMicros(superseded)
		return v
	}
}

// Modules lists the modules by name.
func (s *Store) Modules(ctx context.Context) ([]Module, error) {
	found, err := s.modules(ctx, `1 = 1`)
	if err != nil {
		return nil, fmt.Errorf("list modules: %w", err)
	}
	return found, nil
}

// Module returns the module of a name, or [ErrNotFound].
func (s *Store) Module(ctx context.Context, name string) (Module, error) {
	found, err := s.modules(ctx, `m.name = ?`, clean(name))
	if err == nil && len(found) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Module{}, fmt.Errorf("read module %s: %w", name, err)
	}
	return found[0], nil
}

func (s *Store) modules(ctx context.Context, where string, args ...any) ([]Module, error) {
	var (
		m       Module
		created int64
	)
	dest, made := versionScan()
	found := []Module{}
	for _, err := range s.each(ctx, append([]any{&m.ID, &m.Name, &created}, dest...), `SELECT m.id, m.name, m.created_at, `+versionColumns+`
		FROM modules AS m JOIN module_versions AS v ON v.module = m.id AND v.sha = m.sha WHERE `+where+` ORDER BY m.name`, args...) {
		if err != nil {
			return nil, s.failed(err)
		}
		m.CreatedAt, m.ModuleVersion = fromMicros(created), made()
		found = append(found, m)
	}
	return found, nil
}

// ModuleVersions lists the versions of a module that are kept, the one that was deployed
// last first. The error is [ErrNotFound] if there is no such module.
func (s *Store) ModuleVersions(ctx context.Context, name string) ([]ModuleVersion, error) {
	dest, made := versionScan()
	versions := []ModuleVersion{}
	for _, err := range s.each(ctx, dest, `SELECT `+versionColumns+` FROM module_versions AS v JOIN modules AS m ON m.id = v.module
		WHERE m.name = ? ORDER BY v.number DESC`, clean(name)) {
		if err != nil {
			return nil, fmt.Errorf("list versions of module %s: %w", name, s.failed(err))
		}
		versions = append(versions, made())
	}
	if len(versions) == 0 {
		return nil, fmt.Errorf("list versions of module %s: %w", name, ErrNotFound)
	}
	return versions, nil
}

// ModuleSHA returns sha if it is a version of a module that is kept, by the module's id,
// or the one that is called now if sha is empty. The error is [ErrNotFound] if the module
// has been deleted, or the version is no longer kept.
func (s *Store) ModuleSHA(ctx context.Context, id, sha string) (found string, err error) {
	if err := s.get(ctx, []any{&found}, `SELECT v.sha FROM module_versions AS v JOIN modules AS m ON m.id = v.module WHERE `+whichVersion, clean(id), clean(sha), clean(sha)); err != nil {
		return "", fmt.Errorf("find version %s of module %s: %w", sha, id, err)
	}
	return found, nil
}

// whichVersion selects one version of a module v joined with m, or the one that is called
// now.
const whichVersion = `m.id = ? AND v.sha = CASE WHEN CAST(? AS TEXT) = '' THEN m.sha ELSE CAST(? AS TEXT) END`

// ModuleArchive returns the files of a version of a module by the module's id, or of the
// one that is called now if sha is empty. The error is [ErrNotFound] if the module has been
// deleted, or the version is no longer kept.
func (s *Store) ModuleArchive(ctx context.Context, id, sha string) ([]byte, error) {
	var archive []byte
	err := s.get(ctx, []any{&archive}, `SELECT v.archive FROM module_versions AS v JOIN modules AS m ON m.id = v.module WHERE `+whichVersion, clean(id), clean(sha), clean(sha))
	if err != nil {
		return nil, fmt.Errorf("read the files of module %s: %w", id, err)
	}
	return archive, nil
}

// DeployModules stores modules, all or none. What has the name of a module becomes its
// version that is called from now on; what is the same as that one changes nothing. What
// is disabled stays so.
func (s *Store) DeployModules(ctx context.Context, list []NewModule, by Actor) error {
	list = slices.SortedFunc(slices.Values(list), func(a, b NewModule) int { return strings.Compare(a.Name, b.Name) })
	for _, m := range list {
		if err := events.CheckModuleName(m.Name); err != nil {
			return fmt.Errorf("deploy: the name of a module %w", err)
		}
		if err := checkJSON("the list of functions of module "+m.Name, m.Functions); err != nil {
			return fmt.Errorf("deploy: %w", err)
		}
	}
	return s.change(ctx, "deploy", "deploy modules", func(t *tx) error {
		for _, m := range list {
			t.bytes += int64(len(m.Archive))
			if err := s.deploy(t, m, by); err != nil {
				return fmt.Errorf("module %s: %w", m.Name, err)
			}
		}
		return nil
	})
}

func (s *Store) deploy(t *tx, m NewModule, by Actor) error {
	now := s.now()
	if _, err := t.exec(`INSERT INTO modules (id, name, sha, created_at) VALUES (?, ?, '', ?) ON CONFLICT (name) DO NOTHING`, events.NewID(), m.Name, now); err != nil {
		return err
	}
	id, current, err := lockModule(t, m.Name)
	if err != nil || current == m.SHA {
		return err
	}
	number := int64(0)
	if err := t.get([]any{&number}, `SELECT COALESCE(max(number), 0) + 1 FROM module_versions WHERE module = ?`, id); err != nil {
		return err
	}
	if _, err := t.exec(`UPDATE module_versions SET superseded_at = ? WHERE module = ? AND sha = ?`, now, id, current); err != nil {
		return err
	}
	if _, err := t.exec(`INSERT INTO module_versions (module, sha, number, files, size, functions, deployed_at, deployed_by, archive) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (module, sha) DO UPDATE SET number = excluded.number, functions = excluded.functions, deployed_at = excluded.deployed_at,
		deployed_by = excluded.deployed_by, superseded_at = 0`,
		id, m.SHA, number, m.Files, m.Size, string(m.Functions), now, clean(by.Person), m.Archive); err != nil {
		return err
	}
	if _, err := t.exec(`UPDATE modules SET sha = ? WHERE id = ?`, m.SHA, id); err != nil {
		return err
	}
	return s.record(t, by, "deploy", "module "+m.Name, fmt.Sprintf("version %d, %s", number, m.SHA))
}

// lockModule reads a module and keeps other transactions from changing it.
func lockModule(t *tx, name string) (id, sha string, err error) {
	err = t.get([]any{&id, &sha}, `SELECT id, sha FROM modules WHERE name = ?`+t.d.forUpdate, clean(name))
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	return id, sha, err
}
