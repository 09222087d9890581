package gitlab

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/internal/delivery"
	"github.com/franela/pocketci/internal/forge"
)

func readMergeRequest(e *events.Event) error {
	action, err := readAction(e)
	if err != nil {
		return err
	}
	var p mergeRequestEvent
	if err := events.DecodeObject(e.Payload, &p); err != nil {
		return err
	}
	if p.Attributes == nil {
		return delivery.Malformed("object_attributes", errors.New("is missing"))
	}
	const path = "object_attributes"
	if err := readConversation(e, path, p.Attributes); err != nil {
		return err
	}
	if err := delivery.CheckBranch(p.Attributes.SourceBranch); err != nil {
		return untrusted(e, delivery.Malformed(path+".source_branch", err))
	}
	// The project itself holds the head under this ref, forks' heads too.
	e.Ref = fmt.Sprintf("refs/merge-requests/%d/head", e.PullRequest)
	e.Branch = p.Attributes.SourceBranch
	if p.Attributes.LastCommit == nil {
		return untrusted(e, &events.NothingError{Reason: "the merge request has no commits"})
	}
	if err := delivery.ReadSHA(e, path+".last_commit.id", p.Attributes.LastCommit.ID); err != nil {
		return untrusted(e, err)
	}
	switch {
	case action == "":
		return untrusted(e, &events.NothingError{Reason: "the event does not say what was done to the merge request, as when a webhook is tried out"})
	case action == "merge":
		action = "closed"
	case action == "edited" && p.Attributes.OldRev != "":
		action = "synchronize"
	case action == "edited":
		action = edited(p.Changes)
	}
	e.Filter = action
	return nil
}

func untrusted(e *events.Event, err error) error {
	e.Trusted = false
	return err
}

// edited returns GitHub's word for an update without new commits. GitLab tells
// several changes in one event: the first one here gives the name.
func edited(changes map[string]json.RawMessage) string {
	for _, known := range []struct{ field, added, removed string }{
		{"draft", "converted_to_draft", "ready_for_review"},
		{"title", "edited", "edited"},
		{"description", "edited", "edited"},
		{"target_branch", "edited", "edited"},
		{"labels", "labeled", "unlabeled"},
		{"reviewers", "review_requested", "review_request_removed"},
		{"assignees", "assigned", "unassigned"},
		{"milestone_id", "milestoned", "demilestoned"},
		{"discussion_locked", "locked", "unlocked"},
	} {
		var c change
		if raw, ok := changes[known.field]; !ok || json.Unmarshal(raw, &c) != nil {
			continue
		}
		if adds(c) {
			return known.added
		}
		return known.removed
	}
	return "edited"
}

// adds reports whether a change set a value, or put something into a list that
// was not there before.
func adds(c change) bool {
	type item struct {
		ID int64 `json:"id"`
	}
	var before, after []item
	if json.Unmarshal(c.Current, &after) == nil && json.Unmarshal(c.Previous, &before) == nil && after != nil {
		had := map[int64]bool{}
		for _, i := range before {
			had[i.ID] = true
		}
		for _, i := range after {
			if !had[i.ID] {
				return true
			}
		}
		return false
	}
	current := string(c.Current)
	return current != "" && current != "null" && current != "false"
}

// readConversation reads what is the same for a merge request and for whatever
// is said on it: its number, its target branch, and whether it is a fork's.
func readConversation(e *events.Event, path string, m *mergeRequest) error {
	if err := delivery.ReadNumber(e, path+".iid", m.IID); err != nil {
		return err
	}
	if err := delivery.ReadBase(e, path+".target_branch", m.TargetBranch); err != nil {
		return err
	}
	same := m.SourceProjectID == m.TargetProjectID
	switch {
	case m.Source == nil && same && m.SourceProjectID != 0:
	case m.Source == nil:
		e.Fork = delivery.UnknownFork
	case m.Source.FullName != e.Repository.FullName:
		if err := events.CheckFullName(m.Source.FullName); err != nil {
			return delivery.Malformed(path+".source.path_with_namespace", err)
		}
		e.Fork = m.Source.FullName
	case !same:
		e.Fork = delivery.UnknownFork
	}
	e.Trusted = e.Fork == ""
	return nil
}

// readNote reads a comment. One on a merge request is named as GitHub names it;
// those on issues, commits and snippets keep GitLab's name.
func readNote(e *events.Event) error {
	action, err := readAction(e)
	if err != nil {
		return err
	}
	// Before GitLab 16.11 there was no event for a comment that was changed,
	// and no action.
	e.Filter = "created"
	if action != "" {
		e.Filter = action
	}
	var p note
	if err := events.DecodeObject(e.Payload, &p); err != nil {
		return err
	}
	if p.Attributes == nil {
		return delivery.Malformed("object_attributes", errors.New("is missing"))
	}
	onMergeRequest := p.Attributes.NoteableType == "MergeRequest" || p.MergeRequest != nil
	if onMergeRequest {
		e.Name = nameComment
		if p.MergeRequest == nil {
			return delivery.Malformed("merge_request", errors.New("is missing"))
		}
		if err := readConversation(e, "merge_request", p.MergeRequest); err != nil {
			return err
		}
	}
	switch {
	case strings.Contains(p.Attributes.Note, forge.MarkerPrefix):
		return untrusted(e, delivery.Own())
	case p.Attributes.System:
		return untrusted(e, &events.NothingError{Reason: "GitLab wrote the comment about what somebody did"})
	case !onMergeRequest:
		e.Trusted = true
		return nil
	case e.Filter != "created":
		return nil
	}
	if p.Attributes.ID <= 0 {
		return untrusted(e, delivery.Malformed("object_attributes.id", errors.New("is not a number above zero")))
	}
	if e.Sender == "" {
		return untrusted(e, delivery.Malformed("user.username", errors.New("is missing")))
	}
	e.Comment = &events.Comment{ID: strconv.FormatInt(p.Attributes.ID, 10), Author: e.Sender, Body: p.Attributes.Note}
	return nil
}
