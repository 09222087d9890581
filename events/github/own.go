package github

import (
	"errors"
	"strconv"
	"strings"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/internal/delivery"
	"github.com/franela/pocketci/internal/forge"
)

// asksAgain reports whether an event about a check is what people do to it, and
// GitHub to a suite at a push, whoever has made the check.
func asksAgain(action string) bool {
	switch action {
	case "requested", "rerequested", "requested_action":
		return true
	}
	return false
}

// WithApp returns a source that also recognises what this GitHub App has made: the
// end of its check suites, and comments in its name.
func (s *Source) WithApp(id int64) *Source {
	also := *s
	also.app = id
	return &also
}

// ofOwnApp reports whether the source's App made what an event is about. It reads
// only what it needs for that; everything else has been checked.
func (s *Source) ofOwnApp(e *events.Event) bool {
	var p struct {
		CheckRun   withApp `json:"check_run"`
		CheckSuite withApp `json:"check_suite"`
		Comment    struct {
			App *madeBy `json:"performed_via_github_app"`
		} `json:"comment"`
	}
	if s.app == 0 || events.DecodeObject(e.Payload, &p) != nil {
		return false
	}
	by := p.Comment.App
	switch e.Kind {
	case "check_run":
		by = p.CheckRun.App
	case "check_suite":
		by = p.CheckSuite.App
	case "issue_comment":
	default:
		return false
	}
	return by != nil && by.ID == s.app && !asksAgain(e.Filter)
}

type withApp struct {
	App *madeBy `json:"app"`
}

// readIssueComment reads what is said below an issue or a pull request. Only a new
// comment on a pull request may be a command: it is what people write commands in,
// while remarks on lines and reviews are about the code.
func readIssueComment(e *events.Event) error {
	if err := readOther(e); err != nil {
		return err
	}
	var p issueComment
	if err := events.DecodeObject(e.Payload, &p); err != nil {
		return err
	}
	if p.Comment == nil {
		return delivery.Malformed("comment", errors.New("is missing"))
	}
	if strings.Contains(p.Comment.Body, forge.MarkerPrefix) {
		return delivery.Own()
	}
	if e.PullRequest == 0 || e.Filter != "created" {
		return nil
	}
	if p.Comment.ID <= 0 {
		return delivery.Malformed("comment.id", errors.New("is not a number above zero"))
	}
	e.Comment = &events.Comment{ID: strconv.FormatInt(p.Comment.ID, 10), Body: p.Comment.Body}
	if p.Comment.User != nil {
		if err := events.CheckText(p.Comment.User.Login); err != nil {
			return delivery.Malformed("comment.user.login", err)
		}
		e.Comment.Author = p.Comment.User.Login
	}
	return nil
}
