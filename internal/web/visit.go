package web

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/client"
)

// visit is one request to the site.
type visit struct {
	w    http.ResponseWriter
	r    *http.Request
	site *Site
	// api is the agent's API as the visitor.
	api *client.Client
	// me is the key of the session, nil for who has not signed in.
	me *v1.Me
	// body is all of what is sent, of which the request has as much as forms may have.
	body io.ReadCloser
	// leave gives back the room that a stranger takes up, nil for who takes none.
	leave func()
}

// visit finds out who makes a request. There is one even if that fails.
func (s *Site) visit(w http.ResponseWriter, r *http.Request) (*visit, error) {
	v := &visit{w: w, r: r, site: s}
	token := s.token(r)
	if err := v.be(token); err != nil || token == "" {
		return v, err
	}
	me, err := v.api.Me(r.Context())
	if refused, ok := errors.AsType[*client.Error](err); ok && refused.Status == http.StatusUnauthorized {
		// The session has ended: what is public can still be seen.
		s.forget(w, r)
		return v, v.be("")
	}
	if err != nil {
		return v, err
	}
	v.me = &me
	return v, nil
}

// be has the visitor speak to the API with a session, or as a stranger without one.
func (v *visit) be(token string) (err error) {
	visitor := api.Visitor{Session: token, Remote: v.site.Remote(v.r), Public: v.site.Public}
	v.api, err = client.New(client.Options{Server: "http://localhost", Transport: v.site.API.As(visitor), UserAgent: "pocketci web"})
	if err != nil {
		return fmt.Errorf("reach the API: %w", err)
	}
	return nil
}

func (v *visit) ctx() context.Context { return v.r.Context() }

// may reports whether the visitor has signed in with a key that has a scope.
func (v *visit) may(scope v1.Scope) bool { return v.me != nil && v.me.Scope.Allows(scope) }

// errStranger is for who has to sign in first.
var errStranger = errors.New("this is for those who have signed in")

// need returns an error unless the visitor has a scope; an empty one is everybody's.
func (v *visit) need(scope v1.Scope) error {
	switch {
	case scope == "" || v.may(scope):
		return nil
	case v.me == nil:
		return errStranger
	}
	return &problem{http.StatusForbidden, fmt.Sprintf("This needs a key with the scope %s. You have signed in with %s, whose scope is %s.", scope, v.me.Name, v.me.Scope)}
}

// problem is an error of a page's own.
type problem struct {
	status int
	// text is a sentence for people.
	text string
}

func (p *problem) Error() string { return p.text }

// statusError is a refusal of the API that did not come by a request.
type statusError interface {
	error
	GetStatus() int
}

// reply is what people are told of an error, and its status. For what is inside, which
// stays in the log, it is an internal error.
func reply(err error) (status int, text string) {
	if own, ok := errors.AsType[*problem](err); ok {
		return own.status, own.text
	}
	if refused, ok := errors.AsType[*client.Error](err); ok {
		return refused.Status, sentence(refused)
	}
	if refused, ok := errors.AsType[statusError](err); ok && refused.GetStatus() < http.StatusInternalServerError {
		return refused.GetStatus(), refused.Error()
	}
	return http.StatusInternalServerError, "The page cannot be shown. The agent's log says why."
}

// told is [reply], and logs what people are not told.
func (v *visit) told(err error) (status int, text string) {
	if status, text = reply(err); status == http.StatusInternalServerError {
		v.site.Log.Error("a page cannot be shown", "path", v.r.URL.Path, "error", err)
	}
	return status, text
}

// sentence is what a refusal says, without what programs need.
func sentence(e *client.Error) string {
	parts := []string{}
	if e.Detail != "" {
		parts = append(parts, e.Detail)
	}
	for _, f := range e.Faults {
		if f.Location == "" {
			parts = append(parts, f.Message)
			continue
		}
		parts = append(parts, strings.TrimPrefix(f.Location, "body.")+" "+f.Message)
	}
	if len(parts) == 0 {
		parts = append(parts, http.StatusText(e.Status))
	}
	return strings.Join(parts, "; ")
}

// fail answers with a page for an error, or has a stranger sign in.
func (v *visit) fail(err error) {
	if v.ctx().Err() != nil {
		return // nobody is there to see it
	}
	refused, ok := errors.AsType[*client.Error](err)
	// A stranger is not told whether there is what he may not see.
	hidden := ok && (refused.Status == http.StatusUnauthorized || refused.Status == http.StatusNotFound || refused.Status == http.StatusForbidden)
	if v.me == nil && (errors.Is(err, errStranger) || hidden) {
		to := ""
		if v.r.Method == http.MethodGet && v.r.URL.Path != "/" {
			to = v.r.URL.RequestURI()
		}
		http.Redirect(v.w, v.r, address("/sign-in", "to", to), http.StatusSeeOther)
		return
	}
	status, text := v.told(err)
	if err := v.showStatus(status, "problem", problemPage{Status: status, Title: http.StatusText(status), Text: text}); err != nil {
		v.site.Log.Error("the page for an error cannot be shown", "error", err)
		http.Error(v.w, text, status)
	}
}

type problemPage struct {
	Status int
	Title  string
	Text   string
}

// denied answers what another site had a browser send.
func (s *Site) denied(w http.ResponseWriter, r *http.Request) {
	v, err := s.visit(w, r)
	if err == nil {
		err = &problem{http.StatusForbidden, "Another site had your browser send this. Nothing was done."}
	}
	if v.me == nil {
		http.Error(w, "Another site had your browser send this. Nothing was done.", http.StatusForbidden)
		return
	}
	v.fail(err)
}

// The cookies that hold what the next page says once, with and without https as those of
// sessions: nobody else is to put words into the page's mouth.
const (
	secureNote = "__Host-pocketci-note"
	noteCookie = "pocketci-note"
)

// noteName is the name of the cookie that counts for a request.
func (v *visit) noteName() string {
	if v.site.overTLS(v.r) {
		return secureNote
	}
	return noteCookie
}

// back leads to a page after a form was taken, which shows the note once. The path is
// the site's own.
func (v *visit) back(path, note string) error {
	if note != "" {
		http.SetCookie(v.w, &http.Cookie{Name: v.noteName(), Value: base64.RawURLEncoding.EncodeToString([]byte(note)), Path: "/", MaxAge: 60,
			HttpOnly: true, Secure: v.site.overTLS(v.r), SameSite: http.SameSiteLaxMode})
	}
	http.Redirect(v.w, v.r, path, http.StatusSeeOther)
	return nil
}

// note takes what the page before has left.
func (v *visit) note() string {
	c, err := v.r.Cookie(v.noteName())
	if err != nil {
		return ""
	}
	http.SetCookie(v.w, &http.Cookie{Name: v.noteName(), Path: "/", MaxAge: -1, HttpOnly: true, Secure: v.site.overTLS(v.r), SameSite: http.SameSiteLaxMode})
	text, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil || len(text) > 1000 {
		return ""
	}
	return string(text)
}
