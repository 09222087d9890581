package api

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/tokens"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/signed"
	"github.com/franela/pocketci/internal/targets"
)

// tokenLimit is the largest body that a token may be in: as JSON it is a little longer.
const tokenLimit = signed.MaxToken + 4<<10

func (s *service) signedRoutes() {
	text := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, MaxLength: new(signed.MaxToken)}}
	register(s, operation{
		id: "push-signed-token", method: http.MethodPost, path: "/signed/{source}", tag: tagEvents, status: http.StatusAccepted,
		summary: "Push a signed token to a source",
		description: "The token is a JSON Web Token that one of the source's trusted keys has signed with Ed25519; `pocketci sign` makes one. " +
			"Its event is stored before the answer. A token is accepted once: 409 says that it was accepted before, or that a newer one was. " +
			"401 says that no trusted key of the source has signed it, which holds for a source that does not exist too. " +
			"403 is for a token whose time is over or has not come, or that is for another source.",
		errors: []int{http.StatusNotFound, http.StatusConflict}, body: tokenLimit, open: true,
		takes: map[string]*huma.MediaType{
			"application/json": {Schema: s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[v1.SignedToken](), true, "")},
			"text/plain":       text,
		},
	}, s.push)
	register(s, operation{
		id: "list-signed-sources", method: http.MethodGet, path: "/signed", tag: tagEvents, scope: v1.ScopeRead,
		summary:     "List the sources of signed tokens",
		description: "How pulling goes is that of the agent that answers.",
	}, s.listSigned)
}

func (s *service) listSigned(ctx context.Context, _ *struct{}) (*body[v1.SignedSources], error) {
	out := v1.SignedSources{Sources: []v1.SignedSource{}}
	if s.Signed == nil {
		return answer(out), nil
	}
	list, err := s.Signed(ctx)
	if err != nil {
		return nil, err
	}
	for i := range list {
		out.Sources = append(out.Sources, wireSigned(&list[i]))
	}
	return answer(out), nil
}

func wireSigned(status *tokens.Status) v1.SignedSource {
	out := v1.SignedSource{
		Name: status.Name, Push: status.Push, Keys: make([]string, len(status.Keys)), Newest: moment(status.Newest), AcceptedAt: moment(status.AcceptedAt),
	}
	for i, key := range status.Keys {
		out.Keys[i] = key.String()
	}
	if len(status.Paths) > 0 {
		out.Pull = &v1.SignedPull{
			Paths: status.Paths, Every: status.Every.Seconds(), LastLook: moment(status.Pulling.LastPoll), Next: moment(status.Pulling.Next),
			Failures: status.Pulling.Failures, Error: status.Pulling.Error,
		}
	}
	return out
}

type pushInput struct {
	Source  string `path:"source" maxLength:"100" pattern:"^[a-zA-Z0-9][a-zA-Z0-9._-]*$" patternDescription:"the name of a source"`
	RawBody []byte `contentType:"application/jwt"`

	asJSON bool
}

// Resolve is that of [huma.Resolver]. Everything that is not JSON is the token itself.
func (in *pushInput) Resolve(ctx huma.Context) []error {
	mediaType, _, _ := mime.ParseMediaType(ctx.Header("Content-Type"))
	in.asJSON = mediaType == "application/json"
	return nil
}

func (in *pushInput) token() (string, error) {
	if !in.asJSON {
		return string(in.RawBody), nil
	}
	var b v1.SignedToken
	if err := events.DecodeObject(in.RawBody, &b); err != nil {
		return "", err
	}
	if b.Token == "" {
		return "", invalid("body.token", "is missing: it is the token")
	}
	return b.Token, nil
}

func (s *service) push(ctx context.Context, in *pushInput) (*body[v1.Accepted], error) {
	if s.Push == nil {
		return nil, absent("this agent takes no signed tokens")
	}
	text, err := in.token()
	if err != nil {
		return nil, err
	}
	// Whoever hangs up now has still sent it.
	accepting, cancel := context.WithTimeout(context.WithoutCancel(ctx), acceptTimeout)
	defer cancel()
	receipt, err := s.Push(accepting, in.Source, text)
	if err != nil {
		return nil, s.unpushed(ctx, in.Source, err)
	}
	s.Log.Info("signed token is accepted", "source", in.Source, "event", receipt.Event, "run", receipt.Number, "remote", stranger(ctx))
	return answer(v1.Accepted{Event: receipt.Event, Run: receipt.Run, Number: receipt.Number}), nil
}

// unpushed is the problem of a token that is not accepted.
func (s *service) unpushed(ctx context.Context, source string, err error) error {
	remote := stranger(ctx)
	is := func(reasons ...error) bool {
		return slices.ContainsFunc(reasons, func(reason error) bool { return errors.Is(err, reason) })
	}
	_, aimless := errors.AsType[*targets.UnknownError](err)
	var status int
	switch {
	case is(signed.ErrKey):
		status, err = http.StatusUnauthorized, fmt.Errorf("no trusted key of the source %s signed this token", source)
	case is(signed.ErrTooLarge):
		status = http.StatusRequestEntityTooLarge
	case is(signed.ErrMalformed, signed.ErrAlgorithm, signed.ErrClaims):
		status = http.StatusUnprocessableEntity
	case is(signed.ErrSource, signed.ErrExpired, signed.ErrNotYetValid, tokens.ErrNoPush):
		status = http.StatusForbidden
	case is(signed.ErrReplayed, signed.ErrOlder), aimless:
		status = http.StatusConflict
	default:
		return err
	}
	if status == http.StatusUnauthorized || is(signed.ErrTooLarge, signed.ErrMalformed, signed.ErrAlgorithm) {
		s.failures.failed(remote) // anybody can send such a one
	}
	s.Log.Warn("signed token is refused", "source", source, "reason", err, "remote", remote)
	if status == http.StatusUnauthorized {
		return huma.ErrorWithHeaders(huma.Error401Unauthorized(err.Error()), http.Header{"Www-Authenticate": {`Bearer realm="pocketci"`}})
	}
	return &fault{status, err.Error()}
}
