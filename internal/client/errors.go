package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// problemLimit is how much of an error's body is read, in bytes.
const problemLimit = 1 << 20

// Error is a refusal by the agent, in the terms of RFC 9457. Its texts are the
// server's: they may hold anything.
type Error struct {
	// Status is the HTTP status.
	Status int
	// Title is the same for all errors of the kind, Detail about this one.
	Title, Detail string
	// Faults are what is wrong with the request, one by one.
	Faults []Fault
}

// Fault is one thing that is wrong with a request.
type Fault struct {
	Message string `json:"message"`
	// Location is the place in the request, such as body.sha.
	Location string `json:"location"`
}

func (e *Error) Error() string {
	text := e.Detail
	if text == "" {
		text = e.Title
	}
	if text == "" {
		text = http.StatusText(e.Status)
	}
	for _, f := range e.Faults {
		text += "; "
		if f.Location != "" {
			text += f.Location + ": "
		}
		text += f.Message
	}
	return fmt.Sprintf("%s (status %d)", text, e.Status)
}

// Denied reports whether the key is what is wrong: there is none, it is not
// valid, or it may not do this.
func (e *Error) Denied() bool {
	return e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden
}

// ConnectionError says that there was no whole answer of an agent.
type ConnectionError struct {
	// Server is the address that was asked.
	Server string
	// Strange says that what answers there is no agent of this version, so
	// that asking again does not help.
	Strange bool
	Err     error
}

func (e *ConnectionError) Error() string {
	if e.Strange {
		return fmt.Sprintf("server %s: the answer is not one of a pocketci agent: %v", e.Server, e.Err)
	}
	return fmt.Sprintf("server %s: %v", e.Server, e.Err)
}

// Unwrap returns what went wrong with the connection.
func (e *ConnectionError) Unwrap() error { return e.Err }

// stallError says that the client waits no longer, in the words of the error.
type stallError string

func (e stallError) Error() string { return string(e) }

// broken makes an error of a connection. The end of the caller's context is
// that and nothing else.
func (c *Client) broken(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		if _, ours := errors.AsType[stallError](cause); !ours {
			return cause
		}
		err = cause
	}
	// The address with its query says nothing that Server does not.
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return &ConnectionError{Server: c.Server(), Err: err}
}

// strange makes an error of an answer that cannot be understood.
func (c *Client) strange(err error) error {
	return &ConnectionError{Server: c.Server(), Strange: true, Err: err}
}

// refused makes an error of an answer.
func (c *Client) refused(res *http.Response) error {
	if target := res.Header.Get("Location"); res.StatusCode/100 == 3 && target != "" {
		if u, err := res.Request.URL.Parse(target); err == nil {
			return &ConnectionError{Server: c.Server(), Strange: true, Err: fmt.Errorf("it redirects to %s://%s, which is not given the key; use that address if it is the agent's", u.Scheme, u.Host)}
		}
	}
	e := &Error{Status: res.StatusCode}
	var problem struct {
		Title  string  `json:"title"`
		Detail string  `json:"detail"`
		Errors []Fault `json:"errors"`
	}
	// Proxies answer in HTML; then the status is all there is to say.
	data, err := io.ReadAll(io.LimitReader(res.Body, problemLimit))
	if err == nil && strings.Contains(res.Header.Get("Content-Type"), "json") && json.Unmarshal(data, &problem) == nil {
		e.Title, e.Detail, e.Faults = problem.Title, problem.Detail, problem.Errors
	}
	return e
}

// passing reports whether the same request may be answered later: the agent is
// away, overloaded or cut off.
func passing(err error) bool {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Status >= 500 || e.Status == http.StatusTooManyRequests || e.Status == http.StatusRequestTimeout
	}
	e, ok := errors.AsType[*ConnectionError](err)
	return ok && !e.Strange
}
