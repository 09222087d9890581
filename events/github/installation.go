package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/google/go-github/v60/github"
	"golang.org/x/sync/singleflight"

	"github.com/franela/pocketci/internal/forge"
)

const (
	// tokenMargin is how long a token has to be valid still when it is given
	// away. GitHub's are for an hour.
	tokenMargin = 10 * time.Minute
	// tokenTimeout bounds how long a new token is waited for, by all who need it
	// together: nobody's context ends it for the others.
	tokenTimeout = 2 * time.Minute
)

// installation is an App in the repositories of one owner.
type installation struct {
	app *app
	id  int64
	api *api

	flight  singleflight.Group
	mu      sync.Mutex
	secret  string
	expires time.Time
}

func newInstallation(a *app, id int64) *installation {
	i := &installation{app: a, id: id}
	i.api = newAPI(a.base, a.backoff, func(r *http.Request) error {
		token, err := i.token(r.Context())
		if err != nil {
			return err
		}
		return bearer(token)(r)
	})
	i.api.renew = func() bool { i.drop(); return true }
	return i
}

// kept returns the token if it is valid for some time still.
func (i *installation) kept(margin time.Duration) (string, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.secret, i.secret != "" && i.app.now().Add(margin).Before(i.expires)
}

// drop forgets a token that GitHub does not accept.
func (i *installation) drop() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.secret = ""
}

// token returns a token that is valid for tokenMargin at least, or, while GitHub
// gives no new one, for as long as the old one is.
func (i *installation) token(ctx context.Context) (string, error) {
	if token, ok := i.kept(tokenMargin); ok {
		return token, nil
	}
	result := i.flight.DoChan("", func() (any, error) {
		if token, ok := i.kept(tokenMargin); ok {
			return token, nil
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tokenTimeout)
		defer cancel()
		return i.fetch(ctx)
	})
	select {
	case r := <-result:
		if r.Err == nil {
			return r.Val.(string), nil
		}
		if token, ok := i.kept(0); ok {
			return token, nil
		}
		return "", r.Err
	case <-ctx.Done():
		return "", fmt.Errorf("wait for a token of the GitHub App: %w", context.Cause(ctx))
	}
}

// fetch asks for a token ("Create an installation access token for an app"). It
// has the permissions of the installation.
func (i *installation) fetch(ctx context.Context) (string, error) {
	what := asking{"get a token of the GitHub App", "the App's private key, and the App not to be suspended"}
	var made *github.InstallationToken
	err := i.app.self.call(ctx, what, func(g *github.Client) (err error) {
		made, _, err = g.Apps.CreateInstallationToken(ctx, i.id, &github.InstallationTokenOptions{}) // of nil it makes null
		return err
	})
	if errors.Is(err, forge.ErrNotFound) {
		i.app.forget(i.id)
	}
	if err != nil {
		return "", err
	}
	if made.GetToken() == "" || made.GetExpiresAt().IsZero() {
		return "", fmt.Errorf("%s: %w", what.what, errAnswer)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.secret, i.expires = made.GetToken(), made.GetExpiresAt().Time
	return i.secret, nil
}
