package github

// The parts of GitHub's payloads that are read. Everything else in a payload
// may have any shape: a field that GitHub changes must not cost an event that
// does not need it.

// envelope is what all events have in common.
type envelope struct {
	Action     string      `json:"action"`
	Repository *repository `json:"repository"`
	Sender     *struct {
		Login string `json:"login"`
	} `json:"sender"`
}

type repository struct {
	FullName      string `json:"full_name"`
	CloneURL      string `json:"clone_url"`
	HTMLURL       string `json:"html_url"`
	DefaultBranch string `json:"default_branch"`
	Private       bool   `json:"private"`
}

// push is a push of a branch or a tag.
type push struct {
	Ref     string `json:"ref"`
	Before  string `json:"before"`
	After   string `json:"after"`
	Deleted bool   `json:"deleted"`
	Forced  bool   `json:"forced"`
}

// wholePush is a push with what all events have in common.
type wholePush struct {
	envelope
	push
}

// refChange is what create and delete tell: a short ref and its type.
type refChange struct {
	Ref     string `json:"ref"`
	RefType string `json:"ref_type"`
}

type workflowDispatch struct {
	Ref string `json:"ref"`
}

// pullRequest is the pull request of an event that is about one or that was
// said on one.
type pullRequest struct {
	Number int     `json:"number"`
	Head   headEnd `json:"head"`
	Base   baseEnd `json:"base"`
}

type headEnd struct {
	Ref  string `json:"ref"`
	SHA  string `json:"sha"`
	Repo *struct {
		FullName string `json:"full_name"`
	} `json:"repo"`
}

type baseEnd struct {
	Ref string `json:"ref"`
	SHA string `json:"sha"`
}

type pullRequestEvent struct {
	PullRequest *pullRequest `json:"pull_request"`
}

// conversation is where an event of any other kind says which pull request it
// belongs to, if any.
type conversation struct {
	PullRequest *pullRequest `json:"pull_request"`
	// Issue stands for pull requests as well; only those have the inner
	// object, which holds links and nothing about their head.
	Issue *struct {
		Number      int       `json:"number"`
		PullRequest *struct{} `json:"pull_request"`
	} `json:"issue"`
	WorkflowRun *struct {
		HeadRepository *struct {
			FullName string `json:"full_name"`
		} `json:"head_repository"`
	} `json:"workflow_run"`
}

// issueComment is what was said on an issue or a pull request.
type issueComment struct {
	Comment *struct {
		ID   int64  `json:"id"`
		Body string `json:"body"`
		// User is null if he is gone.
		User *struct {
			Login string `json:"login"`
		} `json:"user"`
	} `json:"comment"`
}

// madeBy is the GitHub App that something comes from.
type madeBy struct {
	ID int64 `json:"id"`
}

// check is a check run or a check suite.
type check struct {
	// Name is empty for a suite.
	Name         string `json:"name"`
	HeadSHA      string `json:"head_sha"`
	PullRequests []struct {
		Head checkEnd `json:"head"`
		Base checkEnd `json:"base"`
	} `json:"pull_requests"`
}

type checkEnd struct {
	SHA  string `json:"sha"`
	Repo struct {
		ID int64 `json:"id"`
	} `json:"repo"`
}

type checkRun struct {
	Check *check `json:"check_run"`
}

type checkSuite struct {
	Check *check `json:"check_suite"`
}

type status struct {
	SHA     string `json:"sha"`
	Context string `json:"context"`
	// Branches are the repository's own branches that hold the commit.
	Branches []struct{} `json:"branches"`
}

type deployment struct {
	Deployment *struct {
		SHA string `json:"sha"`
	} `json:"deployment"`
}
