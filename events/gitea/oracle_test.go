package gitea_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	sdk "code.gitea.io/sdk/gitea"

	"github.com/franela/pocketci/events/gitea"
)

// shape is the union of the payloads in modules/structs of Gitea, made of the
// types that Gitea's own client has for what they hold.
type shape struct {
	Action            string           `json:"action"`
	Number            int64            `json:"number"`
	Ref               string           `json:"ref"`
	RefType           string           `json:"ref_type"`
	PusherType        string           `json:"pusher_type"`
	SHA               string           `json:"sha"`
	Before            string           `json:"before"`
	After             string           `json:"after"`
	CompareURL        string           `json:"compare_url"`
	Commits           []payloadCommit  `json:"commits"`
	TotalCommits      int              `json:"total_commits"`
	HeadCommit        *payloadCommit   `json:"head_commit"`
	Commit            *payloadCommit   `json:"commit"`
	CommitID          string           `json:"commit_id"`
	Pusher            *sdk.User        `json:"pusher"`
	Sender            *sdk.User        `json:"sender"`
	Organization      *sdk.User        `json:"organization"`
	RequestedReviewer *sdk.User        `json:"requested_reviewer"`
	Repository        *sdk.Repository  `json:"repository"`
	Forkee            *sdk.Repository  `json:"forkee"`
	PullRequest       *sdk.PullRequest `json:"pull_request"`
	Issue             *sdk.Issue       `json:"issue"`
	Comment           *sdk.Comment     `json:"comment"`
	IsPull            bool             `json:"is_pull"`
	Release           *sdk.Release     `json:"release"`
	Package           *json.RawMessage `json:"package"`
	Review            *struct {
		Type    string `json:"type"`
		Content string `json:"content"`
	} `json:"review"`
	Changes *struct {
		Title, Body, Ref *struct {
			From string `json:"from"`
		}
		Added   []sdk.Label `json:"added_labels"`
		Removed []sdk.Label `json:"removed_labels"`
	} `json:"changes"`
	Context     string          `json:"context"`
	State       sdk.StatusState `json:"state"`
	Description string          `json:"description"`
	TargetURL   string          `json:"target_url"`
	ID          int64           `json:"id"`
	CreatedAt   *string         `json:"created_at"`
	UpdatedAt   *string         `json:"updated_at"`
}

type payloadCommit struct {
	ID           string           `json:"id"`
	Message      string           `json:"message"`
	URL          string           `json:"url"`
	Author       *payloadUser     `json:"author"`
	Committer    *payloadUser     `json:"committer"`
	Verification *json.RawMessage `json:"verification"`
	Timestamp    string           `json:"timestamp"`
	Added        []string         `json:"added"`
	Removed      []string         `json:"removed"`
	Modified     []string         `json:"modified"`
}

type payloadUser struct {
	Name     string `json:"name"`
	Email    string `json:"email"`
	UserName string `json:"username"`
}

// The payloads in testdata are written by hand. They hold what Gitea's own types
// know, and these find in them what this package finds.
func TestSamplesAgainstSDK(t *testing.T) {
	t.Parallel()
	for _, s := range samples {
		t.Run(s.file, func(t *testing.T) {
			t.Parallel()
			payload := read(t, s.file)
			var theirs shape
			decoder := json.NewDecoder(bytes.NewReader(payload))
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(&theirs); err != nil {
				t.Fatal(err)
			}
			e, _ := gitea.Parse(s.kind, payload)
			same := func(what, ours, theirs string) {
				t.Helper()
				if ours != theirs {
					t.Errorf("%s is %q, and %q to the SDK", what, ours, theirs)
				}
			}
			same("sender", e.Sender, theirs.Sender.UserName)
			if s.kind != "fork" && theirs.Repository != nil {
				same("repository", e.Repository.FullName, theirs.Repository.FullName)
				same("clone url", e.Repository.CloneURL, theirs.Repository.CloneURL)
			}
			if p := theirs.PullRequest; p != nil {
				if int64(e.PullRequest) != p.Index {
					t.Errorf("number %d, and %d to the SDK", e.PullRequest, p.Index)
				}
				if draft := strings.HasSuffix(s.file, "_draft"); draft != p.Draft {
					t.Errorf("draft is %t", p.Draft)
				}
				if e.Name == "pull_request" {
					same("sha", e.SHA, p.Head.Sha)
					same("base sha", e.BaseSHA, p.Base.Sha)
					same("branch", e.Branch, p.Head.Name)
				}
			}
		})
	}
}

// Gitea's own client takes the signatures that are taken here.
func TestSignatureAgainstSDK(t *testing.T) {
	t.Parallel()
	body := read(t, "push")
	for name, signature := range map[string]string{"right": gitea.Sign(secret, body), "wrong": gitea.Sign("wrong", body), "none": "x"} {
		theirs, _ := sdk.VerifyWebhookSignature(secret, signature, body)
		_, err := newSource(t, secret).Receive(map[string][]string{"X-Gitea-Event": {"push"}, "X-Gitea-Signature": {signature}}, body)
		if theirs != (err == nil) {
			t.Errorf("%s: %v, and %t to the SDK", name, err, theirs)
		}
	}
}
