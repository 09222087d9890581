package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/franela/pocketci/events/registry"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/registries"
	"github.com/franela/pocketci/internal/store"
)

// Registries are the repositories of registries that the agent watches; it is
// [registries.Set].
type Registries interface {
	List(ctx context.Context) ([]registries.Status, error)
	Get(ctx context.Context, name string) (registries.Status, error)
	Change(ctx context.Context, name string, pin *string, auto *bool, by store.Actor) (registries.Changed, error)
	Reset(ctx context.Context, name string, by store.Actor) (registries.Changed, error)
	Redeploy(ctx context.Context, name string, by store.Actor) (registries.Changed, error)
}

func (s *service) registryRoutes() {
	// What a change may end with beyond what every operation may.
	failures := []int{http.StatusNotFound, http.StatusConflict, http.StatusBadGateway}
	register(s, operation{
		id: "list-registries", method: http.MethodGet, path: "/registries", tag: tagRegistries, scope: v1.ScopeRead,
		summary:     "List the repositories of registries that are watched",
		description: "When a registry was asked, and what it said, is that of the agent that answers.",
	}, s.listRegistries)
	register(s, operation{
		id: "get-registry", method: http.MethodGet, path: "/registries/{name}", tag: tagRegistries, scope: v1.ScopeRead,
		summary: "Show a watched repository with its tags", errors: []int{http.StatusNotFound},
	}, s.getRegistry)
	register(s, operation{
		id: "change-registry", method: http.MethodPost, path: "/registries/{name}", tag: tagRegistries, scope: v1.ScopeRun,
		summary:     "Pin a tag of a watched repository, or switch whether it is deployed by itself",
		description: "A pin is deployed at once, also if it is deployed already or auto-deploy is off.", errors: failures,
	}, s.changeRegistry)
	register(s, operation{
		id: "reset-registry", method: http.MethodPost, path: "/registries/{name}/reset", tag: tagRegistries, scope: v1.ScopeRun,
		summary: "Deploy the newest version, without a pin and with auto-deploy from now on", errors: failures,
	}, s.resetRegistry)
	register(s, operation{
		id: "redeploy-registry", method: http.MethodPost, path: "/registries/{name}/redeploy", tag: tagRegistries, scope: v1.ScopeRun,
		summary: "Deploy once more what is to be deployed", errors: failures,
	}, s.redeployRegistry)
}

// watchName is a part of the path.
type watchName struct {
	Name string `path:"name" maxLength:"255" doc:"of the watch"`
}

func (s *service) listRegistries(ctx context.Context, _ *struct{}) (*body[v1.Watches], error) {
	out := v1.Watches{Watches: []v1.Watch{}}
	if s.Registries == nil {
		return answer(out), nil
	}
	list, err := s.Registries.List(ctx)
	if err != nil {
		return nil, err
	}
	for i := range list {
		out.Watches = append(out.Watches, wireWatch(&list[i]))
	}
	return answer(out), nil
}

func (s *service) getRegistry(ctx context.Context, in *watchName) (*body[v1.Watch], error) {
	if s.Registries == nil {
		return nil, absent("nothing is watched")
	}
	status, err := s.Registries.Get(ctx, in.Name)
	if err != nil {
		return nil, watchProblem(err)
	}
	out := wireWatch(&status)
	out.Tags = status.State.Tags
	return answer(out), nil
}

type changeInput struct {
	Name string `path:"name" maxLength:"255" doc:"of the watch"`
	Body v1.WatchChange
}

func (s *service) changeRegistry(ctx context.Context, in *changeInput) (*body[v1.WatchChanged], error) {
	return s.watchChanged(func() (registries.Changed, error) {
		return s.Registries.Change(ctx, in.Name, in.Body.PinnedTag, in.Body.AutoDeploy, who(ctx).actor)
	})
}

func (s *service) resetRegistry(ctx context.Context, in *watchName) (*body[v1.WatchChanged], error) {
	return s.watchChanged(func() (registries.Changed, error) { return s.Registries.Reset(ctx, in.Name, who(ctx).actor) })
}

func (s *service) redeployRegistry(ctx context.Context, in *watchName) (*body[v1.WatchChanged], error) {
	return s.watchChanged(func() (registries.Changed, error) { return s.Registries.Redeploy(ctx, in.Name, who(ctx).actor) })
}

func (s *service) watchChanged(change func() (registries.Changed, error)) (*body[v1.WatchChanged], error) {
	if s.Registries == nil {
		return nil, absent("nothing is watched")
	}
	c, err := change()
	if err != nil {
		return nil, watchProblem(err)
	}
	return answer(v1.WatchChanged{Name: c.Name, AutoDeploy: c.AutoDeploy, Tag: c.Tag, Digest: c.Digest, Event: c.Event, Run: c.Run}), nil
}

// watchProblem says what is wrong with a watch, or with what was asked of it.
func watchProblem(err error) error {
	var (
		unknown *registries.UnknownError
		tag     *registries.TagError
		away    *registries.AwayError
		target  *registries.TargetError
	)
	switch {
	case errors.As(err, &unknown):
		return absent(unknown.Error())
	case errors.As(err, &tag):
		return conflict(tag.Error())
	case errors.As(err, &target):
		return conflict(target.Error())
	case errors.Is(err, registry.ErrNoVersion):
		return conflict(registry.ErrNoVersion.Error() + ", and no tag is pinned")
	case errors.Is(err, registries.ErrNothingAsked):
		return invalid("body", "has neither pinned_tag nor auto_deploy")
	case errors.Is(err, store.ErrMoved):
		return later("others change the watch at the same time")
	case errors.As(err, &away):
		return huma.Error502BadGateway("the registry cannot be asked: " + away.Error())
	}
	return err
}

func wireWatch(s *registries.Status) v1.Watch {
	w := v1.Watch{
		Name: s.Name, Registry: s.RegistryName, Host: s.Host, Repository: s.Repository, Calls: s.Calls.Repository, Interval: seconds(s.Interval),
		PinnedTag: s.State.Pinned, AutoDeploy: s.State.AutoDeploy, Wanted: s.Wanted, Newest: s.Newest, TagCount: len(s.State.Tags),
		AskedAt: moment(s.Polled.LastPoll), NextAt: moment(s.Polled.Next), Failures: s.Polled.Failures, Error: s.Polled.Error,
	}
	if s.Calls.Module != "" {
		w.Calls = "module " + s.Calls.Module
	}
	if d := s.State.Deployed; d != nil {
		w.Deployed = &v1.Deployed{Tag: d.Tag, Digest: d.Digest, At: d.At.UTC(), Run: d.Run}
	}
	if a := s.State.Attempt; a != nil {
		w.Deployment = &v1.Deployment{
			Tag: a.Tag, Digest: a.Digest, Cause: string(a.Cause), Attempt: a.Number, Progress: string(a.Progress), Reason: a.Reason, Run: a.Run,
		}
		if a.Retry != nil {
			w.Deployment.RetryAt = moment(a.Retry.Truncate(time.Second))
		}
	}
	return w
}
