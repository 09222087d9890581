package github

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-github/v60/github"

	"github.com/franela/pocketci/internal/forge"
)

const (
	// assertionAge is how long an App's own tokens are valid. GitHub takes no
	// more than ten minutes; assertionSkew is what its clock may be behind
	// ("Generating a JSON Web Token (JWT) for a GitHub App").
	assertionAge  = 9 * time.Minute
	assertionSkew = time.Minute
	// minKey is the least of a private key in bits. GitHub's have 2048.
	minKey = 2048
)

// app is a GitHub App. It implements access.
type app struct {
	id      int64
	key     *rsa.PrivateKey
	base    *url.URL
	backoff time.Duration
	now     func() time.Time
	// self is the API for the App itself, which only tells of it and makes tokens.
	self *api
	slug once[string]

	mu sync.Mutex
	// found are the ids of installations by the place that they were looked up
	// for, and installed the installations by id.
	found     map[place]int64
	installed map[int64]*installation
}

func newApp(o ClientOptions, base *url.URL) (*app, error) {
	if o.AppID <= 0 {
		return nil, errors.New("the GitHub App needs its id, a number above zero")
	}
	// What the library says of a key might show some of it.
	key, err := jwt.ParseRSAPrivateKeyFromPEM(o.PrivateKey)
	if err != nil {
		return nil, errors.New("the GitHub App's private key is not an RSA key in PEM")
	}
	if key.N.BitLen() < minKey {
		return nil, fmt.Errorf("the GitHub App's private key has %d bits, fewer than %d", key.N.BitLen(), minKey)
	}
	a := &app{
		id: o.AppID, key: key, base: base, backoff: o.Backoff, now: o.Now,
		found: map[place]int64{}, installed: map[int64]*installation{},
	}
	if a.now == nil {
		a.now = time.Now
	}
	a.self = newAPI(base, o.Backoff, a.assert)
	return a, nil
}

// assert authenticates as the App itself.
func (a *app) assert(r *http.Request) error {
	now := a.now()
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.RegisteredClaims{
		Issuer: strconv.FormatInt(a.id, 10), IssuedAt: jwt.NewNumericDate(now.Add(-assertionSkew)), ExpiresAt: jwt.NewNumericDate(now.Add(assertionAge)),
	})
	signed, err := token.SignedString(a.key)
	if err != nil {
		return errors.New("sign a token of the GitHub App")
	}
	return bearer(signed)(r)
}

// installedAsking is what an App needs for anything in a place.
var installedAsking = asking{"look up the installation of the GitHub App", "the App to be installed there"}

// installation returns the App's installation for a place.
func (a *app) installation(ctx context.Context, at place) (*installation, error) {
	at = place{strings.ToLower(at.owner), strings.ToLower(at.name)}
	a.mu.Lock()
	known := a.installed[a.found[at]]
	a.mu.Unlock()
	if known != nil {
		return known, nil
	}
	var found *github.Installation
	err := a.self.call(ctx, installedAsking, func(g *github.Client) (err error) {
		if at.name == "" {
			found, _, err = g.Apps.FindOrganizationInstallation(ctx, at.owner)
		} else {
			found, _, err = g.Apps.FindRepositoryInstallation(ctx, at.owner, at.name)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	id := found.GetID()
	if id <= 0 {
		return nil, fmt.Errorf("%s: %w", installedAsking.what, errAnswer)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.found[at] = id
	if a.installed[id] == nil {
		a.installed[id] = newInstallation(a, id)
	}
	return a.installed[id], nil
}

// forget has an installation looked up again, because it is not there any more.
func (a *app) forget(id int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.installed, id)
}

func (a *app) of(ctx context.Context, at place) (*api, error) {
	i, err := a.installation(ctx, at)
	if err != nil {
		return nil, err
	}
	return i.api, nil
}

func (a *app) token(ctx context.Context, at place) (string, error) {
	i, err := a.installation(ctx, at)
	if err != nil {
		return "", err
	}
	return i.token(ctx)
}

// login is the name of the App's bot, which nobody else can have.
func (a *app) login(ctx context.Context) (string, error) {
	return a.slug.get(func() (slug string, err error) {
		what := asking{"ask for the GitHub App's name", "the App's private key"}
		err = a.self.call(ctx, what, func(g *github.Client) error {
			self, _, err := g.Apps.Get(ctx, "")
			slug = self.GetSlug()
			return err
		})
		if err == nil && slug == "" {
			err = fmt.Errorf("%s: %w", what.what, errAnswer)
		}
		return slug + "[bot]", err
	})
}

func (a *app) limited() *forge.LimitError {
	a.mu.Lock()
	defer a.mu.Unlock()
	last := a.self.transport.Limited()
	for _, i := range a.installed {
		if limit := i.api.transport.Limited(); limit != nil && (last == nil || limit.Until.After(last.Until)) {
			last = limit
		}
	}
	return last
}

// String keeps the key out of whatever prints an App.
func (a *app) String() string { return fmt.Sprintf("GitHub App %d", a.id) }
