package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

const (
	// answerTimeout is how long a registry may take to begin an answer.
	answerTimeout = 30 * time.Second
	// loginEvery is how long a login is used before it is made anew, so that
	// changed credentials and registries that moved are noticed.
	loginEvery = 15 * time.Minute
)

// ErrNoTag says that a repository has no such tag.
var ErrNoTag = errors.New("the repository has no such tag")

// ErrNoRepository says that a registry has no such repository, or none yet.
var ErrNoRepository = errors.New("the registry has no such repository")

// Remote is one repository of a registry. It may be used from several
// goroutines; requests are made one after another.
type Remote struct {
	repository name.Repository
	login      Login
	base       http.RoundTripper

	// turn holds a value while somebody makes requests.
	turn     chan struct{}
	client   *http.Client
	loggedIn time.Time
	pages    map[string]page
	digests  map[string]tagged
}

// Where is what a [Remote] is made of.
type Where struct {
	// Host is the registry's host, with a port if it needs one, and
	// Repository the path of the repository in it.
	Host, Repository string
	// Insecure allows plain http.
	Insecure bool
	Login    Login
}

// Open returns a repository. It asks nothing yet. The error says that the host
// or the path cannot be one.
func Open(w Where) (*Remote, error) {
	options := []name.Option{name.StrictValidation}
	if w.Insecure {
		options = append(options, name.Insecure)
	}
	host, err := name.NewRegistry(w.Host, options...)
	if err != nil {
		return nil, fmt.Errorf("read the host of a registry: %w", err)
	}
	repository, err := name.NewRepository(host.Name()+"/"+w.Repository, options...)
	if err != nil {
		return nil, fmt.Errorf("read the name of a repository: %w", err)
	}
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.ResponseHeaderTimeout = answerTimeout
	return &Remote{
		repository: repository, login: w.Login, turn: make(chan struct{}, 1),
		base: &guard{inner: base, insecure: w.Insecure, now: time.Now},
	}, nil
}

// take waits for the turn to make requests, which the function ends.
func (r *Remote) take(ctx context.Context) (done func(), err error) {
	select {
	case r.turn <- struct{}{}:
		return func() { <-r.turn }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// connect returns the client with a login for the repository. The registry has
// been asked whether it is one.
func (r *Remote) connect(ctx context.Context) (*http.Client, error) {
	if r.client != nil && time.Since(r.loggedIn) < loginEvery {
		return r.client, nil
	}
	login, err := r.login.authenticator(r.repository.Registry)
	if err != nil {
		return nil, err
	}
	scope := r.repository.Scope(transport.PullScope)
	authorized, err := transport.NewWithContext(ctx, r.repository.Registry, login, r.base, []string{scope})
	if err != nil {
		return nil, fmt.Errorf("log in to the registry: %w", err)
	}
	r.client, r.loggedIn = &http.Client{Transport: authorized}, time.Now()
	return r.client, nil
}

// ask makes a request and makes it again after a new login, if the last one is
// not good any more. The answer has one of the statuses.
func (r *Remote) ask(ctx context.Context, method, address string, header http.Header, statuses ...int) (*http.Response, error) {
	for again := true; ; again = false {
		fresh := r.client == nil
		client, err := r.connect(ctx)
		if err != nil {
			return nil, err
		}
		request, err := http.NewRequestWithContext(ctx, method, address, nil)
		if err != nil {
			return nil, err
		}
		for name, values := range header {
			request.Header[name] = values
		}
		response, err := client.Do(request)
		if err != nil {
			return nil, err
		}
		if refused(response.StatusCode) && again && !fresh {
			response.Body.Close()
			r.client = nil
			continue
		}
		if err := transport.CheckError(response, statuses...); err != nil {
			response.Body.Close()
			if refused(response.StatusCode) {
				r.client = nil
			}
			return nil, err
		}
		return response, nil
	}
}

func refused(status int) bool {
	return status == http.StatusUnauthorized || status == http.StatusForbidden
}

// address is that of something in the repository.
func (r *Remote) address(rest string) string {
	return r.repository.Scheme() + "://" + r.repository.RegistryStr() + "/v2/" + r.repository.RepositoryStr() + "/" + rest
}
