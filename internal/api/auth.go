package api

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
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
	// check returns an error once the key is deleted or has expired, or the session
	// has ended.
	check func(context.Context) error
	// limited is set for strangers, who see public repositories and nothing else.
	limited bool
	public  func(repository string) bool
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
	_, visits := r.Context().Value(visitorKey{}).(*Visitor)
	switch public, _ := ctx.Operation().Metadata["public"].(bool); {
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
// key has the scope. What is public strangers may ask for as well.
func (s *service) identify(r *http.Request, needed v1.Scope, public bool) (*caller, error) {
	if v, local := r.Context().Value(visitorKey{}).(*Visitor); local {
		return s.visitor(r.Context(), v, needed, public)
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
	if err = s.unknown(remote, err); err == nil {
		err = permit(key, needed)
	}
	if err != nil {
		return nil, err
	}
	return &caller{
		key:   key,
		actor: store.Actor{Person: key.Name, Key: key.ID, Remote: remote},
		check: func(ctx context.Context) error {
			_, err := s.Store.Authenticate(ctx, secret)
			if errors.Is(err, store.ErrNoKey) || errors.Is(err, store.ErrKeyExpired) {
				return err
			}
			return nil // a database that is away takes nobody's key
		},
	}, nil
}

// unknown counts an error that says that a secret is no key's, and makes it a problem.
func (s *service) unknown(remote string, err error) error {
	switch {
	case errors.Is(err, store.ErrNoKey):
		s.failures.failed(remote)
		return unauthorized(`, error="invalid_token"`, "there is no such API key")
	case errors.Is(err, store.ErrKeyExpired):
		s.failures.failed(remote)
		return unauthorized(`, error="invalid_token"`, "the API key has expired")
	}
	return err
}

// permit returns the problem of a key whose scope is too small.
func permit(key store.Key, needed v1.Scope) error {
	if v1.Scope(key.Scope).Allows(needed) {
		return nil
	}
	return huma.ErrorWithHeaders(
		huma.Error403Forbidden(fmt.Sprintf("this needs a key with the scope %s, and the scope of %s is %s", needed, key.Name, key.Scope)),
		http.Header{"Www-Authenticate": {fmt.Sprintf(`Bearer realm="pocketci", error="insufficient_scope", scope="%s"`, needed)}})
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
