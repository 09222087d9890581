package web

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

	"github.com/franela/pocketci/internal/badge"
	"github.com/franela/pocketci/internal/client"
)

// badgeAge is how long others may keep a badge, in seconds. Forges have their own copies
// of pictures, and ask again after that.
const badgeAge = "60"

// badge draws how a repository, branch or function is, for pages of other sites. A
// stranger is shown the same for what is not public as for what does not exist.
func (s *Site) badge(v *visit) error {
	name, isPicture := strings.CutSuffix(v.r.PathValue("name"), ".svg")
	if !isPicture || name == "" {
		return s.nothing(v)
	}
	q := v.r.URL.Query()
	b, err := v.api.Badge(v.ctx(), client.BadgeFilter{Repository: name, Branch: q.Get("branch"), Module: q.Get("module"), Function: q.Get("function")})
	picture := badge.Badge{Label: "pocketci", Message: "no runs", Tone: badge.None}
	switch {
	case q.Has("label"):
		picture.Label = q.Get("label")
	case q.Get("function") != "":
		picture.Label = q.Get("function")
	case q.Get("branch") != "":
		picture.Label = q.Get("branch")
	}
	status := http.StatusOK
	if refused, ok := errors.AsType[*client.Error](err); ok && refused.Status < http.StatusInternalServerError {
		status, picture = refused.Status, badge.Badge{Label: "pocketci", Message: "unknown", Tone: badge.None}
		if v.me == nil {
			status = http.StatusNotFound
		}
	} else if err != nil {
		return err
	}
	if status == http.StatusOK && b.State != "none" {
		picture.Message, picture.Tone = stateOf(b.State).Word, badge.Bad
		if b.State == "succeeded" {
			picture.Tone = badge.Good
		}
	}
	return v.picture(status, picture.SVG())
}

// picture answers with an SVG that other sites may show. Only strangers' pictures may be
// kept by those in between: others may be of what is not public.
func (v *visit) picture(status int, svg []byte) error {
	sum := sha256.Sum256(svg)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	kept := "public"
	h := v.w.Header()
	if v.me != nil || h.Get("Set-Cookie") != "" {
		kept = "private" // nobody else is to be signed out with him
	}
	h.Set("Content-Type", "image/svg+xml")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Cache-Control", kept+", max-age="+badgeAge)
	h.Set("Vary", "Cookie")
	h.Set("ETag", tag)
	if status == http.StatusOK && v.r.Header.Get("If-None-Match") == tag {
		v.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	v.w.WriteHeader(status)
	_, _ = v.w.Write(svg) // a browser that has gone does not need it
	return nil
}
