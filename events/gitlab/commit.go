package gitlab

import (
	"errors"
	"strings"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/internal/delivery"
)

// This file reads the events that are about a commit without a merge request.

func readPush(e *events.Event) error {
	var p push
	if err := events.DecodeObject(e.Payload, &p); err != nil {
		return err
	}
	if err := delivery.ReadPushedRef(e, p.Ref); err != nil {
		return err
	}
	if err := delivery.ReadAfter(e, p.After); err != nil {
		return err
	}
	if p.CheckoutSHA != "" {
		if err := delivery.ReadSHA(e, "checkout_sha", p.CheckoutSHA); err != nil {
			return err
		}
	}
	if err := delivery.ReadBefore(e, p.Before); err != nil {
		return err
	}
	// Only those with write access push.
	e.Trusted = true
	return nil
}

func readTag(e *events.Event) error {
	return delivery.OfTag(e, readPush(e))
}

func readRelease(e *events.Event) error {
	action, err := readAction(e)
	if err != nil {
		return err
	}
	if action == "" {
		return delivery.Malformed("action", errors.New("is missing"))
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
	if err := delivery.ReadTag(e, "tag", p.Tag); err != nil {
		return err
	}
	if p.Commit != nil {
		if err := delivery.ReadSHA(e, "commit.id", p.Commit.ID); err != nil {
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
		return delivery.Malformed("object_attributes", errors.New("is missing"))
	}
	if err := readStatus(e, "object_attributes.status", p.Attributes.Status); err != nil {
		return err
	}
	if err := delivery.ReadSHA(e, "object_attributes.sha", p.Attributes.SHA); err != nil {
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
	if err := delivery.ReadSHA(e, "sha", p.SHA); err != nil {
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
	return delivery.ReadSHA(e, "commit_url", p.CommitURL[strings.LastIndexByte(p.CommitURL, '/')+1:])
}

func readStatus(e *events.Event, path, status string) error {
	if err := events.CheckText(status); err != nil {
		return delivery.Malformed(path, err)
	}
	e.Filter = status
	return nil
}
