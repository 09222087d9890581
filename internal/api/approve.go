package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/franela/pocketci/events"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

// askTimeout is how long a forge may take to say who may write.
const askTimeout = 15 * time.Second

var (
	errCannotAsk = errors.New("the agent has no token for the API of the forge")
	errSlowForge = fmt.Errorf("the forge did not answer within %s", askTimeout)
)

type approveInput struct {
	RunID
	Body v1.Approve
}

func (s *service) approve(ctx context.Context, in *approveInput) (*body[v1.Run], error) {
	r, err := s.find(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	e, err := s.Store.Event(ctx, r.Event)
	if err != nil {
		return nil, err
	}
	sha := e.SHA
	if e.Name == events.NamePullRequest {
		sha = r.SHA // the event's may be what the payload abbreviates
	}
	switch {
	case in.Body.Trust && !v1.Scope(who(ctx).key.Scope).Allows(v1.ScopeAdmin):
		return nil, huma.Error403Forbidden("to trust other people's code with the repository's secrets needs a key with the scope admin")
	case r.State != store.StateWaiting:
		return nil, &store.StateError{Doing: "approve", ID: r.ID, State: r.State}
	case sha != "" && sha != in.Body.SHA:
		return nil, conflict(fmt.Sprintf("run %d is of the commit %s, and %s was approved", r.Number, sha, in.Body.SHA))
	}
	if err := s.mayApprove(ctx, &e.Event, &who(ctx).key); err != nil {
		return nil, err
	}
	if err := s.Store.Approve(ctx, r.ID, in.Body.SHA, in.Body.Trust, who(ctx).actor); err != nil {
		return nil, err
	}
	return s.changed(ctx, r.ID)
}

// mayApprove returns the problem unless the key may answer for what somebody
// without write access has caused: its scope is admin, or its person may write to
// the repository. What the forge cannot be asked for is not there.
func (s *service) mayApprove(ctx context.Context, event *events.Event, key *store.Key) error {
	repository := "the repository"
	if event.Repository != nil {
		repository = event.Repository.FullName
	}
	switch {
	case v1.Scope(key.Scope).Allows(v1.ScopeAdmin):
		return nil
	case key.Login == "":
		return huma.Error403Forbidden(fmt.Sprintf("somebody with write access to %s has to approve this, and the key %s is bound to nobody: "+
			"have one made with pocketci keys create NAME --scope run --login LOGIN, or use one with the scope admin", repository, key.Name))
	}
	may, err := s.canWrite(ctx, event, key.Login)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		s.Log.Warn("cannot ask who may approve", "repository", repository, "login", key.Login, "error", err)
		return huma.Error403Forbidden(fmt.Sprintf("whether %s may write to %s could not be asked: %v; a key with the scope admin can approve", key.Login, repository, err))
	case !may:
		return huma.Error403Forbidden(fmt.Sprintf("%s, whose key this is, may not write to %s; somebody who may has to approve it, or a key with the scope admin", key.Login, repository))
	}
	return nil
}

func (s *service) canWrite(ctx context.Context, event *events.Event, login string) (bool, error) {
	if s.CanWrite == nil {
		return false, errCannotAsk
	}
	ctx, cancel := context.WithTimeoutCause(ctx, askTimeout, errSlowForge)
	defer cancel()
	may, err := s.CanWrite(ctx, event, login)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return may, err
}
