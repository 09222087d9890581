package web

import (
	"net/http"
	"strings"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

// functionsPage is the functions of all repositories that were ever called.
type functionsPage struct {
	// Text and State are what is looked for.
	Text, State string
	States      []string
	Rows        []functionRow
	Found       int
	More        string
}

// Given reports whether anything is looked for.
func (p functionsPage) Given() bool { return p.Text != "" || p.State != "" }

// callStates are those of a last call that can be asked for.
var callStates = []string{"queued", "running", "succeeded", "failed", "timed-out", "invalid", "aborted", "skipped", "disabled"}

func (s *Site) functions(v *visit) error {
	list, err := v.api.Functions(v.ctx(), "")
	if err != nil {
		return err
	}
	q := v.r.URL.Query()
	page := functionsPage{Text: strings.TrimSpace(q.Get("text")), State: q.Get("state"), States: callStates}
	var rows []functionRow
	for i := range list.Functions {
		f := &list.Functions[i]
		if !holds(page.Text, f.Repository, f.Module+":"+f.Function) {
			continue
		}
		if page.State == "" || page.State == f.LastState || page.State == "disabled" && f.Disabled != nil {
			rows = append(rows, calledRow(f))
		}
	}
	page.Found = len(rows)
	page.Rows, page.More = part(v, rows)
	return v.show("functions", page)
}

// switched is what a form says that disables or enables something.
func switched(v *visit) (d v1.Disabled, ref string) {
	return v1.Disabled{Repository: v.typed("repository"), Module: v.typed("module"), Function: v.typed("function"), Reason: v.typed("reason")}, v.typed("ref")
}

// whatOf names something of a repository.
func whatOf(d v1.Disabled) string {
	switch {
	case d.Function != "":
		return d.Module + ":" + d.Function
	case d.Module != "":
		return "The module " + d.Module
	}
	return d.Repository
}

func (s *Site) disable(v *visit) error {
	d, ref := switched(v)
	return s.answer(v, d, ref, v.api.Disable(v.ctx(), d), whatOf(d)+" is disabled. Nothing calls it until somebody enables it again.")
}

func (s *Site) enable(v *visit) error {
	d, ref := switched(v)
	err := v.api.Enable(v.ctx(), v1.Enable{Repository: d.Repository, Module: d.Module, Function: d.Function})
	return s.answer(v, d, ref, err, whatOf(d)+" is enabled.")
}

// apply has a module converge.
func (s *Site) apply(v *visit) error {
	d, ref := switched(v)
	accepted, err := v.api.Apply(v.ctx(), v1.ApplyRequest{Repository: d.Repository, Module: d.Module, Ref: ref})
	if err == nil {
		return v.back(runPath(accepted.Number), "")
	}
	return s.answer(v, d, ref, err, "")
}

// answer leads back to a repository's page, or shows it with what is wrong and what was
// typed.
func (s *Site) answer(v *visit, d v1.Disabled, ref string, err error, done string) error {
	if err == nil {
		return v.back(address(repositoryPath(d.Repository), "ref", ref), done)
	}
	status, text, again := objected(err)
	if !again && status != http.StatusNotFound || d.Repository == "" {
		return err
	}
	page, missing := s.repositoryOf(v, d.Repository, ref)
	if missing != nil {
		return err
	}
	page.Error, page.Typed = text, d
	for i := range page.Functions.Rows {
		if r := &page.Functions.Rows[i]; r.Module == d.Module && r.Function == d.Function {
			r.Reason = d.Reason
		}
	}
	return v.showStatus(status, "repository", page)
}
