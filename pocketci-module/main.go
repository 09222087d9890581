// What happened, for a function that pocketci has called: reads the event file
// that functions receive as eventTrigger, the same for every forge.
//
// Install it with dagger install github.com/franela/pocketci/pocketci-module,
// and write dag.Pocketci(eventTrigger).
package main

import (
	"context"

	"dagger/pocketci/event"
	"dagger/pocketci/internal/dagger"
)

// The event that a function is called for.
//
// Text that does not apply to an event is empty.
type Pocketci struct {
	// What happened, in words that are the same for every vendor.
	//
	// OTHER has its own word in event.
	EventType EventType
	// What happened as a word: push, tag, pull_request, workflow_dispatch, …
	Event string
	// Where the event comes from: github, gitlab, gitea, bitbucket, time, …
	Vendor string
	// What function names can end in, such as the branch of a push.
	//
	// It is the tag of a tag, and the action of most other events.
	Filter string
	// The repository, with empty texts for events that belong to none.
	Repository *Repository
	// The full ref that the event is about.
	Ref string
	// The short name of the branch; for a pull request its head branch.
	Branch string
	// The short name of the tag in ref.
	Tag string
	// The commit that the event is about, in full.
	Sha string
	// The first seven digits of the commit.
	ShortSha string
	// The changed files, both names of a rename.
	//
	// Empty if nothing changed, and if it is not known what did.
	Changes []string
	// Whether the changed files are known: not for tags, releases, ticks, …
	ChangesKnown bool
	// The login of who caused the event.
	Sender string
	// Whether nobody without write access can have chosen code and text.
	Trusted bool
	// pocketci's own id of the event.
	EventId string
	// The vendor's id of the delivery.
	Delivery string
	// When pocketci received the event, in UTC (RFC 3339).
	ReceivedAt string
	// +private
	File *dagger.File
}

// The repository that an event belongs to.
type Repository struct {
	// The name with its owner: franela/pocketci.
	FullName string
	// Everything before the last slash of the full name.
	Owner string
	// What comes after the last slash of the full name.
	Name string
	// Where it is cloned from.
	CloneUrl string
	// Where people look at it.
	WebUrl string
	// The name of its default branch.
	DefaultBranch string
	// Whether it is private.
	Private bool
}

// Reads an event file.
func New(
	ctx context.Context,
	// The file that pocketci gives functions in the argument of this name.
	eventTrigger *dagger.File,
) (*Pocketci, error) {
	m := &Pocketci{File: eventTrigger}
	f, err := m.read(ctx)
	if err != nil {
		return nil, err
	}
	m.EventType, m.Event, m.Vendor, m.Filter = EventType(f.Kind()), f.Event, f.Vendor, f.Filter
	m.Ref, m.Branch, m.Tag, m.Sha, m.ShortSha = f.Ref, f.Branch, f.Tag, f.SHA, f.ShortSHA()
	m.Changes, m.ChangesKnown = append([]string{}, f.Changes...), f.Changes != nil
	m.Sender, m.Trusted = f.Sender, f.Trusted
	m.EventId, m.Delivery, m.ReceivedAt = f.ID, f.Delivery, f.ReceivedAt
	m.Repository = &Repository{}
	if r := f.Repository; r != nil {
		m.Repository = &Repository{
			FullName: r.FullName, Owner: r.Owner(), Name: r.Name(), CloneUrl: r.CloneURL, WebUrl: r.WebURL,
			DefaultBranch: r.DefaultBranch, Private: r.Private,
		}
	}
	return m, nil
}

// read reads the file anew: what Dagger keeps between two calls is small, and
// the payload can have megabytes.
func (m *Pocketci) read(ctx context.Context) (*event.File, error) {
	contents, err := m.File.Contents(ctx)
	if err != nil {
		return nil, err
	}
	return event.Decode([]byte(contents))
}
