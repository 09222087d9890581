package event

import "strings"

// bitbucket reads the payloads of Bitbucket Cloud, described in
// https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/.
type bitbucket struct{}

type bitbucketLinks struct {
	HTML struct {
		Href string `json:"href"`
	} `json:"html"`
}

// bitbucketUser is an account. It has no login since 2019: the nickname is what
// people know each other by, and not unique.
type bitbucketUser struct {
	Nickname    string `json:"nickname"`
	DisplayName string `json:"display_name"`
}

func (u bitbucketUser) name() string { return or(u.Nickname, u.DisplayName) }

type bitbucketCommit struct {
	Hash    string         `json:"hash"`
	Message string         `json:"message"`
	Date    string         `json:"date"`
	Links   bitbucketLinks `json:"links"`
	Author  struct {
		// Raw is the author as git has it: Mona Lisa <mona@example.com>.
		Raw  string        `json:"raw"`
		User bitbucketUser `json:"user"`
	} `json:"author"`
}

func (c *bitbucketCommit) commit() Commit {
	name, email, _ := strings.Cut(c.Author.Raw, "<")
	email, _, _ = strings.Cut(email, ">")
	return Commit{
		SHA: c.Hash, Message: c.Message, Timestamp: c.Date, URL: c.Links.HTML.Href,
		Author: Person{strings.TrimSpace(name), email, c.Author.User.Nickname},
	}
}

// bitbucketChange is what a push did to one ref. New is null for a ref that was
// deleted.
type bitbucketChange struct {
	Forced bool `json:"forced"`
	New    *struct {
		Type   string          `json:"type"`
		Name   string          `json:"name"`
		Target bitbucketCommit `json:"target"`
	} `json:"new"`
	Commits []bitbucketCommit `json:"commits"`
}

func (bitbucket) push(f *File) (*Push, error) {
	var in struct {
		Push struct {
			Changes []bitbucketChange `json:"changes"`
		} `json:"push"`
	}
	if err := f.decodePayload(&in); err != nil {
		return nil, err
	}
	// One delivery can hold the pushes of several refs, each of which is an
	// event with the same payload.
	for _, change := range in.Push.Changes {
		ref := change.New
		if ref == nil || !(f.Branch != "" && ref.Type == "branch" && ref.Name == f.Branch) && !(f.Tag != "" && ref.Type == "tag" && ref.Name == f.Tag) {
			continue
		}
		p := &Push{Forced: change.Forced}
		if ref.Target.Hash == f.SHA {
			p.Head = ref.Target.commit()
		}
		for _, c := range change.Commits {
			p.Commits = append(p.Commits, c.commit())
		}
		return p, nil
	}
	return &Push{}, nil
}

type bitbucketTip struct {
	Branch struct {
		Name string `json:"name"`
	} `json:"branch"`
	Commit struct {
		Hash string `json:"hash"`
	} `json:"commit"`
	// Repository is null when it has been deleted.
	Repository *struct {
		FullName string `json:"full_name"`
	} `json:"repository"`
}

func (t bitbucketTip) tip() Tip {
	tip := Tip{Ref: t.Branch.Name, SHA: t.Commit.Hash}
	if t.Repository != nil {
		tip.Repository = t.Repository.FullName
	}
	return tip
}

func (bitbucket) pullRequest(f *File) (*PullRequest, error) {
	var in struct {
		PullRequest *struct {
			ID          int            `json:"id"`
			Title       string         `json:"title"`
			Description string         `json:"description"`
			State       string         `json:"state"`
			Draft       bool           `json:"draft"`
			Author      bitbucketUser  `json:"author"`
			Source      bitbucketTip   `json:"source"`
			Destination bitbucketTip   `json:"destination"`
			Links       bitbucketLinks `json:"links"`
		} `json:"pullrequest"`
	}
	if err := f.decodePayload(&in); err != nil || in.PullRequest == nil {
		return nil, err
	}
	pr := in.PullRequest
	p := &PullRequest{
		Number: pr.ID, Title: pr.Title, Body: pr.Description, Author: pr.Author.name(),
		Head: pr.Source.tip(), Base: pr.Destination.tip(),
		Draft: pr.Draft, Merged: pr.State == "MERGED", URL: pr.Links.HTML.Href,
	}
	p.Fork = p.Head.Repository == "" || p.Head.Repository != p.Base.Repository
	return p, nil
}

func (bitbucket) release(*File) (*Release, error) { return nil, nil }

func (bitbucket) comment(f *File) (*Comment, error) {
	type numbered struct {
		ID int `json:"id"`
	}
	var in struct {
		Comment *struct {
			Content struct {
				Raw string `json:"raw"`
			} `json:"content"`
			User  bitbucketUser  `json:"user"`
			Links bitbucketLinks `json:"links"`
		} `json:"comment"`
		Actor       bitbucketUser `json:"actor"`
		PullRequest *numbered     `json:"pullrequest"`
		Issue       *numbered     `json:"issue"`
	}
	if err := f.decodePayload(&in); err != nil || in.Comment == nil {
		return nil, err
	}
	c := &Comment{
		Body: in.Comment.Content.Raw, Author: or(in.Comment.User.name(), in.Actor.name()),
		URL: in.Comment.Links.HTML.Href,
	}
	switch {
	case in.PullRequest != nil:
		c.Number, c.OnPullRequest = in.PullRequest.ID, true
	case in.Issue != nil:
		c.Number = in.Issue.ID
	}
	return c, nil
}
