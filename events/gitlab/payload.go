package gitlab

import "encoding/json"

// The parts of GitLab's payloads that are read. Everything else in a payload
// may have any shape: a field that GitLab changes must not cost an event that
// does not need it.

// envelope is what all events have in common.
type envelope struct {
	ObjectKind string `json:"object_kind"`
	// EventName is all that events of groups and of the system have.
	EventName string   `json:"event_name"`
	Project   *project `json:"project"`
	User      *struct {
		Username string `json:"username"`
	} `json:"user"`
	// UserUsername is the sender of a push.
	UserUsername string `json:"user_username"`
}

type project struct {
	FullName      string `json:"path_with_namespace"`
	CloneURL      string `json:"git_http_url"`
	WebURL        string `json:"web_url"`
	DefaultBranch string `json:"default_branch"`
	// Visibility is 0 for private, 10 for internal and 20 for public.
	Visibility int `json:"visibility_level"`
}

// push is a push of a branch or a tag.
type push struct {
	Ref    string `json:"ref"`
	Before string `json:"before"`
	After  string `json:"after"`
	// CheckoutSHA is the commit, where After is the object of an annotated
	// tag. It is null if the ref is deleted.
	CheckoutSHA string `json:"checkout_sha"`
}

// mergeRequest is the merge request of an event that is about one or that was
// said on one.
type mergeRequest struct {
	IID             int    `json:"iid"`
	SourceBranch    string `json:"source_branch"`
	TargetBranch    string `json:"target_branch"`
	SourceProjectID int64  `json:"source_project_id"`
	TargetProjectID int64  `json:"target_project_id"`
	// Source is null if that project has been deleted, and left out of
	// pipeline events.
	Source *struct {
		FullName string `json:"path_with_namespace"`
	} `json:"source"`
	LastCommit *struct {
		ID string `json:"id"`
	} `json:"last_commit"`
	// OldRev is there only if the commits changed.
	OldRev string `json:"oldrev"`
}

type mergeRequestEvent struct {
	Attributes *mergeRequest              `json:"object_attributes"`
	Changes    map[string]json.RawMessage `json:"changes"`
}

// change is what became of one field of a merge request.
type change struct {
	Previous json.RawMessage `json:"previous"`
	Current  json.RawMessage `json:"current"`
}

type note struct {
	Attributes *struct {
		ID           int64  `json:"id"`
		Note         string `json:"note"`
		NoteableType string `json:"noteable_type"`
		System       bool   `json:"system"`
	} `json:"object_attributes"`
	MergeRequest *mergeRequest `json:"merge_request"`
}

type release struct {
	Tag    string `json:"tag"`
	Commit *struct {
		ID string `json:"id"`
	} `json:"commit"`
}

type pipeline struct {
	Attributes *struct {
		Ref    string `json:"ref"`
		SHA    string `json:"sha"`
		Source string `json:"source"`
		Status string `json:"status"`
	} `json:"object_attributes"`
	MergeRequest *mergeRequest `json:"merge_request"`
}

type job struct {
	Ref    string `json:"ref"`
	SHA    string `json:"sha"`
	Status string `json:"build_status"`
}

type deployment struct {
	Status    string `json:"status"`
	CommitURL string `json:"commit_url"`
}

// conversation is where an event of any other kind says what it belongs to.
type conversation struct {
	MergeRequest *mergeRequest `json:"merge_request"`
}

// actions is where an event says what was done. Releases have it at the top.
type actions struct {
	Action     string `json:"action"`
	Attributes struct {
		Action string `json:"action"`
	} `json:"object_attributes"`
}
