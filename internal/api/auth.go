package api

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

// howToGetKey is what those are told who have none.
const howToGetKey = "`pocketci keys create NAME --data-dir DIR` makes one on the agent's machine; send it as Authorization: Bearer pci_…"

// maxStrangers is how many requests without a key are read at a time.
const maxStrangers = 64

// caller is who makes a request.
type caller struct {
	key   store.Key
	actor store.Actor
	// check returns an error once the key is deleted or has expired.
	check func(context.Context) error
	// public says what may be read by who has no key; it is nil for all others.
	public func(repository string) bool
}

type (
	callerKey   struct{}
	strangerKey struct{}
)

// who returns the caller of a request, which has been authenticated.
func who(ctx context.Context) *caller { return ctx.Value(callerKey{}).(*caller) }

// stranger returns the address of the client of an operation that is open to all.
func stranger(ctx context.Context) string { return ctx.Value(strangerKey{}).(string) }

// authenticate lets a request pass to its operation if it has a key with the
// operation's scope, or if the operation needs none and the client has not failed too
// often.
func (s *service) authenticate(ctx huma.Context, next func(huma.Context)) {
	r, _ := humago.Unwrap(ctx)
	var c *caller
	scope, keyed := ctx.Operation().Metadata["scope"].(v1.Scope)
	var err error
	public, _ := ctx.Operation().Metadata["public"].(bool)
	switch _, visits := visitorOf(r.Context()); {
	case keyed:
		c, err = s.identify(r, scope, public)
	case visits:
		err = unauthorized("", "this is not for pages")
	default:
		err = s.admit(s.Remote(r))
	}
	if err != nil {
		if !keyed {
			// The server would else read the body before it answers.
			ctx.SetHeader("Connection", "close")
		}
		status, headers := s.refusal(ctx.Context(), ctx.Operation().OperationID, err)
		for name := range headers {
			ctx.SetHeader(name, headers.Get(name))
		}
		// It fails if the client has gone, who does not need it then.
		_ = huma.WriteErr(s.api, ctx, status.GetStatus(), status.Error())
		return
	}
	if !keyed {
		defer func() { <-s.strangers }()
		next(huma.WithValue(ctx, strangerKey{}, s.Remote(r)))
		return
	}
	next(huma.WithValue(ctx, callerKey{}, c))
}

// admit lets a client in that has no key, or returns the problem. Whoever sends a body
// is not known before all of it is here, so that few are read at a time.
func (s *service) admit(remote string) error {
	if err := s.paced(remote); err != nil {
		return err
	}
	select {
	case s.strangers <- struct{}{}:
		return nil
	default:
		return later("too many tokens are being read")
	}
}

// paced returns the problem of an address that has failed too often, or nil.
func (s *service) paced(remote string) error {
	wait := s.failures.wait(remote)
	if wait == 0 {
		return nil
	}
	return huma.ErrorWithHeaders(huma.Error429TooManyRequests("too many requests with wrong keys came from this address"),
		http.Header{"Retry-After": {strconv.Itoa(int(math.Ceil(wait.Seconds())))}})
}

// identify returns who makes a request, or the problem if that is nobody whose
// key has the scope. Public is for what some may do without a key.
func (s *service) identify(r *http.Request, needed v1.Scope, public bool) (*caller, error) {
	c, err := s.known(r, public)
	switch {
	case err != nil:
		return nil, err
	case c.public == nil && !allows(v1.Scope(c.key.Scope), needed):
		return nil, huma.ErrorWithHeaders(
			huma.Error403Forbidden(fmt.Sprintf("this needs a key with the scope %s, and the scope of %s is %s", needed, c.key.Name, c.key.Scope)),
			http.Header{"Www-Authenticate": {fmt.Sprintf(`Bearer realm="pocketci", error="insufficient_scope", scope="%s"`, needed)}})
	}
	return c, nil
}

// known returns who makes a request, whatever the key may do.
func (s *service) known(r *http.Request, public bool) (*caller, error) {
	if v, ok := visitorOf(r.Context()); ok {
		return s.visitor(r.Context(), v, public)
	}
	remote := s.Remote(r)
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	secret = strings.TrimSpace(secret)
	if !strings.EqualFold(scheme, "Bearer") || secret == "" {
		return nil, unauthorized("", "this needs an API key")
	}
	if err := s.paced(remote); err != nil {
		return nil, err
	}
	key, err := s.Store.Authenticate(r.Context(), secret)
	switch {
	case errors.Is(err, store.ErrNoKey):
		s.failures.failed(remote)
		return nil, unauthorized(`, error="invalid_token"`, "there is no such API key")
	case errors.Is(err, store.ErrKeyExpired):
		s.failures.failed(remote)
		return nil, unauthorized(`, error="invalid_token"`, "the API key has expired")
	case err != nil:
		return nil, err
	}
	return s.holder(key, remote, func(ctx context.Context) error {
		_, err := s.Store.Authenticate(ctx, secret)
		return err
	}), nil
}

// holder is the caller who has a key, by its secret or by a session; again looks
// whether he still has.
func (s *service) holder(key store.Key, remote string, again func(context.Context) error) *caller {
	return &caller{
		key:   key,
		actor: store.Actor{Person: key.Name, Key: key.ID, Remote: remote},
		check: func(ctx context.Context) error {
			err := again(ctx)
			if errors.Is(err, store.ErrNoKey) || errors.Is(err, store.ErrKeyExpired) || errors.Is(err, store.ErrNoSession) {
				return err
			}
			return nil // a database that is away takes nobody's key
		},
	}
}

func unauthorized(reason, detail string) error {
	return huma.ErrorWithHeaders(huma.Error401Unauthorized(detail+"; "+howToGetKey),
		http.Header{"Www-Authenticate": {`Bearer realm="pocketci"` + reason}})
}

// refusal is the problem that an error becomes, and its headers.
func (s *service) refusal(ctx context.Context, operation string, err error) (huma.StatusError, http.Header) {
	err = s.problem(ctx, operation, err)
	var (
		status  huma.StatusError
		headers huma.HeadersError
	)
	errors.As(err, &status) // problem returns nothing else
	if errors.As(err, &headers) {
		return status, headers.GetHeaders()
	}
	return status, nil
}

// allows reports whether a key of a scope may do what needs another one.
func allows(has, needed v1.Scope) bool {
	scopes := []v1.Scope{v1.ScopeRead, v1.ScopeRun, v1.ScopeAdmin}
	rank := slices.Index(scopes, has)
	return rank >= 0 && rank >= slices.Index(scopes, needed)
}
