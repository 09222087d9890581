// Package origin says where forges show what an event is about, and what its payload
// calls it. Everything in it is for people to read and click: nothing is asked, and
// nothing is decided by it.
package origin

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/franela/pocketci/events"
)

// titleLimit is the longest title in bytes.
const titleLimit = 300

// Origin is what an event comes from. What is not known is empty.
type Origin struct {
	// Title is the first line of the commit's message, or the title of the pull
	// request, the issue or the release. Anybody may have written it.
	Title string
	// Repository, Commit, Pull and Ref are the pages of the repository, of the commit,
	// of the pull request, and of the branch or tag. They are http or https.
	Repository, Commit, Pull, Ref string
}

// Of returns the origin of an event with its payload. Sha is the commit that the event
// stands for where its payload names none, and may be empty.
func Of(e *events.Event, sha string) Origin {
	o := Origin{Title: title(e)}
	if e.Repository == nil {
		return o
	}
	base, err := url.Parse(strings.TrimRight(e.Repository.WebURL, "/"))
	if err != nil || base.Host == "" || base.User != nil || base.Scheme != "https" && base.Scheme != "http" {
		return o
	}
	base.RawQuery, base.Fragment = "", ""
	o.Repository = base.String()
	paths, known := pathsOf(e.Vendor, base.Hostname())
	if !known {
		return o
	}
	page := func(parts ...string) string {
		return base.JoinPath(parts...).String()
	}
	if e.SHA != "" {
		sha = e.SHA
	}
	// GitHub and Gitea show a fork's commit in the repository that its pull request is of.
	elsewhere := e.Fork != "" && (e.Vendor == events.VendorGitlab || e.Vendor == events.VendorBitbucket)
	if sha != "" && !elsewhere {
		o.Commit = page(paths.commit, url.PathEscape(sha))
	}
	if e.PullRequest > 0 {
		o.Pull = page(paths.pull, strconv.Itoa(e.PullRequest))
	}
	switch {
	case e.Fork != "":
		// Where its branch is shown is not known.
	case e.Branch != "":
		o.Ref = page(paths.branch, escaped(e.Branch))
	case e.Tag != "":
		o.Ref = page(paths.tag, escaped(e.Tag))
	}
	return o
}

// paths are where a forge has its pages, below that of a repository.
type paths struct{ commit, pull, branch, tag string }

var forges = map[string]paths{
	events.VendorGithub:    {"commit", "pull", "tree", "releases/tag"},
	events.VendorGitlab:    {"-/commit", "-/merge_requests", "-/tree", "-/tags"},
	events.VendorGitea:     {"commit", "pulls", "src/branch", "src/tag"},
	events.VendorBitbucket: {"commits", "pull-requests", "branch", "commits/tag"},
}

// hosts are the forges that are at one address, for events that no forge has sent, such
// as ticks.
var hosts = map[string]string{
	"github.com": events.VendorGithub, "gitlab.com": events.VendorGitlab, "codeberg.org": events.VendorGitea,
	"gitea.com": events.VendorGitea, "bitbucket.org": events.VendorBitbucket,
}

func pathsOf(vendor, host string) (paths, bool) {
	p, known := forges[vendor]
	if !known {
		p, known = forges[hosts[strings.ToLower(host)]]
	}
	return p, known
}

// escaped is a name whose slashes part the path.
func escaped(name string) string {
	parts := strings.Split(name, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
		if p == "." || p == ".." {
			parts[i] = strings.ReplaceAll(p, ".", "%2E") // which is no step
		}
	}
	return strings.Join(parts, "/")
}

// payload is where the four forges say what an event is about.
type payload struct {
	HeadCommit  *commit  `json:"head_commit"`
	After       string   `json:"after"`
	Commits     []commit `json:"commits"`
	PullRequest *titled  `json:"pull_request"`
	// Bitbucket has no underscore in it.
	Pullrequest      *titled `json:"pullrequest"`
	MergeRequest     *titled `json:"merge_request"`
	Issue            *titled `json:"issue"`
	ObjectAttributes *titled `json:"object_attributes"`
	Release          *titled `json:"release"`
	Name             string  `json:"name"`
	ObjectKind       string  `json:"object_kind"`
	Push             struct {
		Changes []struct {
			New *struct {
				Target commitOfBitbucket `json:"target"`
			} `json:"new"`
		} `json:"changes"`
	} `json:"push"`
}

type commit struct {
	ID      string `json:"id"`
	Message string `json:"message"`
}

type commitOfBitbucket struct {
	Hash    string `json:"hash"`
	Message string `json:"message"`
}

type titled struct {
	Title   string `json:"title"`
	Name    string `json:"name"`
	TagName string `json:"tag_name"`
}

// title is what the payload of a forge's event calls what it is about.
func title(e *events.Event) string {
	if !e.FromForge() || len(e.Payload) == 0 {
		return ""
	}
	var p payload
	// What has another type than it should is left out, and the rest is read.
	_ = json.Unmarshal(e.Payload, &p)
	for _, t := range []*titled{p.PullRequest, p.Pullrequest, p.MergeRequest, p.Issue, p.Release} {
		if t == nil {
			continue
		}
		for _, text := range []string{t.Title, t.Name, t.TagName} {
			if text = line(text); text != "" {
				return text
			}
		}
	}
	if p.ObjectAttributes != nil && line(p.ObjectAttributes.Title) != "" {
		return line(p.ObjectAttributes.Title)
	}
	for _, change := range p.Push.Changes {
		if change.New != nil && change.New.Target.Hash != "" && change.New.Target.Hash == e.SHA {
			return line(change.New.Target.Message)
		}
	}
	for _, c := range p.Commits {
		if c.ID != "" && c.ID == e.SHA {
			return line(c.Message)
		}
	}
	if p.HeadCommit != nil {
		return line(p.HeadCommit.Message)
	}
	if p.ObjectKind == "release" {
		return line(p.Name)
	}
	return ""
}

// line is the first line of a text that has one.
func line(text string) string {
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n")
	text = strings.TrimSpace(strings.ToValidUTF8(text, "\uFFFD"))
	if len(text) <= titleLimit {
		return text
	}
	cut := titleLimit
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}
