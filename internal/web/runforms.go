package web

import (
	"fmt"
	"net/http"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

// runChange is a form of a run's page: do asks the API for it.
func (s *Site) runChange(v *visit, form runInput, do func(number string) (note string, err error)) error {
	number, err := numberOf(v)
	if err != nil {
		return err
	}
	note, err := do(number)
	if err == nil {
		return v.back("/runs/"+number, note)
	}
	status, text, ok := objected(err)
	if !ok {
		return err
	}
	form.Error = text
	return s.showRun(v, status, form)
}

func (s *Site) restartRun(v *visit) error {
	scope := v.typed("scope")
	return s.runChange(v, runInput{Of: "restart"}, func(number string) (string, error) {
		restarted, err := v.api.Restart(v.ctx(), number, v1.Restart{Scope: scope})
		return fmt.Sprintf("Attempt %d has begun.", restarted.Attempt), err
	})
}

func (s *Site) abortRun(v *visit) error {
	form := runInput{Of: "abort", Reason: v.typed("reason")}
	return s.runChange(v, form, func(number string) (string, error) {
		return "The run is aborted.", v.api.AbortRun(v.ctx(), number, v1.Abort{Reason: form.Reason})
	})
}

func (s *Site) approveRun(v *visit) error {
	form := runInput{Of: "approve", SHA: v.typed("sha"), Trust: v.typed("trust") == "true"}
	return s.runChange(v, form, func(number string) (string, error) {
		if !fullSHA.MatchString(form.SHA) {
			return "", &problem{http.StatusUnprocessableEntity, "The commit is named by its full sha: 40 or 64 digits from 0 to f."}
		}
		note := "The commit " + short(form.SHA) + " is approved."
		if form.Trust {
			note = "The commit " + short(form.SHA) + " is approved and trusted."
		}
		return note, v.api.Approve(v.ctx(), number, v1.Approve{SHA: form.SHA, Trust: form.Trust})
	})
}
