package event

// hub reads GitHub's payloads and those of Gitea and Forgejo, which took most
// of GitHub's fields over. GitHub's are in
// https://docs.github.com/en/webhooks/webhook-events-and-payloads, Gitea's in
// modules/structs/hook.go of github.com/go-gitea/gitea.
type hub struct{}

// login is a user. Old versions of Gitea have only the user name.
type login struct {
	Login    string `json:"login"`
	Username string `json:"username"`
}

func (l login) name() string { return or(l.Login, l.Username) }

type hubCommit struct {
	ID        string `json:"id"`
	Message   string `json:"message"`
	Timestamp string `json:"timestamp"`
	URL       string `json:"url"`
	Author    struct {
		Name     string `json:"name"`
		Email    string `json:"email"`
		Username string `json:"username"`
	} `json:"author"`
}

func (c *hubCommit) commit() Commit {
	return Commit{SHA: c.ID, Message: c.Message, Timestamp: c.Timestamp, URL: c.URL, Author: Person{c.Author.Name, c.Author.Email, c.Author.Username}}
}

func (hub) push(f *File) (*Push, error) {
	var in struct {
		Forced  bool        `json:"forced"`
		Commits []hubCommit `json:"commits"`
		Head    *hubCommit  `json:"head_commit"`
	}
	if err := f.decodePayload(&in); err != nil {
		return nil, err
	}
	p := &Push{Forced: in.Forced}
	for _, c := range in.Commits {
		p.Commits = append(p.Commits, c.commit())
	}
	if in.Head != nil {
		p.Head = in.Head.commit()
	}
	return p, nil
}

// hubTip is one end of a pull request. The repository is null when it has been
// deleted.
type hubTip struct {
	Ref  string `json:"ref"`
	SHA  string `json:"sha"`
	Repo *struct {
		FullName string `json:"full_name"`
	} `json:"repo"`
}

func (t hubTip) tip() Tip {
	tip := Tip{Ref: t.Ref, SHA: t.SHA}
	if t.Repo != nil {
		tip.Repository = t.Repo.FullName
	}
	return tip
}

// hubTalk is a pull request, or an issue.
type hubTalk struct {
	Number  int    `json:"number"`
	Title   string `json:"title"`
	Body    string `json:"body"`
	User    login  `json:"user"`
	Draft   bool   `json:"draft"`
	Merged  bool   `json:"merged"`
	HTMLURL string `json:"html_url"`
	Labels  []struct {
		Name string `json:"name"`
	} `json:"labels"`
	// Only pull requests have two ends.
	Head hubTip `json:"head"`
	Base hubTip `json:"base"`
	// An issue with this object is a pull request in the guise of one.
	PullRequest *struct {
		MergedAt string `json:"merged_at"`
		HTMLURL  string `json:"html_url"`
	} `json:"pull_request"`
}

func (t *hubTalk) pullRequest() *PullRequest {
	p := &PullRequest{
		Number: t.Number, Title: t.Title, Body: t.Body, Author: t.User.name(), Draft: t.Draft, Merged: t.Merged,
		Head: t.Head.tip(), Base: t.Base.tip(), URL: t.HTMLURL,
	}
	for _, label := range t.Labels {
		p.Labels = append(p.Labels, label.Name)
	}
	return p
}

func (hub) pullRequest(f *File) (*PullRequest, error) {
	var in struct {
		PullRequest *hubTalk `json:"pull_request"`
		Issue       *hubTalk `json:"issue"`
	}
	if err := f.decodePayload(&in); err != nil {
		return nil, err
	}
	switch {
	case in.PullRequest != nil:
		p := in.PullRequest.pullRequest()
		p.Fork = p.Head.Repository == "" || p.Head.Repository != p.Base.Repository
		return p, nil
	case in.Issue != nil && in.Issue.PullRequest != nil:
		p := in.Issue.pullRequest()
		p.Merged = in.Issue.PullRequest.MergedAt != ""
		p.URL = or(in.Issue.PullRequest.HTMLURL, p.URL)
		p.Fork = !f.Trusted
		return p, nil
	}
	return nil, nil
}

func (hub) release(f *File) (*Release, error) {
	var in struct {
		Release *struct {
			TagName    string `json:"tag_name"`
			Name       string `json:"name"`
			Body       string `json:"body"`
			Draft      bool   `json:"draft"`
			Prerelease bool   `json:"prerelease"`
			HTMLURL    string `json:"html_url"`
			Author     login  `json:"author"`
		} `json:"release"`
	}
	if err := f.decodePayload(&in); err != nil || in.Release == nil {
		return nil, err
	}
	r := in.Release
	return &Release{
		Tag: r.TagName, Name: r.Name, Body: r.Body, Author: r.Author.name(), URL: r.HTMLURL,
		Draft: r.Draft, Prerelease: r.Prerelease,
	}, nil
}

func (hub) comment(f *File) (*Comment, error) {
	type said struct {
		Body string `json:"body"`
		// Content is the body in reviews of Gitea, whose author is the sender.
		Content string `json:"content"`
		HTMLURL string `json:"html_url"`
		User    login  `json:"user"`
	}
	var in struct {
		Comment     *said    `json:"comment"`
		Review      *said    `json:"review"`
		Issue       *hubTalk `json:"issue"`
		PullRequest *struct {
			Number int `json:"number"`
		} `json:"pull_request"`
		// IsPull is Gitea's way to tell the two apart.
		IsPull bool `json:"is_pull"`
	}
	if err := f.decodePayload(&in); err != nil {
		return nil, err
	}
	what := in.Comment
	if what == nil {
		what = in.Review
	}
	if what == nil {
		return nil, nil
	}
	c := &Comment{Body: or(what.Body, what.Content), Author: or(what.User.name(), f.Sender), URL: what.HTMLURL, OnPullRequest: in.IsPull}
	switch {
	case in.PullRequest != nil:
		c.Number, c.OnPullRequest = in.PullRequest.Number, true
	case in.Issue != nil:
		c.Number = in.Issue.Number
		c.OnPullRequest = in.IsPull || in.Issue.PullRequest != nil
	}
	return c, nil
}
