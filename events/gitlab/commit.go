package gitlab

import (
	"errors"
	"fmt"
	"strings"

	"github.com/franela/pocketci/events"
)

// This file reads the events that are about a commit without a merge request.

func readPush(e *events.Event) error {
	var p push
	if err := events.DecodeObject(e.Payload, &p); err != nil {
		return err
	}
	if err := events.CheckRef(p.Ref); err != nil {
		return malformed("ref", err)
	}
	e.Ref = p.Ref
	e.Branch, e.Tag = events.ShortRef(p.Ref)
	switch {
	case e.Branch != "":
		e.Name, e.Filter = events.NamePush, e.Branch
	case e.Tag != "":
		e.Name, e.Filter = events.NameTag, e.Tag
	default:
		return &events.NothingError{Reason: "the push of " + p.Ref + " is neither of a branch nor of a tag"}
	}
	if events.IsZeroSHA(p.After) {
		return &events.NothingError{Reason: "the push deletes " + p.Ref}
	}
	if err := events.CheckSHA(p.After); err != nil {
		return malformed("after", err)
	}
	e.SHA = p.After
	if p.CheckoutSHA != "" {
		if err := events.CheckSHA(p.CheckoutSHA); err != nil {
			return malformed("checkout_sha", err)
		}
		e.SHA = p.CheckoutSHA
	}
	if !events.IsZeroSHA(p.Before) {
		if err := events.CheckSHA(p.Before); err != nil {
			return malformed("before", err)
		}
		e.Before = p.Before
	}
	// Only those with write access push.
	e.Trusted = true
	return nil
}

func readTag(e *events.Event) error {
	err := readPush(e)
	if e.Branch != "" {
		e.Trusted = false
		return malformed("ref", fmt.Errorf("%s is a branch, and the event is the push of a tag", e.Ref))
	}
	return err
}

func readRelease(e *events.Event) error {
	action, err := readAction(e)
	if err != nil {
		return err
	}
	if action == "" {
		return malformed("action", errors.New("is missing"))
	}
	// GitLab has no drafts: what is created is published.
	if action == "created" {
		action = "published"
	}
	e.Filter = action
	var p release
	if err := events.DecodeObject(e.Payload, &p); err != nil {
		return err
	}
	if err := checkShort("refs/tags/", p.Tag); err != nil {
		return malformed("tag", err)
	}
	e.Ref = "refs/tags/" + p.Tag
	e.Tag = p.Tag
	if p.Commit != nil {
		if err := readSHA(e, "commit.id", p.Commit.ID); err != nil {
			return err
		}
	}
	e.Trusted = true
	return nil
}

// readPipeline reads the event of one of GitLab's own pipelines. A status that
// is set from outside makes a pipeline of its own where there is none, with the
// source external: were its event planned, the statuses of that plan would make
// the next one.
func readPipeline(e *events.Event) error {
	var p pipeline
	if err := events.DecodeObject(e.Payload, &p); err != nil {
		return err
	}
	if p.Attributes == nil {
		return malformed("object_attributes", errors.New("is missing"))
	}
	if err := readStatus(e, "object_attributes.status", p.Attributes.Status); err != nil {
		return err
	}
	if err := readSHA(e, "object_attributes.sha", p.Attributes.SHA); err != nil {
		return err
	}
	if p.Attributes.Source == "external" {
		return &events.NothingError{Reason: "statuses from outside GitLab make up the pipeline: pocketci itself made it"}
	}
	if p.MergeRequest != nil {
		return readConversation(e, "merge_request", p.MergeRequest)
	}
	e.Trusted = ownRef(p.Attributes.Ref) && p.Attributes.Source != "external_pull_request_event"
	return nil
}

func readJob(e *events.Event) error {
	var p job
	if err := events.DecodeObject(e.Payload, &p); err != nil {
		return err
	}
	if err := readStatus(e, "build_status", p.Status); err != nil {
		return err
	}
	if err := readSHA(e, "sha", p.SHA); err != nil {
		return err
	}
	e.Trusted = ownRef(p.Ref)
	return nil
}

// ownRef reports whether what a pipeline ran for is a branch or a tag of the
// project itself. Those of merge requests, which may be a fork's, run for
// refs/merge-requests/….
func ownRef(ref string) bool { return ref != "" && !strings.HasPrefix(ref, "refs/") }

// readDeployment does not trust the event, as the payload does not say for which
// ref the commit was deployed. It has the whole sha in a link alone.
func readDeployment(e *events.Event) error {
	var p deployment
	if err := events.DecodeObject(e.Payload, &p); err != nil {
		return err
	}
	if err := readStatus(e, "status", p.Status); err != nil {
		return err
	}
	return readSHA(e, "commit_url", p.CommitURL[strings.LastIndexByte(p.CommitURL, '/')+1:])
}

func readStatus(e *events.Event, path, status string) error {
	if err := events.CheckText(status); err != nil {
		return malformed(path, err)
	}
	e.Filter = status
	return nil
}

func readSHA(e *events.Event, path, sha string) error {
	if err := events.CheckSHA(sha); err != nil {
		return malformed(path, err)
	}
	e.SHA = sha
	return nil
}
