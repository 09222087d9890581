package web

import (
	"fmt"
	"time"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/client"
)

// repositoryRow is a repository in a list.
type repositoryRow struct {
	v1.RepositoryState
	// Bars are its last runs, the latest on the right.
	Bars []bar
	// Last is the latest of them, nil without any.
	Last *v1.RecentRun
}

// State is that of the default branch, or none.
func (r *repositoryRow) State() string {
	switch {
	case r.Branch != nil:
		return r.Branch.State
	case r.Disabled != nil:
		return "disabled"
	}
	return "none"
}

// bar is a run in the picture of a repository's last runs: as high as it took long, in
// the colour of its state, with the sign of the state below it.
type bar struct {
	X, Y, Height int
	Number       int64
	State        stateView
	// Title says the same in words.
	Title string
}

const (
	// barStep is how far bars are apart, barTop the height of the highest.
	barStep, barTop, barLeast = 14, 16, 2
	// barCount is how many there is room for.
	barCount = 10
)

func rowOf(r *v1.RepositoryState) repositoryRow {
	row := repositoryRow{RepositoryState: *r}
	recent := r.Recent[:min(len(r.Recent), barCount)]
	if len(recent) > 0 {
		row.Last = &recent[0]
	}
	longest := time.Second
	took := make([]time.Duration, len(recent))
	for i := range recent {
		if took[i] = lasted(&recent[i]); recent[i].EndedAt != nil || len(recent) == 1 {
			longest = max(longest, took[i]) // one that hangs makes the others no smaller
		}
	}
	for i := range recent {
		b := bar{X: (barCount - 1 - i) * barStep, Number: recent[i].Number, State: stateOf(recent[i].State)}
		b.Height = max(barLeast, min(barTop, int(float64(barTop)*took[i].Seconds()/longest.Seconds())))
		b.Y = barTop - b.Height
		b.Title = fmt.Sprintf("run %d: %s, %s", b.Number, recent[i].Name, b.State.Word)
		if took[i] > 0 {
			b.Title += ", " + duration(took[i])
		}
		row.Bars = append([]bar{b}, row.Bars...)
	}
	return row
}

// lasted is how long a run took, or has taken by now; 0 if it has not begun.
func lasted(r *v1.RecentRun) time.Duration {
	from, to := moment(r.StartedAt), moment(r.EndedAt)
	if from.IsZero() {
		return 0
	}
	if to.IsZero() {
		to = time.Now()
	}
	return max(0, to.Sub(from))
}

// nextRepositories is the address of the page of repositories behind a cursor.
func nextRepositories(cursor string) string {
	if cursor == "" {
		return ""
	}
	return address("/repositories", "cursor", cursor)
}

type repositoriesPage struct {
	Repositories []repositoryRow
	Next         string
}

func (s *Site) repositories(v *visit) error {
	o, err := v.api.Overview(v.ctx(), client.Page{Cursor: v.r.URL.Query().Get("cursor"), Limit: 50})
	if err != nil {
		return err
	}
	page := repositoriesPage{Next: nextRepositories(o.Next)}
	for i := range o.Repositories {
		page.Repositories = append(page.Repositories, rowOf(&o.Repositories[i]))
	}
	return v.show("repositories", page)
}
