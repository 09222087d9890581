package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/bundle"
	"github.com/franela/pocketci/internal/store"
)

// gzipType is the content type of archives.
const gzipType = "application/gzip"

func (s *service) moduleRoutes() {
	register(s, operation{
		id: "list-modules", method: http.MethodGet, path: "/modules", tag: tagModules, scope: v1.ScopeRead,
		summary: "List the modules that are stored in the agent",
	}, s.listModules)
	register(s, operation{
		id: "get-module", method: http.MethodGet, path: "/modules/{name}", tag: tagModules, scope: v1.ScopeRead,
		summary: "Show a stored module with its functions and versions", errors: []int{http.StatusNotFound},
	}, s.getModule)
	register(s, operation{
		id: "get-module-archive", method: http.MethodGet, path: "/modules/{name}/archive", tag: tagModules, scope: v1.ScopeRead,
		summary: "Get the files of a stored module", errors: []int{http.StatusNotFound},
		description: "A tar that is compressed with gzip.",
		produces:    map[string]*huma.MediaType{gzipType: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}},
	}, s.getModuleArchive)
	register(s, operation{
		id: "deploy-modules", method: http.MethodPost, path: "/modules", tag: tagModules, scope: v1.ScopeAdmin,
		summary: "Store modules, all or none", body: deployLimit,
		description: "Each is loaded first, which may take minutes; one that is broken, and nothing is stored. A module that there is becomes " +
			"what is sent. What is disabled of it stays so.",
		errors:  []int{http.StatusGatewayTimeout},
		patient: true,
	}, s.deployModules)
	register(s, operation{
		id: "rename-module", method: http.MethodPost, path: "/modules/{name}/rename", tag: tagModules, scope: v1.ScopeAdmin,
		summary: "Give a stored module another name", status: http.StatusNoContent, errors: []int{http.StatusNotFound, http.StatusConflict},
		description: "Its events, runs and calls, and what is disabled of it, go with it. Rules and sources in agent.yaml that name it do not.",
	}, s.renameModule)
	register(s, operation{
		id: "delete-module", method: http.MethodDelete, path: "/modules/{name}", tag: tagModules, scope: v1.ScopeAdmin,
		summary: "Delete a stored module", status: http.StatusNoContent, errors: []int{http.StatusNotFound},
		description: "What is still to be done of it is ended. Its runs stay to be read, and cannot be made again.",
	}, s.deleteModule)
}

// ModuleName names a module in a path. It is exported because huma looks only at
// exported fields.
type ModuleName struct {
	Name string `path:"name" maxLength:"100"`
}

// module finds a stored module.
func (s *service) module(ctx context.Context, name string) (store.Module, error) {
	m, err := s.Store.Module(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return m, absent(fmt.Sprintf("there is no module %q stored in the agent; pocketci module list has those that there are", name))
	}
	return m, err
}

func (s *service) listModules(ctx context.Context, _ *struct{}) (*body[v1.Modules], error) {
	found, err := s.Store.Modules(ctx)
	if err != nil {
		return nil, err
	}
	disabled, err := s.disabled(ctx, "")
	if err != nil {
		return nil, err
	}
	out := v1.Modules{Modules: make([]v1.Module, len(found))}
	for i := range found {
		out.Modules[i] = wireModule(&found[i], disabled)
	}
	return answer(out), nil
}

func wireModule(m *store.Module, disabled map[[3]string]*v1.Disabled) v1.Module {
	repository := m.Repository().FullName
	return v1.Module{
		Name: m.Name, Repository: repository, SHA: m.SHA, Version: m.Number, Files: m.Files, Size: m.Size,
		CreatedAt: m.CreatedAt.UTC(), DeployedAt: m.DeployedAt.UTC(), DeployedBy: m.DeployedBy, Disabled: disabled[[3]string{repository}],
	}
}

func (s *service) getModule(ctx context.Context, in *ModuleName) (*body[v1.Module], error) {
	m, err := s.module(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	disabled, err := s.disabled(ctx, m.Repository().FullName)
	if err != nil {
		return nil, err
	}
	versions, err := s.Store.ModuleVersions(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	out := wireModule(&m, disabled)
	if out.Modules, err = readDeclared(m.Functions); err != nil {
		return nil, err
	}
	for _, v := range versions {
		out.Versions = append(out.Versions, v1.ModuleVersion{
			SHA: v.SHA, Version: v.Number, Files: v.Files, Size: v.Size, DeployedAt: v.DeployedAt.UTC(), DeployedBy: v.DeployedBy,
			SupersededAt: moment(v.SupersededAt),
		})
	}
	return answer(out), nil
}

// readDeclared reads what deployModules stored.
func readDeclared(stored json.RawMessage) ([]v1.DeclaredModule, error) {
	var list []v1.DeclaredModule
	if err := json.Unmarshal(stored, &list); err != nil {
		return nil, fmt.Errorf("read the functions of a module: %w", err)
	}
	return list, nil
}

type archiveInput struct {
	ModuleName
	SHA string `query:"sha" maxLength:"64" doc:"of a version; the one that is called now if it is left out"`
}

func (s *service) getModuleArchive(ctx context.Context, in *archiveInput) (*download, error) {
	m, err := s.module(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	archive, err := s.Store.ModuleArchive(ctx, m.ID, in.SHA)
	if errors.Is(err, store.ErrNotFound) {
		return nil, absent(fmt.Sprintf("there is no version %q of the module %s", in.SHA, in.Name))
	}
	if err != nil {
		return nil, err
	}
	return &download{gzipType, archive}, nil
}

type renameInput struct {
	ModuleName
	Body v1.Rename
}

func (s *service) renameModule(ctx context.Context, in *renameInput) (*struct{}, error) {
	err := s.Store.RenameModule(ctx, in.Name, in.Body.Name, who(ctx).actor)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, absent(fmt.Sprintf("there is no module %q stored in the agent; pocketci module list has those that there are", in.Name))
	case errors.Is(err, store.ErrExists):
		return nil, conflict("there is a module " + in.Body.Name + " already")
	}
	s.deployed(err)
	return nil, err
}

// deployed tells that stored modules have, unless there was an error.
func (s *service) deployed(err error) {
	if err == nil && s.Deployed != nil {
		s.Deployed()
	}
}

func (s *service) deleteModule(ctx context.Context, in *ModuleName) (*struct{}, error) {
	err := s.Store.DeleteModule(ctx, in.Name, who(ctx).actor)
	if errors.Is(err, store.ErrNotFound) {
		return nil, absent(fmt.Sprintf("there is no module %q stored in the agent; pocketci module list has those that there are", in.Name))
	}
	s.deployed(err)
	return nil, err
}

type deployInput struct{ Body v1.Deploy }

// deployModules looks at every module before it stores the first.
func (s *service) deployModules(ctx context.Context, in *deployInput) (*body[v1.DeployedModules], error) {
	// The body is here. Its deadline would end the request's context.
	_ = ctx.Value(controlKey{}).(*http.ResponseController).SetReadDeadline(time.Time{})
	if s.Inspector == nil {
		return nil, later("this agent loads no modules")
	}
	var (
		list  []store.NewModule
		wrong []error
		out   = v1.DeployedModules{DryRun: in.Body.DryRun, Modules: []v1.DeployedModule{}}
		names = map[string]bool{}
	)
	for i, upload := range in.Body.Modules {
		fail := func(field string, err error) {
			wrong = append(wrong, &huma.ErrorDetail{Location: fmt.Sprintf("body.modules[%d].%s", i, field), Message: upload.Name + ": " + err.Error()})
		}
		if names[upload.Name] {
			fail("name", errors.New("the name is given twice"))
			continue
		}
		names[upload.Name] = true
		files, err := bundle.Unpack(upload.Archive)
		if err != nil {
			fail("archive", err)
			continue
		}
		declared, err := s.Inspector.FunctionsOf(ctx, files)
		if errors.Is(err, ErrAway) || ctx.Err() != nil {
			return nil, &unplannedError{err}
		}
		if err != nil {
			fail("archive", err)
			continue
		}
		broken := len(wrong)
		for _, d := range declared {
			if d.Err != nil {
				fail("archive", d.Err)
			}
		}
		if len(wrong) > broken {
			continue
		}
		m, change, err := s.toDeploy(ctx, upload.Name, files, declare(declared))
		if err != nil {
			return nil, err
		}
		list, out.Modules = append(list, m), append(out.Modules, change)
	}
	if len(wrong) > 0 {
		return nil, huma.Error422UnprocessableEntity("nothing was stored", wrong...)
	}
	if in.Body.DryRun {
		return answer(out), nil
	}
	err := s.Store.DeployModules(ctx, list, who(ctx).actor)
	s.deployed(err)
	return answer(out), err
}

// toDeploy makes what is stored of a module, and says what that changes.
func (s *service) toDeploy(ctx context.Context, name string, files []bundle.File, declared []v1.DeclaredModule) (m store.NewModule, change v1.DeployedModule, err error) {
	m = store.NewModule{Name: name, Files: int64(len(files)), Size: bundle.Size(files)}
	if m.Archive, err = bundle.Pack(files); err != nil {
		return m, change, err
	}
	if m.SHA, err = bundle.SHA(files); err != nil {
		return m, change, err
	}
	if m.Functions, err = json.Marshal(declared); err != nil {
		return m, change, err
	}
	change = v1.DeployedModule{Name: name, SHA: m.SHA, Change: "created", Added: []string{}, Changed: []string{}, Removed: []string{}, Modules: declared}
	var before []v1.DeclaredModule
	current, err := s.Store.Module(ctx, name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		err = nil
	case err != nil:
		return m, change, err
	default:
		if change.Change = "updated"; current.SHA == m.SHA {
			change.Change = "unchanged"
		}
		if before, err = readDeclared(current.Functions); err != nil {
			return m, change, err
		}
	}
	change.Added, change.Changed, change.Removed, err = compare(before, declared)
	return m, change, err
}
