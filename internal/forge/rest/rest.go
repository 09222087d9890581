// Package rest makes the requests of clients of forges whose API is JSON over
// HTTP. It turns every failure into the errors that [forge.Forge] promises, which
// name neither addresses nor what the forge said.
package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/franela/pocketci/internal/forge"
)

var (
	errAnswer = errors.New("the answer is not of the documented form")
	errCutOff = errors.New("the answer ended early")
)

// API is the API of one forge. It may be used from several goroutines.
type API struct {
	base   *url.URL
	client *http.Client
}

// New returns the API that a transport reaches, at the transport's base.
func New(t *forge.Transport) *API {
	return &API{base: t.Base, client: &http.Client{Transport: t, CheckRedirect: sameMethod}}
}

// sameMethod follows redirects that repeat the request. Others would turn what
// changes something into a look at it, and success into a lie.
func sameMethod(r *http.Request, via []*http.Request) error {
	if len(via) > 3 || r.Method != via[0].Method {
		return http.ErrUseLastResponse
	}
	return nil
}

// Request is what is asked of a forge.
type Request struct {
	// Method is GET if empty.
	Method string
	// Path are the segments below the API's address. None may be empty, "." or
	// "..", so that no name leads elsewhere.
	Path []string
	// Query may be nil.
	Query url.Values
	// Body is sent as JSON unless it is nil.
	Body any
	// Doing is what is asked for, and Needs the permission for it, in the words
	// of errors.
	Doing, Needs string
}

// Do makes a request and reads the answer into answer, unless that is nil. The
// errors are those of [forge.Forge]. A path that names nothing is
// [forge.ErrNotFound] without a request.
func (a *API) Do(ctx context.Context, r Request, answer any) error {
	request, err := a.request(ctx, r)
	if err != nil {
		return fmt.Errorf("%s: %w", r.Doing, err)
	}
	response, err := a.client.Do(request)
	if err != nil {
		return broken(ctx, r.Doing, err)
	}
	defer response.Body.Close()
	switch code := response.StatusCode; {
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return &forge.PermissionError{Status: code, Doing: r.Doing, Needs: r.Needs}
	case code == http.StatusNotFound, code == http.StatusGone:
		return fmt.Errorf("%s: %w", r.Doing, forge.ErrNotFound)
	case code < 200 || code > 299:
		return fmt.Errorf("%s: the forge answers %d", r.Doing, code)
	case answer == nil:
		return nil
	}
	return read(ctx, r.Doing, response.Body, answer)
}

func (a *API) request(ctx context.Context, r Request) (*http.Request, error) {
	address := *a.base
	var escaped []string
	for _, segment := range r.Path {
		if segment == "" || segment == "." || segment == ".." {
			return nil, forge.ErrNotFound
		}
		escaped = append(escaped, url.PathEscape(segment))
	}
	address.Path = strings.TrimSuffix(a.base.Path, "/") + "/" + strings.Join(r.Path, "/")
	address.RawPath = strings.TrimSuffix(a.base.EscapedPath(), "/") + "/" + strings.Join(escaped, "/")
	address.RawQuery = r.Query.Encode()
	var body io.Reader
	if r.Body != nil {
		data, err := json.Marshal(r.Body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, address.String(), body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, nil
}

// broken takes the address out of an error of the connection.
func broken(ctx context.Context, doing string, err error) error {
	if limit, ok := errors.AsType[*forge.LimitError](err); ok {
		return limit
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", doing, context.Cause(ctx))
	}
	if failed, ok := errors.AsType[*url.Error](err); ok {
		err = failed.Err
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func read(ctx context.Context, doing string, body io.Reader, answer any) error {
	data, err := io.ReadAll(body)
	switch {
	case err != nil && ctx.Err() != nil:
		return fmt.Errorf("%s: %w", doing, context.Cause(ctx))
	case err != nil:
		return fmt.Errorf("%s: %w", doing, errCutOff)
	}
	if json.Unmarshal(data, answer) != nil {
		return fmt.Errorf("%s: %w", doing, errAnswer)
	}
	return nil
}
