package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/franela/pocketci/internal/forge"
)

const (
	// maxTitle is what is shown of a description above a check's summary, in
	// characters.
	maxTitle = 255
	// maxSummary is how many bytes GitHub takes of a summary.
	maxSummary = 65535
	// annotationBatch is how many annotations GitHub takes in one request, and
	// maxAnnotations how many of a call are sent.
	annotationBatch = 50
	maxAnnotations  = 300
	// maxMessage bounds an annotation's message in bytes. GitHub takes 64 KB.
	maxMessage = 8 << 10
	// finalMark ends a ref whose check run is completed.
	finalMark = "/completed"
)

var checksAsking = asking{"set a check", "the repository permission Checks (write)"}

// checkRunRequest is a check run as it is created and updated ("Create a check run",
// "Update a check run"). GitHub's library cannot update when it began.
type checkRunRequest struct {
	Name        string       `json:"name"`
	HeadSHA     string       `json:"head_sha,omitempty"` // when it is created
	ExternalID  string       `json:"external_id,omitempty"`
	DetailsURL  *string      `json:"details_url,omitempty"`
	Status      string       `json:"status"`
	Conclusion  string       `json:"conclusion,omitempty"`
	StartedAt   *time.Time   `json:"started_at,omitempty"`
	CompletedAt *time.Time   `json:"completed_at,omitempty"`
	Output      *checkOutput `json:"output,omitempty"`
}

type checkOutput struct {
	Title       string            `json:"title"`
	Summary     string            `json:"summary"`
	Annotations []checkAnnotation `json:"annotations,omitempty"`
}

type checkAnnotation struct {
	Path      string `json:"path"`
	StartLine int    `json:"start_line"`
	EndLine   int    `json:"end_line"`
	Level     string `json:"annotation_level"`
	Message   string `json:"message"`
}

// setCheck makes or updates a check run. The ref is its id, marked once it is
// completed: what runs again after that is another check run, so that people see
// both. A check run that is gone is made anew.
func (c *Client) setCheck(ctx context.Context, repository, sha string, s forge.Status, ref string) (string, error) {
	number, wasFinal := strings.CutSuffix(ref, finalMark)
	id, err := strconv.ParseInt(number, 10, 64)
	if err != nil || id < 0 || wasFinal && !s.State.Final() {
		id = 0
	}
	run := checkOf(s)
	var batches [][]checkAnnotation
	if !wasFinal || id == 0 { // those of a completed one are there
		batches = batchesOf(s)
	}
	if len(batches) > 0 {
		run.Output.Annotations = batches[0]
		batches = batches[1:]
	}
	if id != 0 {
		err = c.updateCheck(ctx, repository, id, run)
	}
	if id == 0 || errors.Is(err, forge.ErrNotFound) {
		create := run
		create.HeadSHA = sha
		id, err = c.createCheck(ctx, repository, create)
	}
	if err != nil {
		return ref, err
	}
	ref = strconv.FormatInt(id, 10)
	if s.State.Final() {
		ref += finalMark
	}
	for _, batch := range batches {
		run.Output.Annotations = batch
		if err := c.updateCheck(ctx, repository, id, run); err != nil {
			return ref, err
		}
	}
	return ref, nil
}

func (c *Client) createCheck(ctx context.Context, repository string, run checkRunRequest) (id int64, err error) {
	err = c.in(ctx, repository, checksAsking, func(g *github.Client, owner, name string) error {
		made := &github.CheckRun{}
		err := send(ctx, g, http.MethodPost, fmt.Sprintf("repos/%s/%s/check-runs", owner, name), run, made)
		id = made.GetID()
		return err
	})
	if err == nil && id <= 0 {
		err = fmt.Errorf("%s: %w", checksAsking.what, errAnswer)
	}
	return id, err
}

func (c *Client) updateCheck(ctx context.Context, repository string, id int64, run checkRunRequest) error {
	return c.in(ctx, repository, checksAsking, func(g *github.Client, owner, name string) error {
		return send(ctx, g, http.MethodPatch, fmt.Sprintf("repos/%s/%s/check-runs/%d", owner, name, id), run, nil)
	})
}

func send(ctx context.Context, g *github.Client, method, path string, body, answer any) error {
	r, err := g.NewRequest(method, path, body)
	if err != nil {
		return err
	}
	_, err = g.Do(ctx, r, answer)
	return err
}

func checkOf(s forge.Status) checkRunRequest {
	run := checkRunRequest{Name: s.Context, ExternalID: s.ExternalID, DetailsURL: webURL(s.URL), StartedAt: timeOf(s.Started)}
	switch s.State {
	case forge.StatePending:
		run.Status = "queued"
	case forge.StateRunning:
		run.Status = "in_progress"
	default:
		run.Status, run.Conclusion, run.CompletedAt = "completed", conclusionOf(s.State), timeOf(s.Ended)
	}
	title := cut(oneLine(s.Description), maxTitle)
	if title == "" {
		title = string(s.State)
	}
	summary := cutBytes(s.Summary, maxSummary)
	if strings.TrimSpace(summary) == "" {
		summary = title
	}
	run.Output = &checkOutput{Title: title, Summary: summary}
	return run
}

// conclusionOf maps a final state. Skipped satisfies a required check.
func conclusionOf(s forge.State) string {
	switch s {
	case forge.StateSucceeded:
		return "success"
	case forge.StateAborted:
		return "cancelled"
	case forge.StateSkipped:
		return "skipped"
	}
	return "failure"
}

func timeOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Second)
	return &t
}

// batchesOf returns the annotations of a status as they are sent, without those
// that would have GitHub refuse them all.
func batchesOf(s forge.Status) [][]checkAnnotation {
	level := "warning"
	if s.State == forge.StateFailed {
		level = "failure"
	}
	var batches [][]checkAnnotation
	n := 0
	for _, a := range s.Annotations {
		message := cutBytes(strings.TrimSpace(a.Message), maxMessage)
		if a.Path == "" || a.Line < 1 || message == "" {
			continue
		}
		if n == maxAnnotations {
			break
		}
		if n%annotationBatch == 0 {
			batches = append(batches, nil)
		}
		last := len(batches) - 1
		batches[last] = append(batches[last], checkAnnotation{Path: a.Path, StartLine: a.Line, EndLine: a.Line, Level: level, Message: message})
		n++
	}
	return batches
}

// cutBytes shortens text to a number of bytes, between two characters.
func cutBytes(s string, most int) string {
	if len(s) <= most {
		return s
	}
	const end = "\n…"
	return strings.ToValidUTF8(s[:most-len(end)], "") + end
}
