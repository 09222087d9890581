package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/franela/pocketci/events"
)

// ErrNoVersion says that there is nothing to deploy where nothing is pinned: the
// repository has no version.
var ErrNoVersion = errors.New("the repository has no version")

// Wish is what a person wants of a watch.
type Wish struct {
	// Pin has a tag deployed from now on, and at once. The empty tag stands for
	// the newest version. Nil leaves the pin as it is.
	Pin *string
	// AutoDeploy has deployments begin by themselves, or not. Nil leaves it.
	AutoDeploy *bool
	// Cause is that of the deployment: [CausePin], [CauseReset] or
	// [CauseRedeploy]. It is empty if nothing is to be deployed.
	Cause Cause
}

// Image is what a wish has deployed.
type Image struct{ Tag, Digest string }

// Look finds what a wish has deployed. The registry is asked now, whatever was
// known before. The errors are [ErrNoTag], [ErrNoVersion], or that of the registry.
func (w Watch) Look(ctx context.Context, r Registry, s *State, wish Wish) (Image, error) {
	tag := s.Pinned
	if wish.Pin != nil {
		tag = *wish.Pin
	}
	if tag == "" {
		tags, err := r.Tags(ctx)
		if errors.Is(err, ErrNoRepository) {
			return Image{}, ErrNoVersion
		}
		if err != nil {
			return Image{}, err
		}
		if tag = w.Rule.Newest(w.heeded(tags), s.Released); tag == "" {
			return Image{}, ErrNoVersion
		}
	}
	digest, err := r.Digest(ctx, tag)
	if err != nil {
		return Image{}, fmt.Errorf("find %s: %w", w.Image(tag), err)
	}
	return Image{tag, digest}, nil
}

// Grant does a wish to the state. If it has something deployed, that is the image,
// and the event is its deployment, asked for by the sender, whatever is deployed at
// present and whether or not deployments begin by themselves.
func (w Watch) Grant(s *State, wish Wish, image Image, sender string) (event events.Event, deploys bool) {
	if wish.Pin != nil {
		s.Pinned = *wish.Pin
	}
	if wish.AutoDeploy != nil {
		s.AutoDeploy = *wish.AutoDeploy
	}
	if wish.Cause == "" || image.Tag == "" {
		return events.Event{}, false
	}
	return w.deploy(s, Deployment{Tag: image.Tag, Digest: image.Digest, Cause: wish.Cause, Number: 1}, sender), true
}
