package settings

import (
	"iter"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/events/webhook"
	"github.com/franela/pocketci/internal/yamlfile"
)

// Verify says how the deliveries of a webhook are proven. Exactly one of them is set.
type Verify struct {
	HMAC   *HMAC
	Bearer *Bearer
	Basic  *Basic
	// None takes everything from anybody.
	None bool
}

// HMAC is a signature of the body.
type HMAC struct {
	// Header is where the signature is, behind the prefix.
	Header, Prefix string
	// Algorithm and Encoding are as package webhook has them.
	Algorithm, Encoding string
	Secrets             []Secret
	// Timestamp is nil if the body alone is signed.
	Timestamp *Timestamp
}

// Timestamp is a time that is signed with the body.
type Timestamp struct {
	Header    string
	Tolerance time.Duration
	// Before and After stand around it in what is signed.
	Before, After string
}

// Bearer is a token: in Authorization, or alone in the header of that name.
type Bearer struct {
	Header string
	Tokens []Secret
}

// Basic is a name and a password.
type Basic struct {
	Username  string
	Passwords []Secret
}

// The keys of secrets of webhooks, as [Settings.Secrets] names them.
const (
	KeySecrets   = "secrets"
	KeyTokens    = "tokens"
	KeyPasswords = "passwords"
)

// The keys of verify by where they stand.
var (
	verifyKeys    = []string{"hmac", "bearer", "basic", "none"}
	hmacKeys      = []string{"header", "prefix", "algorithm", "encoding", KeySecrets, "timestamp"}
	timestampKeys = []string{"header", "tolerance", "before", "after"}
	bearerKeys    = []string{"header", KeyTokens}
	basicKeys     = []string{KeyUsername, KeyPasswords}
)

// The bounds of how far a timestamp may be from the present, and what it is without a
// key.
const (
	defaultTolerance = 5 * time.Minute
	leastTolerance   = time.Second
	mostTolerance    = 24 * time.Hour
)

func (r reader) verify(e yamlfile.Entry) (v Verify) {
	entries, ok := r.Mapping(e.Value, e.Name)
	for _, part := range entries {
		switch part.Name {
		case "hmac":
			v.HMAC = r.hmac(part)
		case "bearer":
			v.Bearer = r.bearer(part)
		case "basic":
			v.Basic = r.basic(part)
		case "none":
			if v.None = r.Bool(part.Value, part.Name); !v.None {
				r.Fail(part.Value, "none: true takes deliveries from anybody; say how they are proven, or that")
			}
		default:
			r.Unknown(part, e.Name, verifyKeys)
		}
	}
	if ok && len(entries) != 1 {
		r.Fail(e.Value, "%s needs exactly one of %s", e.Name, strings.Join(verifyKeys, ", "))
	}
	return v
}

// needs reports the keys of which one is not there.
func (r reader) needs(n *yaml.Node, what string, entries []yamlfile.Entry, keys ...string) {
	for _, key := range keys {
		found := false
		for _, e := range entries {
			found = found || e.Name == key
		}
		if !found {
			r.Fail(n, "%s needs %s", what, key)
		}
	}
}

func (r reader) hmac(e yamlfile.Entry) *HMAC {
	h := &HMAC{Algorithm: webhook.Algorithms()[0], Encoding: webhook.Encodings()[0]}
	entries, ok := r.Mapping(e.Value, e.Name)
	if !ok {
		return h
	}
	for _, part := range entries {
		switch part.Name {
		case "header":
			h.Header = r.header(part)
		case "prefix":
			h.Prefix, _ = r.String(part.Value, part.Name)
		case "algorithm":
			if i := r.choice(part, webhook.Algorithms()); i >= 0 {
				h.Algorithm = webhook.Algorithms()[i]
			}
		case "encoding":
			if i := r.choice(part, webhook.Encodings()); i >= 0 {
				h.Encoding = webhook.Encodings()[i]
			}
		case KeySecrets:
			h.Secrets = r.webhookSecrets(part)
		case "timestamp":
			h.Timestamp = r.timestamp(part)
		default:
			r.Unknown(part, e.Name, hmacKeys)
		}
	}
	r.needs(e.Value, e.Name, entries, "header", KeySecrets)
	return h
}

func (r reader) timestamp(e yamlfile.Entry) *Timestamp {
	t := &Timestamp{Tolerance: defaultTolerance, After: "."}
	entries, ok := r.Mapping(e.Value, e.Name)
	if !ok {
		return t
	}
	for _, part := range entries {
		switch part.Name {
		case "header":
			t.Header = r.header(part)
		case "tolerance":
			t.Tolerance = r.duration(part, leastTolerance, mostTolerance)
		case "before":
			t.Before, _ = r.String(part.Value, part.Name)
		case "after":
			t.After, _ = r.String(part.Value, part.Name)
		default:
			r.Unknown(part, e.Name, timestampKeys)
		}
	}
	r.needs(e.Value, e.Name, entries, "header")
	return t
}

func (r reader) bearer(e yamlfile.Entry) *Bearer {
	b := &Bearer{}
	entries, ok := r.Mapping(e.Value, e.Name)
	if !ok {
		return b
	}
	for _, part := range entries {
		switch part.Name {
		case "header":
			b.Header = r.header(part)
		case KeyTokens:
			b.Tokens = r.webhookSecrets(part)
		default:
			r.Unknown(part, e.Name, bearerKeys)
		}
	}
	r.needs(e.Value, e.Name, entries, KeyTokens)
	return b
}

func (r reader) basic(e yamlfile.Entry) *Basic {
	b := &Basic{}
	entries, ok := r.Mapping(e.Value, e.Name)
	if !ok {
		return b
	}
	for _, part := range entries {
		switch part.Name {
		case KeyUsername:
			if b.Username, _ = r.String(part.Value, part.Name); strings.ContainsRune(b.Username, ':') {
				r.Fail(part.Value, "%s has no colon", part.Name)
			}
		case KeyPasswords:
			b.Passwords = r.webhookSecrets(part)
		default:
			r.Unknown(part, e.Name, basicKeys)
		}
	}
	r.needs(e.Value, e.Name, entries, KeyUsername, KeyPasswords)
	return b
}

// header is the name of the header that the proof is in, or empty.
func (v *Verify) header() string {
	switch {
	case v.HMAC != nil:
		return v.HMAC.Header
	case v.Bearer != nil:
		return v.Bearer.Header
	}
	return ""
}

func (w *Webhook) secrets() iter.Seq2[string, Secret] {
	return func(yield func(string, Secret) bool) {
		key, list := "", []Secret(nil)
		switch v := w.Verify; {
		case v.HMAC != nil:
			key, list = KeySecrets, v.HMAC.Secrets
		case v.Bearer != nil:
			key, list = KeyTokens, v.Bearer.Tokens
		case v.Basic != nil:
			key, list = KeyPasswords, v.Basic.Passwords
		}
		for _, s := range list {
			if !yield(key, s) {
				return
			}
		}
	}
}
