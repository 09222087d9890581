package event

import (
	"fmt"
	"slices"
)

// forge reads the payloads of one vendor into the types that all share. Each
// method returns nil if the payload is not about such a thing.
type forge interface {
	push(*File) (*Push, error)
	pullRequest(*File) (*PullRequest, error)
	release(*File) (*Release, error)
	comment(*File) (*Comment, error)
}

// forges are the vendors that host repositories. Forgejo is gitea.
var forges = map[string]forge{
	vendorGithub:    hub{},
	vendorGitea:     hub{},
	vendorGitlab:    gitlab{},
	vendorBitbucket: bitbucket{},
}

// KindError says that an event is not about what was asked for.
type KindError struct {
	// Event is the vendor and the event's word, Want what was asked for.
	Event, Want string
}

func (e *KindError) Error() string {
	return fmt.Sprintf("the event %s is not about a %s", e.Event, e.Want)
}

// read has the vendor read the payload.
func read[T any](f *File, want string, how func(forge, *File) (*T, error)) (*T, error) {
	vendor, known := forges[f.Vendor]
	if !known {
		return nil, &KindError{f.name(), want}
	}
	found, err := how(vendor, f)
	if err == nil && found == nil {
		err = &KindError{f.name(), want}
	}
	return found, err
}

// Push is a push of commits or of a tag.
type Push struct {
	// SHA is the commit after the push.
	SHA string
	// Before is the commit before it, empty for a new ref.
	Before string
	// Forced says that the vendor marked the push as not a fast-forward.
	// GitLab and Gitea do not say: it is false there.
	Forced bool
	// Head is the commit after the push. Only its SHA is known if the payload
	// does not hold it.
	Head Commit
	// Commits are those that the payload lists, oldest first. Vendors cut
	// the list off: Bitbucket after 5, GitLab after 20.
	Commits []Commit
}

// Commit is one commit. Text that the vendor does not send is empty.
type Commit struct {
	SHA, Message, Timestamp, URL string
	Author                       Person
}

// Person is the author of a commit. Login is empty where the vendor does not
// know whose address it is, and always on GitLab.
type Person struct{ Name, Email, Login string }

// CommitPush reads the push of a branch or a tag. For any other event the
// error is a [*KindError].
func (f *File) CommitPush() (*Push, error) {
	if kind := f.Kind(); kind != KindPush && kind != KindTag {
		return nil, &KindError{f.name(), "push"}
	}
	p, err := read(f, "push", forge.push)
	if err != nil {
		return nil, err
	}
	p.SHA, p.Before = f.SHA, f.Before
	// GitHub and GitLab list the oldest first, Gitea and Bitbucket the newest.
	if len(p.Commits) > 0 && p.Commits[0].SHA == f.SHA {
		slices.Reverse(p.Commits)
	}
	if p.Head.SHA == "" {
		p.Head = Commit{SHA: f.SHA}
		for _, c := range p.Commits {
			if c.SHA == f.SHA {
				p.Head = c
			}
		}
	}
	return p, nil
}

// PullRequest is a pull request, on GitLab a merge request. Text that the
// vendor does not send is empty.
type PullRequest struct {
	Number              int
	Title, Body, Author string
	Head, Base          Tip
	Draft, Merged       bool
	Labels              []string
	// Fork says that the head is in another repository, or may be: it is
	// also true for events whose payload does not tell and that are not
	// trusted.
	Fork bool
	URL  string
}

// Tip is one of the two branches of a pull request: its name, the commit at its
// tip, and the full name of its repository.
type Tip struct{ Ref, SHA, Repository string }

// PullRequest reads the pull request that the event is about, or on which
// something was said. Where that is all that happened, GitHub and Gitea leave
// out the head, and it is empty. For any other event the error is a
// [*KindError].
func (f *File) PullRequest() (*PullRequest, error) {
	p, err := read(f, "pull request", forge.pullRequest)
	if err != nil {
		return nil, err
	}
	if p.Labels == nil {
		p.Labels = []string{}
	}
	if f.Kind() == KindPullRequest {
		// The file's commits are full names; Bitbucket sends short ones.
		p.Head.SHA = f.SHA
	}
	if f.PRNumber == p.Number {
		p.Base.Ref = or(p.Base.Ref, f.BaseRef)
		p.Base.SHA = or(f.BaseSHA, p.Base.SHA)
	}
	if f.Repository != nil {
		p.Base.Repository = or(p.Base.Repository, f.Repository.FullName)
	}
	return p, nil
}

// Release is a release. Text that the vendor does not send is empty.
type Release struct {
	Tag, Name, Body, Author, URL string
	// Draft and Prerelease are unknown to GitLab: false there.
	Draft, Prerelease bool
}

// Release reads the release that the event is about. For any other event the
// error is a [*KindError]. Bitbucket has no releases.
func (f *File) Release() (*Release, error) { return read(f, "release", forge.release) }

// Comment is what somebody said on a pull request, an issue or a commit, in a
// review too. Text that the vendor does not send is empty.
type Comment struct {
	Body, Author, URL string
	// Number is that of the pull request or issue, 0 for a commit.
	Number int
	// OnPullRequest says that it was said on a pull request.
	OnPullRequest bool
}

// Comment reads the comment or review that the event is about. For any other
// event the error is a [*KindError].
func (f *File) Comment() (*Comment, error) { return read(f, "comment", forge.comment) }

// or is the first text that is not empty.
func or(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}
