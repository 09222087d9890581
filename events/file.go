package events

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// FileVersion is the version of the event file that this package writes. It
// changes when a field changes its meaning or goes away. Fields may be added
// without a new version, so readers ignore those that they do not know.
const FileVersion = 1

//go:embed event.schema.json
var fileSchema []byte

// FileSchema returns the JSON Schema (draft 2020-12) of the event file.
func FileSchema() []byte { return bytes.Clone(fileSchema) }

// File is the content of the event file, which functions receive as
// eventTrigger. It is the same for every attempt of a call, so that steps that
// mount it stay cached.
type File struct {
	// Version is the FileVersion that the file was written with.
	Version  int    `json:"version"`
	ID       string `json:"id"`
	Delivery string `json:"delivery"`
	Vendor   string `json:"vendor"`
	// Event is the event's name in pocketci's words, EventType in the
	// vendor's: the push of a tag is a tag here and a push there.
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
	// Changes are the changed files. Nil means that they are not known, which
	// is not the same as that nothing changed.
	Changes    []string  `json:"changes"`
	Sender     string    `json:"sender"`
	Trusted    bool      `json:"trusted"`
	ReceivedAt time.Time `json:"received_at"`
	// OccurredAt is when the thing happened, as far as that is known, and else
	// ReceivedAt.
	OccurredAt time.Time `json:"occurred_at"`
	// Cause is the id of the event that this one follows from, empty if there is
	// none, and Depth how many events lead to this one.
	Cause     string `json:"cause"`
	Depth     int    `json:"depth"`
	EventType string `json:"event_type"`
	// RepositoryName is the full name, empty without a repository.
	RepositoryName string `json:"repository_name"`
	// PRNumber is zero if the event is about no pull request.
	PRNumber int `json:"pr_number"`
	// Payload is the vendor's text byte for byte, or null if there is none.
	Payload json.RawMessage `json:"payload"`
}

// EncodeFile writes the event file of e. The same event and changes give the
// same bytes. Changes are nil if they are not known. JSON has no place for
// file names that are not UTF-8: their invalid bytes become U+FFFD.
//
// It fails if the payload is not JSON or the time is out of JSON's range.
func EncodeFile(e *Event, changes []string) ([]byte, error) {
	f := File{
		Version:    FileVersion,
		ID:         e.ID,
		Delivery:   e.Delivery,
		Vendor:     e.Vendor,
		Event:      e.Name,
		Filter:     e.Filter,
		Repository: e.Repository,
		Ref:        e.Ref,
		Branch:     e.Branch,
		Tag:        e.Tag,
		SHA:        e.SHA,
		Before:     e.Before,
		BaseRef:    e.BaseRef,
		BaseSHA:    e.BaseSHA,
		Changes:    changes,
		Sender:     e.Sender,
		Trusted:    e.Trusted,
		ReceivedAt: e.ReceivedAt.UTC(),
		OccurredAt: e.OccurredAt.UTC(),
		Cause:      e.Cause,
		Depth:      e.Depth,
		EventType:  e.Kind,
		PRNumber:   e.PullRequest,
	}
	if e.OccurredAt.IsZero() {
		f.OccurredAt = f.ReceivedAt
	}
	if e.Repository != nil {
		f.RepositoryName = e.Repository.FullName
	}
	payload := e.Payload
	if len(payload) == 0 {
		payload = json.RawMessage("null")
	}
	if !json.Valid(payload) || invalidUTF8(payload) >= 0 {
		return nil, fmt.Errorf("write the file of event %s: its payload is not JSON", e.ID)
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(f); err != nil {
		return nil, fmt.Errorf("write the file of event %s: %w", e.ID, err)
	}
	// encoding/json would lay the payload out anew. It is the last field and
	// still null: what was sent takes the place of that null.
	head := bytes.TrimSuffix(b.Bytes(), []byte("null\n}\n"))
	out := make([]byte, 0, len(head)+len(payload)+3)
	out = append(out, head...)
	out = append(out, payload...)
	return append(out, "\n}\n"...), nil
}

// DecodeFile reads an event file of this version or an older one. Fields that
// it does not know are ignored. The error is a [*MalformedError].
func DecodeFile(data []byte) (*File, error) {
	var version struct {
		Version *int `json:"version"`
	}
	if err := DecodeObject(data, &version); err != nil {
		return nil, err
	}
	fault := func(path string, err error) (*File, error) {
		return nil, &MalformedError{Path: path, Reason: err.Error()}
	}
	// The version comes first: a newer file may have fields of other types.
	switch v := version.Version; {
	case v == nil:
		return fault("version", errors.New("is missing; this is not an event file"))
	case *v < 1:
		return fault("version", fmt.Errorf("is %d, and versions start at 1", *v))
	case *v > FileVersion:
		return fault("version", fmt.Errorf("is %d, and this pocketci reads up to %d; use a newer one", *v, FileVersion))
	}
	var f File
	if err := DecodeObject(data, &f); err != nil {
		return nil, err
	}
	required := []struct{ path, value string }{
		{"id", f.ID}, {"vendor", f.Vendor}, {"event", f.Event}, {"event_type", f.EventType},
	}
	for _, field := range required {
		if field.value == "" {
			return fault(field.path, errors.New("is missing"))
		}
	}
	if f.Ref != "" {
		if err := CheckRef(f.Ref); err != nil {
			return fault("ref", err)
		}
	}
	for _, field := range []struct{ path, value string }{
		{"sha", f.SHA}, {"before", f.Before}, {"base_sha", f.BaseSHA},
	} {
		if field.value == "" {
			continue
		}
		if err := CheckSHA(field.value); err != nil {
			return fault(field.path, err)
		}
	}
	switch {
	case f.Branch != "" && f.Tag != "":
		return fault("tag", errors.New("is given together with a branch"))
	case f.PRNumber < 0:
		return fault("pr_number", errors.New("is below zero"))
	case f.Depth < 0:
		return fault("depth", errors.New("is below zero"))
	case f.Repository == nil && f.RepositoryName != "":
		return fault("repository", errors.New("is missing, and repository_name is given"))
	case f.Repository != nil && f.Repository.FullName != f.RepositoryName:
		return fault("repository_name", errors.New("is not repository.full_name"))
	case f.Payload == nil:
		return fault("payload", errors.New("is missing"))
	}
	if f.OccurredAt.IsZero() {
		f.OccurredAt = f.ReceivedAt
	}
	return &f, nil
}
