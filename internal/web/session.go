package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The cookies that hold the token of a session: the first where browsers come by https.
// Of a name that begins with __Host- no other host and nobody who listens on the way can
// set one.
const (
	secureCookie  = "__Host-pocketci-session"
	sessionCookie = "pocketci-session"
)

// overTLS reports whether a browser reaches the site by https, as far as can be known. A
// header that is not the proxy's own takes nothing from anybody: it makes a cookie
// stricter, and that of whoever sends it alone.
func (s *Site) overTLS(r *http.Request) bool {
	if r.TLS != nil || strings.HasPrefix(strings.ToLower(s.PublicURL), "https://") {
		return true
	}
	first, _, _ := strings.Cut(r.Header.Get("X-Forwarded-Proto"), ",")
	return strings.EqualFold(strings.TrimSpace(first), "https")
}

// cookieName is the name of the cookie that counts for a request.
func (s *Site) cookieName(r *http.Request) string {
	if s.overTLS(r) {
		return secureCookie
	}
	return sessionCookie
}

func (s *Site) token(r *http.Request) string {
	c, err := r.Cookie(s.cookieName(r))
	if err != nil {
		return ""
	}
	return c.Value
}

func (s *Site) remember(w http.ResponseWriter, r *http.Request, token string, seconds int) {
	http.SetCookie(w, &http.Cookie{Name: s.cookieName(r), Value: token, Path: "/", MaxAge: seconds, HttpOnly: true,
		Secure: s.overTLS(r), SameSite: http.SameSiteLaxMode})
}

func (s *Site) forget(w http.ResponseWriter, r *http.Request) { s.remember(w, r, "", -1) }

type signInPage struct {
	// To is the path to go to then.
	To    string
	Error string
}

// local returns a path of the site itself to go to, whatever was asked for.
func local(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") {
		return "/"
	}
	return to
}

func (s *Site) signInPage(v *visit) error {
	to := local(v.r.URL.Query().Get("to"))
	if v.me != nil {
		return v.back(to, "")
	}
	return v.show("sign-in", signInPage{To: to})
}

// signIn begins a session, always with a new token, whatever the browser had. The session
// that it had ends.
func (s *Site) signIn(v *visit) error {
	// Of the body alone: an address ends up in logs and histories.
	to := local(v.typed("to"))
	remote := s.Remote(v.r)
	session, token, err := s.API.SignIn(v.ctx(), remote, v.typed("key"))
	if err != nil {
		status, text := v.told(err)
		// What follows is for programs.
		text, _, _ = strings.Cut(text, "; ")
		text = upper(strings.TrimSuffix(text, ".")) + "."
		if wait := retryAfter(err); wait != "" {
			v.w.Header().Set("Retry-After", wait)
			text += " Try again in " + waiting(wait) + "."
		}
		return v.showStatus(status, "sign-in", signInPage{To: to, Error: text})
	}
	if old := s.token(v.r); old != "" {
		if err := s.API.SignOut(v.ctx(), old, remote); err != nil {
			s.Log.Warn("a session that was replaced has not been ended", "error", err)
		}
	}
	s.remember(v.w, v.r, token, int(session.ExpiresAt.Sub(session.CreatedAt).Seconds()))
	return v.back(to, "")
}

// retryAfter is the header of a refusal that says when to come again, empty if it does
// not.
func retryAfter(err error) string {
	headers, ok := errors.AsType[interface {
		error
		GetHeaders() http.Header
	}](err)
	if !ok {
		return ""
	}
	return headers.GetHeaders().Get("Retry-After")
}

func waiting(wait string) string {
	n, err := strconv.Atoi(wait)
	if err != nil {
		return "a moment"
	}
	return rough(time.Duration(n) * time.Second)
}

// upper begins a sentence.
func upper(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// signOut ends the session on the server, so that nobody can use what the browser may
// still have of it.
func (s *Site) signOut(v *visit) error {
	if token := s.token(v.r); token != "" {
		if err := s.API.SignOut(v.ctx(), token, s.Remote(v.r)); err != nil {
			return fmt.Errorf("end the session: %w", err)
		}
	}
	s.forget(v.w, v.r)
	return v.back("/sign-in", "You have signed out.")
}
