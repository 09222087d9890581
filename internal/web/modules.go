package web

import (
	"fmt"
	"io"
	"strings"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

// modulesPage is the modules that are stored in the agent.
type modulesPage struct {
	Modules []v1.Module
	More    string
	None    unconfigured
}

// modulePage is one of them.
type modulePage struct {
	v1.Module
	// Path is the address of its page.
	Path string
	// NewName is what was typed to rename it, Error why that was not done.
	NewName, Error string
}

// Form is the address of the form that calls one of its functions by hand.
func (p *modulePage) Form(module, function string) string {
	return runForm(p.Repository, "", module, function)
}

// Archive is the address of a version's files.
func (p *modulePage) Archive(sha string) string {
	return address(p.Path+"/archive", "sha", sha)
}

func (s *Site) modules(v *visit) error {
	found, err := v.api.Modules(v.ctx())
	if err != nil {
		return err
	}
	page := modulesPage{None: noModules}
	page.Modules, page.More = part(v, found.Modules)
	return v.show("modules", page)
}

func modulePageOf(m v1.Module) *modulePage {
	return &modulePage{Module: m, Path: under("/modules", m.Name)}
}

func (s *Site) module(v *visit) error {
	m, err := v.api.Module(v.ctx(), v.r.PathValue("name"))
	if err != nil {
		return err
	}
	return v.show("module", modulePageOf(m))
}

// moduleArchive sends the files of a version.
func (s *Site) moduleArchive(v *visit) error {
	name, sha := v.r.PathValue("name"), v.r.URL.Query().Get("sha")
	file := strings.TrimRight(name+"-"+short(sha), "-") + ".tar.gz"
	return v.download(file, "application/gzip", func(w io.Writer) error {
		return v.api.ModuleArchive(v.ctx(), name, sha, w)
	})
}

func (s *Site) renameModule(v *visit) error {
	name, to := v.r.PathValue("name"), v.typed("name")
	err := v.api.RenameModule(v.ctx(), name, to)
	if err == nil {
		return v.back(under("/modules", to), fmt.Sprintf("The module %s is called %s now. What agent.yaml says of it still has the old name.", name, to))
	}
	status, text, again := objected(err)
	if !again {
		return err
	}
	m, missing := v.api.Module(v.ctx(), name)
	if missing != nil {
		return err
	}
	page := modulePageOf(m)
	page.NewName, page.Error = to, text
	return v.showStatus(status, "module", page)
}

// deleteModulePage asks first.
func (s *Site) deleteModulePage(v *visit) error {
	m, err := v.api.Module(v.ctx(), v.r.PathValue("name"))
	if err != nil {
		return err
	}
	path := under("/modules", m.Name)
	return v.show("confirm", confirmPage{
		"Delete the module " + m.Name + "?",
		"All its versions are deleted for good. What is still to be done of it is ended. Its runs stay to be read, and cannot be made again.",
		path + "/delete", "Delete " + m.Name, path,
	})
}

func (s *Site) deleteModule(v *visit) error {
	name := v.r.PathValue("name")
	if err := v.api.DeleteModule(v.ctx(), name); err != nil {
		return err
	}
	return v.back("/modules", "The module "+name+" is deleted.")
}
