// Package event reads pocketci's event file: what happened, in the same words
// for every forge. It needs neither Dagger nor anything else outside of Go's
// standard library.
//
// The format is described in docs/event-file.md of github.com/franela/pocketci.
package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// FileVersion is the newest version of the event file that this package reads.
const FileVersion = 1

// Vendors whose events this package knows more about than what is in the
// fields of the file.
const (
	vendorGithub    = "github"
	vendorGitea     = "gitea"
	vendorGitlab    = "gitlab"
	vendorBitbucket = "bitbucket"
	vendorTime      = "time"
	vendorRegistry  = "registry"
)

// File is the content of an event file.
type File struct {
	Version  int    `json:"version"`
	ID       string `json:"id"`
	Delivery string `json:"delivery"`
	Vendor   string `json:"vendor"`
	// Event is the event in pocketci's words: the push of a tag is a tag.
	Event  string `json:"event"`
	Filter string `json:"filter"`
	// Repository is nil for events that belong to none.
	Repository *Repository `json:"repository"`
	Ref        string      `json:"ref"`
	Branch     string      `json:"branch"`
	Tag        string      `json:"tag"`
	SHA        string      `json:"sha"`
	Before     string      `json:"before"`
	BaseRef    string      `json:"base_ref"`
	BaseSHA    string      `json:"base_sha"`
	// Changes are the changed files. Nil means that they are not known.
	Changes    []string `json:"changes"`
	Sender     string   `json:"sender"`
	Trusted    bool     `json:"trusted"`
	ReceivedAt string   `json:"received_at"`
	// PRNumber is zero if the event is about no pull request.
	PRNumber int `json:"pr_number"`
	// Payload is the vendor's text byte for byte, or null.
	Payload json.RawMessage `json:"payload"`
}

// Repository is the repository that an event belongs to.
type Repository struct {
	FullName      string `json:"full_name"`
	CloneURL      string `json:"clone_url"`
	WebURL        string `json:"web_url"`
	DefaultBranch string `json:"default_branch"`
	Private       bool   `json:"private"`
}

// Owner is everything before the last slash of the full name: on GitLab that
// can be several groups.
func (r *Repository) Owner() string {
	return r.FullName[:max(0, strings.LastIndexByte(r.FullName, '/'))]
}

// Name is what comes after the last slash of the full name.
func (r *Repository) Name() string {
	return r.FullName[strings.LastIndexByte(r.FullName, '/')+1:]
}

// Decode reads an event file of this version or an older one. Fields that it
// does not know are ignored, as a version may gain some. It fails for a newer
// version, and for what is not an event file.
func Decode(data []byte) (*File, error) {
	var version struct {
		Version *int `json:"version"`
	}
	if err := decode(data, &version); err != nil {
		return nil, fmt.Errorf("read the event file: %w", err)
	}
	// The version comes first: a newer file may have fields of other types.
	switch v := version.Version; {
	case v == nil:
		return nil, errors.New("read the event file: it has no version, so it is not one")
	case *v < 1:
		return nil, fmt.Errorf("read the event file: its version is %d, and versions start at 1", *v)
	case *v > FileVersion:
		return nil, fmt.Errorf("read the event file: its version is %d, and this release of the module pocketci reads up to %d; "+
			"update it with dagger update pocketci", *v, FileVersion)
	}
	var f File
	if err := decode(data, &f); err != nil {
		return nil, fmt.Errorf("read the event file: %w", err)
	}
	for _, field := range []struct{ name, value string }{{"vendor", f.Vendor}, {"event", f.Event}} {
		if field.value == "" {
			return nil, fmt.Errorf("read the event file: its %s is missing", field.name)
		}
	}
	if f.Payload == nil {
		f.Payload = json.RawMessage("null")
	}
	return &f, nil
}

// decode reads a JSON object. Its errors say where, in words rather than in
// the names of Go's types.
func decode(data []byte, v any) error {
	err := json.Unmarshal(data, v)
	var mismatch *json.UnmarshalTypeError
	switch {
	case errors.As(err, &mismatch) && mismatch.Field != "":
		return fmt.Errorf("%s is not what it should be but a JSON %s", mismatch.Field, mismatch.Value)
	case err != nil && !errors.As(err, &mismatch):
		return fmt.Errorf("it is not JSON: %w", err)
	case err != nil || !bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")):
		// json.Unmarshal takes null for anything.
		return errors.New("it is not a JSON object")
	}
	return nil
}

// decodePayload reads the parts of the payload that v has.
func (f *File) decodePayload(v any) error {
	if err := decode(f.Payload, v); err != nil {
		return fmt.Errorf("read the payload of the event %s: %w", f.name(), err)
	}
	return nil
}

// name is what errors call the event.
func (f *File) name() string { return f.Vendor + " " + f.Event }

// ShortSHA is the first seven digits of the commit, empty if there is none.
func (f *File) ShortSHA() string { return f.SHA[:min(len(f.SHA), 7)] }
