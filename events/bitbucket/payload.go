package bitbucket

// The parts of the payloads that are read. Everything else in a payload may have
// any shape: a field that changes must not cost an event that does not need it.

// envelope is what all events have in common.
type envelope struct {
	Repository *repository `json:"repository"`
	Actor      *account    `json:"actor"`
}

// account is a person, a team or an access token.
type account struct {
	// AccountID is the Atlassian account's; access tokens and teams may have
	// none.
	AccountID string `json:"account_id"`
	UUID      string `json:"uuid"`
}

// login returns what identifies an account. Nicknames do not: everybody chooses
// their own, and two people may have the same.
func (a *account) login() string {
	switch {
	case a == nil:
		return ""
	case a.AccountID != "":
		return a.AccountID
	}
	return a.UUID
}

type repository struct {
	FullName   string `json:"full_name"`
	IsPrivate  bool   `json:"is_private"`
	MainBranch *struct {
		Name string `json:"name"`
	} `json:"mainbranch"`
	Links struct {
		HTML link `json:"html"`
	} `json:"links"`
}

type link struct {
	Href string `json:"href"`
}

type push struct {
	Push *struct {
		Changes []change `json:"changes"`
	} `json:"push"`
}

// change is what a push does to one ref. Old is null for one that it creates, and
// New for one that it deletes.
type change struct {
	Old    *state `json:"old"`
	New    *state `json:"new"`
	Forced bool   `json:"forced"`
}

// state is a ref before or after a push.
type state struct {
	Type   string `json:"type"`
	Name   string `json:"name"`
	Target struct {
		Hash string `json:"hash"`
	} `json:"target"`
}

// pullRequest is the pull request of an event or of the API. Both abbreviate the
// commits of its ends to twelve digits.
type pullRequest struct {
	ID          int    `json:"id"`
	Source      side   `json:"source"`
	Destination side   `json:"destination"`
	Title       string `json:"title"`
	// State is OPEN, MERGED, DECLINED or SUPERSEDED.
	State  string   `json:"state"`
	Author *account `json:"author"`
}

// side is an end of a pull request. Its repository is null if it was deleted.
type side struct {
	Branch struct {
		Name string `json:"name"`
	} `json:"branch"`
	Commit *struct {
		Hash string `json:"hash"`
	} `json:"commit"`
	Repository *struct {
		FullName string `json:"full_name"`
	} `json:"repository"`
}

// hash returns the commit of an end as it was sent.
func (s *side) hash() string {
	if s.Commit == nil {
		return ""
	}
	return s.Commit.Hash
}

// conversation is where an event says which pull request it belongs to, and what
// was said.
type conversation struct {
	PullRequest *pullRequest `json:"pullrequest"`
	Comment     *comment     `json:"comment"`
}

type comment struct {
	ID      int64 `json:"id"`
	Content struct {
		Raw string `json:"raw"`
	} `json:"content"`
	User *account `json:"user"`
	// Inline is there for comments on a line of code.
	Inline *struct{} `json:"inline"`
}

type statusEvent struct {
	Status *struct {
		Name  string `json:"name"`
		Links struct {
			Commit link `json:"commit"`
		} `json:"links"`
	} `json:"commit_status"`
}
