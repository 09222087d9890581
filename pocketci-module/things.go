package main

import (
	"context"

	"dagger/pocketci/event"
)

// A push of commits or of a tag.
type CommitPush struct {
	// The commit after the push.
	Sha string
	// The commit after the push, with what the payload says about it.
	HeadCommit *Commit
	// The commits that the payload lists, oldest first.
	//
	// Vendors cut the list off: Bitbucket after 5, GitLab after 20.
	Commits []*Commit
	// Whether the vendor marked the push as not a fast-forward.
	//
	// GitLab and Gitea do not say: false there.
	Forced bool
	// The commit before the push, empty for a new ref.
	Before string
}

// One commit.
type Commit struct {
	// Its full name.
	Sha string
	// Its whole message.
	Message string
	// When it was made (RFC 3339).
	Timestamp string
	// Where people look at it.
	Url string
	// Who wrote it.
	Author *Person
}

// The author of a commit.
type Person struct {
	// The name that git knows.
	Name string
	// The address that git knows.
	Email string
	// The login, empty where the vendor does not know or send it.
	Login string
}

func commitOf(c event.Commit) *Commit {
	return &Commit{
		Sha: c.SHA, Message: c.Message, Timestamp: c.Timestamp, Url: c.URL,
		Author: &Person{Name: c.Author.Name, Email: c.Author.Email, Login: c.Author.Login},
	}
}

// The push of a branch or a tag. Fails for every other event.
func (m *Pocketci) CommitPush(ctx context.Context) (*CommitPush, error) {
	f, err := m.read(ctx)
	if err != nil {
		return nil, err
	}
	p, err := f.CommitPush()
	if err != nil {
		return nil, err
	}
	push := &CommitPush{Sha: p.SHA, HeadCommit: commitOf(p.Head), Commits: []*Commit{}, Forced: p.Forced, Before: p.Before}
	for _, c := range p.Commits {
		push.Commits = append(push.Commits, commitOf(c))
	}
	return push, nil
}

// A pull request, on GitLab a merge request.
type PullRequest struct {
	// Its number in the repository.
	Number int
	// Its title.
	Title string
	// Its description.
	Body string
	// The login of who opened it, empty where the vendor does not send it.
	Author string
	// Where its commits come from.
	//
	// Empty for comments on GitHub and Gitea, whose payloads leave it out.
	Head *Tip
	// Where its commits shall go.
	Base *Tip
	// Whether it is a draft.
	Draft bool
	// The names of its labels. Bitbucket has none.
	Labels []string
	// Whether its head is in another repository, or may be.
	Fork bool
	// Whether it is merged.
	Merged bool
	// Where people look at it.
	Url string
}

// One of the two branches of a pull request.
type Tip struct {
	// The short name of the branch.
	Ref string
	// The commit at its tip.
	Sha string
	// The full name of its repository, empty if that has been deleted.
	Repository string
}

// The pull request that the event is about. Fails for every other event.
//
// It is also there for what was said on one.
func (m *Pocketci) PullRequest(ctx context.Context) (*PullRequest, error) {
	f, err := m.read(ctx)
	if err != nil {
		return nil, err
	}
	p, err := f.PullRequest()
	if err != nil {
		return nil, err
	}
	tip := func(t event.Tip) *Tip { return &Tip{Ref: t.Ref, Sha: t.SHA, Repository: t.Repository} }
	return &PullRequest{
		Number: p.Number, Title: p.Title, Body: p.Body, Author: p.Author, Head: tip(p.Head), Base: tip(p.Base),
		Draft: p.Draft, Labels: p.Labels, Fork: p.Fork, Merged: p.Merged, Url: p.URL,
	}, nil
}

// A release.
type Release struct {
	// The name of its tag.
	Tag string
	// Its title.
	Name string
	// Its notes.
	Body string
	// The login of who made it.
	Author string
	// Where people look at it.
	Url string
	// Whether it is a draft. GitLab does not say: false there.
	Draft bool
	// Whether it is marked as a prerelease. GitLab does not say: false there.
	Prerelease bool
}

// The release that the event is about. Fails for every other event.
func (m *Pocketci) Release(ctx context.Context) (*Release, error) {
	f, err := m.read(ctx)
	if err != nil {
		return nil, err
	}
	r, err := f.Release()
	if err != nil {
		return nil, err
	}
	return &Release{Tag: r.Tag, Name: r.Name, Body: r.Body, Author: r.Author, Url: r.URL, Draft: r.Draft, Prerelease: r.Prerelease}, nil
}

// What somebody said on a pull request, an issue or a commit.
type Comment struct {
	// The text.
	Body string
	// The login of who said it.
	Author string
	// Where people look at it.
	Url string
	// The number of the pull request or issue, 0 for a commit.
	Number int
	// Whether it was said on a pull request.
	OnPullRequest bool
}

// The comment or review that the event is about. Fails for every other event.
func (m *Pocketci) Comment(ctx context.Context) (*Comment, error) {
	f, err := m.read(ctx)
	if err != nil {
		return nil, err
	}
	c, err := f.Comment()
	if err != nil {
		return nil, err
	}
	return &Comment{Body: c.Body, Author: c.Author, Url: c.URL, Number: c.Number, OnPullRequest: c.OnPullRequest}, nil
}

// One tick of a schedule.
type Schedule struct {
	// The schedule's name.
	Name string
	// When it ticks, as it was written, empty if the payload does not say.
	Expression string
	// The moment that the tick is for (RFC 3339).
	Time string
}

// The tick that the event is. Fails for every other event.
func (m *Pocketci) Schedule(ctx context.Context) (*Schedule, error) {
	f, err := m.read(ctx)
	if err != nil {
		return nil, err
	}
	s, err := f.Schedule()
	if err != nil {
		return nil, err
	}
	return &Schedule{Name: s.Name, Expression: s.Expression, Time: s.Time}, nil
}

// What happened in a registry of images.
type Registry struct {
	// The image without its tag.
	Repository string
	// Its tag.
	Tag string
	// Its digest (sha256:…), empty if the payload does not say.
	Digest string
}

// The image that the event of a registry is about. Fails for every other event.
func (m *Pocketci) Registry(ctx context.Context) (*Registry, error) {
	f, err := m.read(ctx)
	if err != nil {
		return nil, err
	}
	r, err := f.Registry()
	if err != nil {
		return nil, err
	}
	return &Registry{Repository: r.Repository, Tag: r.Tag, Digest: r.Digest}, nil
}
