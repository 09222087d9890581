package web

import (
	"context"
	"strings"

	"github.com/franela/pocketci/events"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/client"
)

// repositoryPage is how a repository is: its branches, its last runs and its functions.
type repositoryPage struct {
	Repository string
	// Path is its address without a ref, Ref what was asked for as it was typed.
	Path, Ref string
	// Branch is how the branch at hand is.
	Branch v1.Badge
	// Refs are its branches and tags.
	Refs v1.Refs
	Runs []v1.Run
	// Functions are what is known of them.
	Functions functionsPart
	// Disabled is the whole repository, Parts are modules of it that are disabled.
	Disabled *v1.Disabled
	Parts    []v1.Disabled
	// Address is that of the site, as browsers have it.
	Address string
	// Error is why a form was not taken. Typed is what it was about.
	Error string
	Typed v1.Disabled
}

// functionsPart is the part of the page that comes later, once modules are loaded.
type functionsPart struct {
	Rows []functionRow
	// Live is where the rest comes from, Wait the address of a page that waits for it.
	// Both are empty if there is nothing to wait for.
	Live, Wait string
	// SHA is the commit at which Modules declare what is in the rows.
	SHA     string
	Modules []v1.DeclaredModule
	// Error is why that is not known, Denied that the key may not have modules loaded.
	Error  string
	Denied bool
	Empty  bool
	// Repository and Ref are for forms.
	Repository, Ref string
}

// At is the address of the page at a ref.
func (p *repositoryPage) At(ref string) string {
	return address(p.Path, "ref", ref)
}

// Of is the address of the runs of a ref.
func (p *repositoryPage) Of(ref string) string {
	return runsFilter{Repository: p.Repository, Branch: ref}.path("/runs")
}

// Event is the address of the form for a run that is no function's.
func (p *repositoryPage) Event() string {
	return runForm(p.Repository, p.Ref, "", "")
}

// Badge is what somebody puts into a README to show how the branch at hand is.
func (p *repositoryPage) Badge() string {
	escaped := strings.TrimPrefix(p.Path, "/repositories/")
	picture, page := p.Address+"/badges/"+escaped+".svg", p.Address+p.Path
	if branch := p.Branch.Branch; branch != "" && p.Ref != "" {
		picture = address(picture, "branch", branch)
	}
	// What ends a link in Markdown does not stand in addresses.
	safe := strings.NewReplacer("(", "%28", ")", "%29")
	return "[![pocketci](" + safe.Replace(picture) + ")](" + safe.Replace(page) + ")"
}

// fullName is a ref in full, as far as it is known what somebody means by it. It is empty
// for commits, and for nothing.
func fullName(refs []v1.KnownRef, ref string) string {
	if events.CheckSHA(ref) == nil {
		return ""
	}
	for _, prefix := range []string{"", "refs/heads/", "refs/tags/"} {
		for _, r := range refs {
			if r.Ref == prefix+ref {
				return r.Ref
			}
		}
	}
	return fullRef(ref)
}

// repository shows what is stored at once. What modules declare comes later, as they may
// have to be loaded.
func (s *Site) repository(v *visit) error {
	q := v.r.URL.Query()
	page, err := s.repositoryOf(v, v.r.PathValue("name"), q.Get("ref"))
	if err != nil {
		return err
	}
	if q.Has("wait") && page.Functions.Live != "" {
		v.patient()
		page.Functions = s.declared(v.ctx(), v, &page.Functions)
	}
	return v.show("repository", page)
}

func (s *Site) repositoryOf(v *visit, name, ref string) (*repositoryPage, error) {
	page := &repositoryPage{Repository: name, Path: repositoryPath(name), Ref: strings.TrimSpace(ref), Address: strings.TrimSuffix(s.PublicURL, "/")}
	if page.Address == "" {
		page.Address = "https://YOUR-HOST"
	}
	var err error
	if page.Refs, err = v.api.Refs(v.ctx(), name); err != nil {
		return nil, err
	}
	full := fullName(page.Refs.Refs, page.Ref)
	if page.Branch, err = v.api.Badge(v.ctx(), client.BadgeFilter{Repository: name, Branch: strings.TrimPrefix(full, "refs/heads/")}); err != nil {
		return nil, err
	}
	found, err := v.api.Runs(v.ctx(), client.RunFilter{Repository: name, Ref: full, Page: client.Page{Limit: 10}})
	if err != nil {
		return nil, err
	}
	page.Runs = found.Runs
	if v.me == nil {
		return page, nil // that is all that strangers see
	}
	page.Functions, err = s.called(v, page, full)
	return page, err
}

// called is what is stored about a repository's functions.
func (s *Site) called(v *visit, page *repositoryPage, full string) (functionsPart, error) {
	part := functionsPart{Repository: page.Repository, Ref: page.Ref, Denied: !v.may(v1.ScopeRun)}
	list, err := v.api.FunctionsAt(v.ctx(), page.Repository, full)
	if err != nil {
		return part, err
	}
	disabled, err := v.api.Disabled(v.ctx())
	if err != nil {
		return part, err
	}
	for _, d := range disabled.Disabled {
		switch {
		case d.Repository != page.Repository || d.Function != "":
		case d.Module != "":
			page.Parts = append(page.Parts, d)
		default:
			page.Disabled = &d
		}
	}
	for i := range list.Functions {
		row := calledRow(&list.Functions[i])
		row.Ref = page.Ref
		part.Rows = append(part.Rows, row)
	}
	numbered(part.Rows)
	part.Empty = len(part.Rows) == 0
	if !part.Denied {
		part.Live = address("/functions/live", "repository", page.Repository, "ref", page.Ref)
		part.Wait = address(page.Path, "ref", page.Ref, "wait", "1")
	}
	return part, nil
}

// declared adds what the modules declare. Why that is not known becomes a part of it.
func (s *Site) declared(ctx context.Context, v *visit, part *functionsPart) functionsPart {
	out := *part
	out.Live, out.Wait = "", ""
	found, err := v.api.Declared(ctx, part.Repository, part.Ref)
	var disabled v1.DisabledList
	if err == nil {
		disabled, err = v.api.Disabled(ctx)
	}
	if err != nil {
		_, out.Error = v.told(err)
		return out
	}
	var own []v1.Disabled
	for _, d := range disabled.Disabled {
		if d.Repository == part.Repository {
			own = append(own, d)
		}
	}
	out.SHA, out.Modules = found.SHA, found.Modules
	out.Rows = declaredRows(&found, part.Rows, own, part.Ref)
	out.Empty = len(out.Rows) == 0
	return out
}

// functionsLive sends what the modules of a repository declare, once.
func (s *Site) functionsLive(v *visit) error {
	q := v.r.URL.Query()
	page, err := s.repositoryOf(v, q.Get("repository"), q.Get("ref"))
	if err != nil {
		return err
	}
	return v.live("repository", func(ctx context.Context, send push) error {
		return send("functions", "", s.declared(ctx, v, &page.Functions))
	})
}
