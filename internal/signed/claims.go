package signed

import (
	"encoding/json"
	"regexp"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/franela/pocketci/modules"
)

// Own is the name of the claim with what pocketci is to do. It is an object with
// the keys of [Content].
const Own = "pocketci"

// Claims are what a token says. RFC 7519, section 4.1, has the meaning of all but
// Content. Times are in whole seconds.
type Claims struct {
	// Issuer and Subject are of no meaning to pocketci.
	Issuer, Subject string
	// Audience, if there is any, has to name the source.
	Audience []string
	// IssuedAt is when the token was signed: of two tokens the later one is
	// newer.
	IssuedAt time.Time
	// NotBefore and Expires bound the time in which the token is accepted. They
	// are zero where there is no bound.
	NotBefore, Expires time.Time
	// ID differs between all tokens for a source, so that none is accepted
	// twice.
	ID string
	Content
}

// Content is what a token brings.
type Content struct {
	// Source is the name of the source that it is for. It may only be left out
	// if Audience names the source.
	Source string `json:"source,omitempty"`
	// Module is a module of another repository at a full commit, such as
	// github.com/acme/ci@9e107d9d372bb6826bd81d3542a419d6e277c9b1, that is
	// called in place of the repository's own; empty for that.
	Module string `json:"module,omitempty"`
	// Pattern is what a host converges to: a pattern itself or, see
	// [ReadFiles], the texts of the files that it is made of.
	Pattern json.RawMessage `json:"pattern,omitempty"`
	// Payload is any JSON, for functions to read.
	Payload json.RawMessage `json:"payload,omitempty"`
}

// The greatest lengths of claims, in bytes.
const (
	maxID   = 200
	maxText = 1000
	// maxAudience is how many names an audience may have.
	maxAudience = 100
)

// latest is the last second that a time may be, the year 9999's.
const latest = 253402300799

var (
	tokenID = regexp.MustCompile(`^[!-~]+$`)
	// source is what a source may be called.
	source = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]{0,99}$`)
)

// IsSource reports whether a source may have a name: letters, digits, dots, dashes
// and underscores, of which the first is a letter or a digit, at most 100.
func IsSource(name string) bool { return source.MatchString(name) }

// check reports what is wrong with the claims on their own.
func (c *Claims) check() error {
	switch {
	case c.ID == "":
		return refuse(ErrClaims, "jti is missing: without an id of its own, a token cannot be told from one that was accepted before")
	case len(c.ID) > maxID || !tokenID.MatchString(c.ID):
		return refuse(ErrClaims, "jti must be up to %d visible ASCII characters", maxID)
	case c.IssuedAt.IsZero():
		return refuse(ErrClaims, "iat is missing: it says which of two tokens is newer")
	case len(c.Issuer) > maxText:
		return refuse(ErrClaims, "iss is longer than %d bytes", maxText)
	case len(c.Subject) > maxText:
		return refuse(ErrClaims, "sub is longer than %d bytes", maxText)
	case len(c.Audience) > maxAudience || slices.ContainsFunc(c.Audience, func(name string) bool { return len(name) > maxText }):
		return refuse(ErrClaims, "aud is longer than %d names of %d bytes", maxAudience, maxText)
	case c.Source == "" && len(c.Audience) == 0:
		return refuse(ErrClaims, "it names no source: neither %s.source nor aud is there", Own)
	case c.Source != "" && !IsSource(c.Source):
		return refuse(ErrClaims, "%s.source is not the name of a source", Own)
	case !c.Expires.IsZero() && c.Expires.Before(c.IssuedAt):
		return refuse(ErrClaims, "exp is before iat")
	}
	if c.Module != "" {
		remote, err := modules.ParseRemote(c.Module)
		if err != nil {
			return refuse(ErrClaims, "%s.module: %v", Own, err)
		}
		if !remote.IsCommit() {
			return refuse(ErrClaims, "%s.module: what stands after @ must be a full commit, 40 hexadecimal digits: a tag or a branch may become another one after it was signed", Own)
		}
	}
	_, _, err := ReadFiles(c.Pattern)
	return err
}

// for reports whether the claims name a source, and everywhere that one.
func (c *Claims) names(name string) bool {
	return (c.Source == "" || c.Source == name) && (len(c.Audience) == 0 || slices.Contains(c.Audience, name)) &&
		(c.Source != "" || len(c.Audience) > 0)
}

// encode returns the claims as a token has them.
func (c *Claims) encode() jwt.MapClaims {
	claims := jwt.MapClaims{"jti": c.ID, "iat": c.IssuedAt.Unix(), Own: c.Content}
	for name, at := range map[string]time.Time{"nbf": c.NotBefore, "exp": c.Expires} {
		if !at.IsZero() {
			claims[name] = at.Unix()
		}
	}
	for name, text := range map[string]string{"iss": c.Issuer, "sub": c.Subject} {
		if text != "" {
			claims[name] = text
		}
	}
	if len(c.Audience) > 0 {
		claims["aud"] = c.Audience
	}
	return claims
}
