package gitea

import "encoding/json"

// The parts of the payloads that are read. Everything else in a payload may have
// any shape: a field that changes must not cost an event that does not need it.

// envelope is what all events have in common.
type envelope struct {
	Action     string      `json:"action"`
	Repository *repository `json:"repository"`
	// Forkee is in fork events alone.
	Forkee *repository `json:"forkee"`
	Sender *struct {
		Login string `json:"login"`
	} `json:"sender"`
	Changes *changes `json:"changes"`
}

// changes are the labels that came and went.
type changes struct {
	Added   []json.RawMessage `json:"added_labels"`
	Removed []json.RawMessage `json:"removed_labels"`
}

type repository struct {
	FullName      string `json:"full_name"`
	CloneURL      string `json:"clone_url"`
	HTMLURL       string `json:"html_url"`
	DefaultBranch string `json:"default_branch"`
	Private       bool   `json:"private"`
	// Parent is what a fork was made of.
	Parent *struct {
		FullName string `json:"full_name"`
	} `json:"parent"`
}

// madeOf reports whether the repository is a fork of another one.
func (r *repository) madeOf(original *repository) bool {
	return r.Parent != nil && r.Parent.FullName != "" && r.Parent.FullName == original.FullName
}

// push is a push of a branch or a tag. Gitea does not say whether it was forced.
type push struct {
	Ref    string `json:"ref"`
	Before string `json:"before"`
	After  string `json:"after"`
}

type refChange struct {
	RefType string `json:"ref_type"`
}

// pullRequest is the pull request of an event that is about one or that was
// said on one.
type pullRequest struct {
	Number int `json:"number"`
	Head   struct {
		// Label is the branch. Ref is the branch too, but the pull request's
		// own ref if there is no such branch.
		Label string `json:"label"`
		Ref   string `json:"ref"`
		SHA   string `json:"sha"`
		Repo  *struct {
			FullName string `json:"full_name"`
		} `json:"repo"`
	} `json:"head"`
	Base struct {
		Ref string `json:"ref"`
		SHA string `json:"sha"`
	} `json:"base"`
}

type pullRequestEvent struct {
	PullRequest *pullRequest `json:"pull_request"`
}

// conversation is where an event of any other kind says which pull request it
// belongs to, if any.
type conversation struct {
	PullRequest *pullRequest `json:"pull_request"`
	Issue       *struct {
		Number int `json:"number"`
		// PullRequest is there for pull requests alone and says nothing of
		// their head.
		PullRequest *struct{} `json:"pull_request"`
	} `json:"issue"`
	IsPull  bool     `json:"is_pull"`
	Comment *comment `json:"comment"`

	WorkflowRun *struct {
		HeadRepository *struct {
			FullName string `json:"full_name"`
		} `json:"head_repository"`
	} `json:"workflow_run"`
}

type comment struct {
	ID   int64  `json:"id"`
	Body string `json:"body"`
	User *struct {
		Login string `json:"login"`
	} `json:"user"`
}

type status struct {
	SHA     string `json:"sha"`
	Context string `json:"context"`
}
