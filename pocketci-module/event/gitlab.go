package event

import "fmt"

// gitlab reads GitLab's payloads, described in
// https://docs.gitlab.com/user/project/integrations/webhook_events/.
type gitlab struct{}

func (gitlab) push(f *File) (*Push, error) {
	var in struct {
		// A commit of GitLab has the fields of one of GitHub, but no login.
		// There is no head commit: it is the one in the list.
		Commits []hubCommit `json:"commits"`
	}
	if err := f.decodePayload(&in); err != nil {
		return nil, err
	}
	p := &Push{}
	for _, c := range in.Commits {
		p.Commits = append(p.Commits, c.commit())
	}
	return p, nil
}

type gitlabUser struct {
	ID       int64  `json:"id"`
	Username string `json:"username"`
}

type gitlabProject struct {
	PathWithNamespace string `json:"path_with_namespace"`
}

// mergeRequest is object_attributes of a merge request's own events and
// merge_request of comments on one.
type mergeRequest struct {
	IID            int    `json:"iid"`
	Title          string `json:"title"`
	Description    string `json:"description"`
	AuthorID       int64  `json:"author_id"`
	State          string `json:"state"`
	Draft          bool   `json:"draft"`
	WorkInProgress bool   `json:"work_in_progress"`
	URL            string `json:"url"`
	SourceBranch   string `json:"source_branch"`
	TargetBranch   string `json:"target_branch"`
	// Source is null when the project has been deleted.
	Source     *gitlabProject `json:"source"`
	Target     *gitlabProject `json:"target"`
	LastCommit *struct {
		ID string `json:"id"`
	} `json:"last_commit"`
	Labels []gitlabLabel `json:"labels"`
}

type gitlabLabel struct {
	Title string `json:"title"`
}

func (gitlab) pullRequest(f *File) (*PullRequest, error) {
	var kind struct {
		ObjectKind string `json:"object_kind"`
	}
	if err := f.decodePayload(&kind); err != nil {
		return nil, err
	}
	var in struct {
		User             gitlabUser    `json:"user"`
		Assignees        []gitlabUser  `json:"assignees"`
		Reviewers        []gitlabUser  `json:"reviewers"`
		Labels           []gitlabLabel `json:"labels"`
		ObjectAttributes *mergeRequest `json:"object_attributes"`
		MergeRequest     *mergeRequest `json:"merge_request"`
	}
	if err := f.decodePayload(&in); err != nil {
		return nil, err
	}
	mr := in.MergeRequest
	if kind.ObjectKind == "merge_request" {
		mr = in.ObjectAttributes
	}
	if mr == nil {
		return nil, nil
	}
	p := &PullRequest{
		Number: mr.IID, Title: mr.Title, Body: mr.Description, URL: mr.URL,
		Head: Tip{Ref: mr.SourceBranch}, Base: Tip{Ref: mr.TargetBranch},
		Draft: mr.Draft || mr.WorkInProgress, Merged: mr.State == "merged",
	}
	if mr.Source != nil {
		p.Head.Repository = mr.Source.PathWithNamespace
	}
	if mr.Target != nil {
		p.Base.Repository = mr.Target.PathWithNamespace
	}
	if mr.LastCommit != nil {
		p.Head.SHA = mr.LastCommit.ID
	}
	p.Fork = p.Head.Repository == "" || p.Head.Repository != p.Base.Repository
	if p.URL == "" && f.Repository != nil && f.Repository.WebURL != "" {
		p.URL = fmt.Sprintf("%s/-/merge_requests/%d", f.Repository.WebURL, mr.IID)
	}
	labels := mr.Labels
	if labels == nil {
		labels = in.Labels
	}
	for _, label := range labels {
		p.Labels = append(p.Labels, label.Title)
	}
	// The author is only a number; the name is known if it is one of those
	// who are named.
	for _, user := range append(append([]gitlabUser{in.User}, in.Assignees...), in.Reviewers...) {
		if user.ID == mr.AuthorID && user.ID != 0 {
			p.Author = user.Username
			break
		}
	}
	return p, nil
}

func (gitlab) release(f *File) (*Release, error) {
	var in struct {
		ObjectKind  string `json:"object_kind"`
		Tag         string `json:"tag"`
		Name        string `json:"name"`
		Description string `json:"description"`
		URL         string `json:"url"`
	}
	if err := f.decodePayload(&in); err != nil || in.ObjectKind != "release" {
		return nil, err
	}
	return &Release{Tag: in.Tag, Name: in.Name, Body: in.Description, URL: in.URL, Author: f.Sender}, nil
}

func (gitlab) comment(f *File) (*Comment, error) {
	var kind struct {
		ObjectKind string `json:"object_kind"`
	}
	if err := f.decodePayload(&kind); err != nil || kind.ObjectKind != "note" {
		return nil, err
	}
	var in struct {
		User             gitlabUser `json:"user"`
		ObjectAttributes struct {
			Note string `json:"note"`
			URL  string `json:"url"`
		} `json:"object_attributes"`
		MergeRequest *struct {
			IID int `json:"iid"`
		} `json:"merge_request"`
		Issue *struct {
			IID int `json:"iid"`
		} `json:"issue"`
	}
	if err := f.decodePayload(&in); err != nil {
		return nil, err
	}
	c := &Comment{Body: in.ObjectAttributes.Note, Author: in.User.Username, URL: in.ObjectAttributes.URL}
	switch {
	case in.MergeRequest != nil:
		c.Number, c.OnPullRequest = in.MergeRequest.IID, true
	case in.Issue != nil:
		c.Number = in.Issue.IID
	}
	return c, nil
}
