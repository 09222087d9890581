// Deploys images to Nomad: the reaction to a registry's deploy events.
//
// Copy it into the repository that calls in agent.yaml names, and say in its
// pocketci.yaml which job and task an image is for; docs/registry.md shows how.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"dagger/nomad/internal/dagger"
)

type Nomad struct{}

// Deploy the event's image: set it in the job's task, with a forced pull, register
// the job, and wait until Nomad says how that ended.
func (m *Nomad) DeployOnRegistryDeploy(
	ctx context.Context,
	eventTrigger *dagger.File,
	// The address of Nomad's API, such as https://nomad.example.com:4646.
	address string,
	// The id of the job, and the name of the task whose image it is.
	job, task string,
	// The group of the task; without it all tasks of that name get the image.
	// +optional
	group string,
	// The job's namespace.
	// +optional
	namespace string,
	// What Nomad knows us by.
	// +optional
	token *dagger.Secret,
	// What the job gets its own secrets with.
	// +optional
	vaultToken *dagger.Secret,
	// How long the deployment may take.
	// +default="20m"
	limit string,
) (string, error) {
	event, err := readEvent(ctx, eventTrigger)
	if err != nil {
		return "", err
	}
	n := &nomad{address: address, namespace: namespace}
	if n.token, err = plain(ctx, token); err != nil {
		return "", err
	}
	vault, err := plain(ctx, vaultToken)
	if err != nil {
		return "", err
	}
	most, err := time.ParseDuration(limit)
	if err != nil {
		return "", fmt.Errorf("read limit: %w", err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, most, fmt.Errorf("it took longer than %s", most))
	defer cancel()
	change := change{image: event.Payload.ImageDigest, group: group, task: task, vault: vault, event: event.ID}
	evaluation, err := n.update(ctx, job, change)
	if err != nil {
		return "", fmt.Errorf("register job %s: %w", job, err)
	}
	how, err := n.watch(ctx, job, evaluation)
	if err != nil {
		return "", fmt.Errorf("deploy %s to job %s: %w", change.image, job, err)
	}
	return fmt.Sprintf("job %s runs %s: %s", job, change.image, how), nil
}

// event is what is needed of the event file.
type event struct {
	ID      string `json:"id"`
	Payload struct {
		// ImageDigest stays the same image whatever becomes of the tag.
		ImageDigest string `json:"image_digest"`
	} `json:"payload"`
}

func readEvent(ctx context.Context, file *dagger.File) (event, error) {
	var e event
	text, err := file.Contents(ctx)
	if err != nil {
		return e, err
	}
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		return e, fmt.Errorf("read the event file: %w", err)
	}
	if e.Payload.ImageDigest == "" {
		return e, fmt.Errorf("event %s is about no image", e.ID)
	}
	return e, nil
}

// plain is the value of a secret that may not be given.
func plain(ctx context.Context, s *dagger.Secret) (string, error) {
	if s == nil {
		return "", nil
	}
	return s.Plaintext(ctx)
}
