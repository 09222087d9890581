package registries

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/registry"
	"github.com/franela/pocketci/internal/poll"
	"github.com/franela/pocketci/internal/store"
)

// UnknownError says that a repository is not watched, or by several watches none of
// which has the name.
type UnknownError struct{ Name string }

func (e *UnknownError) Error() string {
	return "nothing is watched by the name " + e.Name + "; pocketci registry list has what is"
}

// TagError says that a tag cannot be pinned, since the registry has no such tag.
type TagError struct{ Tag, Registry string }

func (e *TagError) Error() string {
	return fmt.Sprintf("the registry %s has no tag %s in the repository", e.Registry, e.Tag)
}

// AwayError says that a registry could not be asked.
type AwayError struct {
	Err error
	// Text is what the registry or the connection to it said, without secrets.
	Text string
}

func (e *AwayError) Error() string { return e.Text }

func (e *AwayError) Unwrap() error { return e.Err }

// TargetError says that it is not known whose functions a watch calls.
type TargetError struct{ Err error }

func (e *TargetError) Error() string { return e.Err.Error() }

func (e *TargetError) Unwrap() error { return e.Err }

// ErrNothingAsked says that a change changes nothing.
var ErrNothingAsked = errors.New("either a pinned tag or auto-deploy must be given")

// Changed is what came of a change.
type Changed struct {
	Name string
	// Tag and Digest are what is deployed, empty if nothing is.
	Tag, Digest string
	// Event and Run are those of the deployment.
	Event string
	Run   int64
	// AutoDeploy is how it is now.
	AutoDeploy bool
}

// lookTimeout is how long a registry may take for what somebody waits for.
const lookTimeout = 40 * time.Second

// tries is how often a change is tried while others move the watch's state.
const tries = 20

// Change pins a tag or takes the pin away (an empty tag), which deploys at once,
// switches auto-deploy, or both. Name is that of the watch, or the path of its
// repository if only one registry has it. The errors are [*UnknownError],
// [*TagError], [*AwayError], [*TargetError], [ErrNothingAsked], and those of the store.
func (s *Set) Change(ctx context.Context, name string, pin *string, auto *bool, by store.Actor) (Changed, error) {
	if pin == nil && auto == nil {
		return Changed{}, ErrNothingAsked
	}
	wish := registry.Wish{Pin: pin, AutoDeploy: auto}
	var words []string
	action := "auto-deploy"
	if pin != nil {
		action, wish.Cause = "pin", registry.CausePin
		words = append(words, "tag "+*pin)
		if *pin == "" {
			words = []string{"no tag, which is the newest version"}
		}
	}
	if auto != nil {
		words = append(words, fmt.Sprintf("auto-deploy %t", *auto))
	}
	return s.change(ctx, name, wish, action, strings.Join(words, ", "), by)
}

// Reset takes the pin away, has deployments begin by themselves again, whatever was
// before, and deploys the newest version. Where there is no version, nothing is
// deployed until there is one. The errors are those of [Set.Change].
func (s *Set) Reset(ctx context.Context, name string, by store.Actor) (Changed, error) {
	none, on := "", true
	return s.change(ctx, name, registry.Wish{Pin: &none, AutoDeploy: &on, Cause: registry.CauseReset}, "reset", "", by)
}

// Redeploy deploys once more what is to be deployed. The errors are those of
// [Set.Change], and [registry.ErrNoVersion].
func (s *Set) Redeploy(ctx context.Context, name string, by store.Actor) (Changed, error) {
	return s.change(ctx, name, registry.Wish{Cause: registry.CauseRedeploy}, "redeploy", "", by)
}

func (s *Set) change(ctx context.Context, name string, wish registry.Wish, action, detail string, by store.Actor) (Changed, error) {
	w, err := s.find(name)
	if err != nil {
		return Changed{}, err
	}
	for try := 1; ; try++ {
		changed, err := s.tryChange(ctx, w, wish, action, detail, by)
		if !errors.Is(err, store.ErrMoved) || try == tries {
			return changed, err
		}
	}
}

func (s *Set) tryChange(ctx context.Context, w *watched, wish registry.Wish, action, detail string, by store.Actor) (Changed, error) {
	position, err := s.cfg.Store.Position(ctx, registry.Kind, w.Name)
	if err != nil {
		return Changed{}, err
	}
	state, err := w.ReadState(position.Value, s.cfg.Now())
	if err != nil {
		return Changed{}, err
	}
	var image registry.Image
	if wish.Cause != "" {
		looking, cancel := context.WithTimeoutCause(ctx, lookTimeout, errors.New("the registry did not answer in time"))
		image, err = w.Look(looking, w.source.Registry, &state, wish)
		cancel()
		switch {
		case errors.Is(err, registry.ErrNoTag):
			return Changed{}, &TagError{tagOf(&state, wish), w.registryName}
		case errors.Is(err, registry.ErrNoVersion) && wish.Cause != registry.CauseRedeploy:
			// The wish holds all the same, for the first version that comes.
		case errors.Is(err, registry.ErrNoVersion):
			return Changed{}, err
		case err != nil:
			return Changed{}, &AwayError{err, s.cfg.Mask(err.Error())}
		}
	}
	event, deploys := w.Grant(&state, wish, image, by.Person)
	changed := Changed{Name: w.Name, AutoDeploy: state.AutoDeploy}
	var deliveries []store.Delivery
	if deploys {
		if err := s.cfg.Aim(ctx, w.target, &event); err != nil {
			if errors.Is(err, store.ErrUnavailable) {
				return Changed{}, err
			}
			return Changed{}, &TargetError{err}
		}
		event.ID = events.NewID()
		deliveries = append(deliveries, poll.Deliver(w.source, event))
		changed.Tag, changed.Digest = image.Tag, image.Digest
	}
	if position.Value, err = state.Write(); err != nil {
		return Changed{}, err
	}
	receipts, _, err := s.cfg.Store.AdvanceBy(ctx, by, action, detail, position, deliveries...)
	if err != nil {
		return Changed{}, err
	}
	if deploys {
		changed.Event, changed.Run = receipts[0].Event, receipts[0].Number
	}
	s.cfg.Nudge(w.Name)
	return changed, nil
}

// tagOf is the tag that a wish is about.
func tagOf(s *registry.State, wish registry.Wish) string {
	if wish.Pin != nil {
		return *wish.Pin
	}
	return s.Pinned
}

// find returns the watch of a name, or of a repository that only one watch has.
func (s *Set) find(name string) (*watched, error) {
	var found []*watched
	for _, w := range s.watches.Load().all {
		if w.Name == name {
			return w, nil
		}
		if w.Repository == name {
			found = append(found, w)
		}
	}
	if len(found) != 1 {
		return nil, &UnknownError{name}
	}
	return found[0], nil
}
