package web

import (
	"strings"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

// signedPage is the sources of signed tokens.
type signedPage struct {
	Sources []*signedRow
	More    string
	None    unconfigured
}

// signedRow is a source in the list.
type signedRow struct {
	v1.SignedSource
	Keys []signedKey
}

// signedKey is a public key that is trusted: its id, and all of it.
type signedKey struct{ ID, Text string }

// State is how pulling goes, or that tokens are waited for.
func (r *signedRow) State() string {
	switch {
	case r.Pull != nil && (r.Pull.Failures > 0 || r.Pull.Error != ""):
		return "failing"
	case r.AcceptedAt == nil:
		return "no-token"
	}
	return "ok"
}

func signedRowOf(s v1.SignedSource) *signedRow {
	row := &signedRow{SignedSource: s}
	for _, text := range s.Keys {
		// ed25519:BASE64:ID
		id := text
		if i := strings.LastIndexByte(text, ':'); i >= 0 && i < len(text)-1 {
			id = text[i+1:]
		}
		row.Keys = append(row.Keys, signedKey{id, text})
	}
	return row
}

func (s *Site) signed(v *visit) error {
	found, err := v.api.SignedSources(v.ctx())
	if err != nil {
		return err
	}
	page := signedPage{None: noSigned}
	list, more := part(v, found.Sources)
	page.More = more
	for i := range list {
		page.Sources = append(page.Sources, signedRowOf(list[i]))
	}
	return v.show("signed", page)
}
