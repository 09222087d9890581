package web

import (
	"net/http"
	"net/url"
	"strings"
)

// sessionCookie holds the token of a session.
const sessionCookie = "pocketci-session"

// overTLS reports whether a browser reaches the site by https.
func (s *Site) overTLS(r *http.Request) bool {
	return r.TLS != nil || strings.HasPrefix(s.PublicURL, "https://")
}

func (s *Site) token(r *http.Request) string {
	c, err := r.Cookie(sessionCookie)
	if err != nil {
		return ""
	}
	return c.Value
}

func (s *Site) remember(w http.ResponseWriter, r *http.Request, token string, seconds int) {
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Value: token, Path: "/", MaxAge: seconds, HttpOnly: true,
		Secure: s.overTLS(r), SameSite: http.SameSiteLaxMode})
}

func (s *Site) forget(w http.ResponseWriter, r *http.Request) { s.remember(w, r, "", -1) }

type signInPage struct {
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

// formLimit is the largest form in bytes but those that hold a payload.
const formLimit = 1 << 20

func (s *Site) signIn(v *visit) error {
	v.r.Body = http.MaxBytesReader(v.w, v.r.Body, formLimit)
	to := local(v.r.PostFormValue("to"))
	session, token, err := s.API.SignIn(v.ctx(), s.Remote(v.r), strings.TrimSpace(v.r.PostFormValue("key")))
	if err != nil {
		status, text := v.told(err)
		return v.showStatus(status, "sign-in", signInPage{To: to, Error: text})
	}
	s.remember(v.w, v.r, token, int(session.ExpiresAt.Sub(session.CreatedAt).Seconds()))
	return v.back(to, "")
}

func (s *Site) signOut(v *visit) error {
	if token := s.token(v.r); token != "" {
		if err := s.API.SignOut(v.ctx(), token, s.Remote(v.r)); err != nil {
			return err
		}
	}
	s.forget(v.w, v.r)
	return v.back("/sign-in", "You have signed out.")
}
