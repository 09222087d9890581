package main

import (
	"context"

	"dagger/pocketci/event"
	"dagger/pocketci/internal/dagger"
)

// The payload byte for byte as the vendor sent it, null if there is none.
func (m *Pocketci) Payload(ctx context.Context) (string, error) {
	f, err := m.read(ctx)
	if err != nil {
		return "", err
	}
	return string(f.Payload), nil
}

// A value in the payload. Fails if there is none.
//
// Strings are given as their text, everything else as JSON.
func (m *Pocketci) Get(
	ctx context.Context,
	// A JSON pointer (RFC 6901), such as /pull_request/user/login. In it, ~1
	// stands for a slash and ~0 for a tilde.
	pointer string,
) (string, error) {
	f, err := m.read(ctx)
	if err != nil {
		return "", err
	}
	return f.Get(pointer)
}

// Whether a changed file matches, with the rules of onChanges.
//
// It has to match one of the globs, and none of those that start with "!". True
// if it is not known what changed.
func (m *Pocketci) Changed(
	ctx context.Context,
	// Globs such as **/*.go, docs/** or *.{js,ts}.
	globs []string,
) (bool, error) {
	f, err := m.read(ctx)
	if err != nil {
		return false, err
	}
	return f.Changed(globs)
}

// Whether the filter is one of the given, letter by letter or as a glob.
func (m *Pocketci) Matches(
	ctx context.Context,
	// Values or globs such as opened, main or release/*.
	filter []string,
) (bool, error) {
	f, err := m.read(ctx)
	if err != nil {
		return false, err
	}
	return f.Matches(filter), nil
}

// The version in the tag: 1.2.3 for v1.2.3. Fails if there is none.
//
// What stands before it, up to the last slash or @, is left out: it is 1.2.3
// for apps/api/v1.2.3, too.
func (m *Pocketci) Version(ctx context.Context) (string, error) {
	f, err := m.read(ctx)
	if err != nil {
		return "", err
	}
	return f.TagVersion()
}

// Posts a status on the event's commit through the API of its forge.
//
// pocketci posts a status for every call by itself. This is for further ones,
// such as one per package or one with a figure in it.
//
// +cache="never"
func (m *Pocketci) CommitStatus(
	ctx context.Context,
	// A token that may write commit statuses.
	token *dagger.Secret,
	// What tells this status from others. The same name replaces it.
	name string,
	// pending, running, success, failure or error.
	state string,
	// One line that people see beside the name.
	// +optional
	description string,
	// Where a click on the status leads.
	// +optional
	targetUrl string,
	// The base of the forge's API.
	//
	// Needed where that is not github.com, gitlab.com, bitbucket.org,
	// codeberg.org or gitea.com: a token is sent to no host that only the
	// payload names.
	// +optional
	apiUrl string,
) error {
	f, err := m.read(ctx)
	if err != nil {
		return err
	}
	plaintext, err := token.Plaintext(ctx)
	if err != nil {
		return err
	}
	return f.PostStatus(ctx, event.Status{
		Name: name, State: state, Description: description, TargetURL: targetUrl, Token: plaintext, APIURL: apiUrl,
	})
}
