package e2e_test

import (
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/bitbucket"
	"github.com/franela/pocketci/events/bitbucket/bitbuckettest"
	"github.com/franela/pocketci/events/gitea"
	"github.com/franela/pocketci/events/gitea/giteatest"
	"github.com/franela/pocketci/events/github/githubtest"
	"github.com/franela/pocketci/events/gitlab"
	"github.com/franela/pocketci/events/gitlab/gitlabtest"
	talk "github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forge/forgetest"
	"github.com/franela/pocketci/internal/gittest"
)

// publicURL is what agents of these tests take for their address.
const publicURL = "https://ci.example.com"

// whole is a whole forge: its webhooks, and at one host and port its repositories
// and its API. The repository is acme/shop.
type whole struct {
	*forge
	t      *testing.T
	vendor string
	// secret is that of the webhook.
	secret string
	world  forgetest.World
	// login are the lines of agent.yaml that log in.
	login []string
	// env is what an agent needs to reach it.
	env []string

	github    *githubtest.World
	gitlab    *gitlabtest.World
	gitea     *giteatest.World
	bitbucket *bitbuckettest.World
}

// newWhole makes a forge of a vendor whose API and repositories want a token.
func newWhole(t *testing.T, vendor string) *whole {
	t.Helper()
	w := &whole{t: t, vendor: vendor, secret: rand.Text(), forge: &forge{user: "ci-bot", token: "tok-" + rand.Text()}}
	address := "url: "
	switch vendor {
	case events.VendorGithub:
		w.github = githubtest.New(t, githubtest.OfEnterpriseServer)
		w.serve(gittest.NewServer(t), w.github.Prefix+"/", w.github, w.github)
		w.github.URL = w.URL
		address += w.URL
	case events.VendorGitea:
		w.gitea = giteatest.New(t)
		w.serve(gittest.NewServer(t), "/api/v1/", w.gitea, w.gitea)
		address += w.URL
	case events.VendorGitlab:
		w.gitlab = gitlabtest.New(t, "")
		w.serve(gittest.NewServer(t), "/api/v4/", w.gitlab, w.gitlab)
		address += w.URL
	case events.VendorBitbucket:
		// There is one Bitbucket Cloud, whose addresses are part of its
		// payloads. The agent reaches this one in its place through a proxy.
		w.bitbucket = bitbuckettest.New(t)
		server := gittest.NewTLSServer(t, "bitbucket.org", "api.bitbucket.org")
		w.user = "x-token-auth"
		w.serve(server, "/2.0/", w.bitbucket, w.bitbucket)
		w.env = []string{"HTTPS_PROXY=" + newProxy(t, server.Host()), "SSL_CERT_FILE=" + server.CAFile()}
		address = "repositories: [\"**\"]"
	}
	w.world.Token(w.token)
	w.login = []string{address, "token: {from-env: FORGE_TOKEN}"}
	if vendor != events.VendorBitbucket {
		w.login = append(w.login, "username: {from-env: FORGE_USER}")
	}
	return w
}

// newApp makes a GitHub for agents that are an App.
func newApp(t *testing.T) *whole {
	t.Helper()
	w := &whole{t: t, vendor: events.VendorGithub, secret: rand.Text(), forge: &forge{user: "x-access-token", token: forgetest.TokenOfTests}}
	w.github = githubtest.NewApp(t, githubtest.OfEnterpriseServer)
	w.serve(gittest.NewServer(t), w.github.Prefix+"/", w.github, w.github)
	w.github.URL = w.URL
	key := filepath.Join(t.TempDir(), "app.pem")
	if err := os.WriteFile(key, githubtest.PEM(githubtest.KeyOfTests()), 0o600); err != nil {
		t.Fatal(err)
	}
	w.login = []string{"url: " + w.URL, fmt.Sprintf("app: {id: %d, private-key: {from-file: %q}}", githubtest.AppID, key)}
	return w
}

func (w *whole) serve(server *gittest.Server, prefix string, api http.Handler, world forgetest.World) {
	w.Server, w.world = server, world
	server.Handle(prefix, api)
	server.Auth(w.user, w.token)
	w.repo = server.Repo(forgetest.Repository)
}

// know tells the API which commits the repository has.
func (w *whole) know(shas ...string) {
	switch {
	case w.github != nil:
		w.github.Lock()
		defer w.github.Unlock()
		w.github.Commits = append(w.github.Commits, shas...)
	case w.gitlab != nil:
		w.gitlab.Lock()
		defer w.gitlab.Unlock()
		w.gitlab.Commits = append(w.gitlab.Commits, shas...)
	case w.bitbucket != nil:
		w.bitbucket.Lock()
		defer w.bitbucket.Unlock()
		for _, sha := range shas {
			w.bitbucket.Commits[forgetest.Repository+" "+sha[:12]] = sha
		}
	}
}

// commit adds a commit that the API knows as well.
func (w *whole) commit(branch, message string, edits ...gittest.Edit) string {
	w.t.Helper()
	sha := w.repo.Commit(branch, message, edits...)
	w.know(sha)
	return sha
}

// start starts an agent that knows this forge by an agent.yaml with further lines,
// and has nothing of it in its flags.
func (w *whole) start(s settings, lines ...string) *agent {
	w.t.Helper()
	dir := w.t.TempDir()
	secret, config := filepath.Join(dir, "webhook.secret"), filepath.Join(dir, "agent.yaml")
	all := append([]string{"forges:", "  - name: " + w.vendor, "    webhook-secrets: [{from-file: " + strconv.Quote(secret) + "}]"}, indented(w.login)...)
	for path, content := range map[string]string{secret: w.secret + "\n", config: strings.Join(append(all, lines...), "\n") + "\n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	s.config = config
	s.args = append(s.args, "--public-url", publicURL)
	s.env = slices.Concat(s.env, w.env, []string{"FORGE_USER=" + w.user, "FORGE_TOKEN=" + w.token})
	return start(w.t, w.forge, s)
}

func indented(lines []string) []string {
	var all []string
	for _, line := range lines {
		all = append(all, "    "+line)
	}
	return all
}

// payloadCommit is the sha that the payloads give to the commit of that name.
func payloadCommit(name string) string {
	sum := sha1.Sum([]byte(name))
	return hex.EncodeToString(sum[:])
}

// payload reads a payload of the vendor's and makes it one of this forge's. What
// also lists is replaced too, each by the next: first of all commits, by the names
// that they have in the payloads.
func (w *whole) payload(file string, also ...string) []byte {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "payloads", w.vendor, file+".json"))
	if err != nil {
		w.t.Fatal(err)
	}
	replace := []string{
		"hubot-contrib/hello", forgetest.Reed + "/shop", "hubot-contrib", forgetest.Reed, "octo/hello", forgetest.Repository,
		"mona", forgetest.Anna, "557058:mona", forgetest.Anna,
	}
	for _, host := range []string{"https://github.com", "https://git.example.com", "https://gitlab.example.com"} {
		replace = append(replace, host, w.URL)
	}
	for i := 0; i < len(also); i += 2 {
		was, is := also[i], also[i+1]
		if len(is) == 40 && len(was) < 12 {
			was = payloadCommit(was)
			replace = append([]string{was, is, was[:12], is[:12]}, replace...)
		} else {
			replace = append([]string{was, is}, replace...)
		}
		if !strings.Contains(string(data), was[:min(len(was), 12)]) {
			w.t.Fatalf("the payload has no %s", also[i])
		}
	}
	return []byte(strings.NewReplacer(replace...).Replace(string(data)))
}

// deliver sends a webhook as the forge does, under its own word for the event, and
// returns the id that it was accepted under.
func (w *whole) deliver(a *agent, kind string, body []byte) string {
	w.t.Helper()
	status, answer := w.send(a, kind, body)
	r := a.remember([]byte(answer))
	if status != http.StatusAccepted || r.ID == "" || r.Run == 0 {
		w.t.Fatalf("deliver %s: %d %s", kind, status, answer)
	}
	return r.ID
}

// send is deliver for who looks at the answer.
func (w *whole) send(a *agent, kind string, body []byte) (int, string) {
	w.t.Helper()
	header := map[string]string{"Content-Type": "application/json"}
	id := rand.Text()
	switch w.vendor {
	case events.VendorGithub:
		header["X-GitHub-Event"], header["X-GitHub-Delivery"], header["X-Hub-Signature-256"] = kind, id, sign(w.secret, body)
	case events.VendorGitea:
		header["X-Gitea-Event"], header["X-Gitea-Delivery"], header["X-Gitea-Signature"] = kind, id, gitea.Sign(w.secret, body)
	case events.VendorGitlab:
		header["X-Gitlab-Event"], header["Idempotency-Key"] = kind, id
		for name, value := range gitlab.Prove(w.secret, id, time.Now(), body) {
			header[name] = value
		}
	case events.VendorBitbucket:
		header["X-Event-Key"], header["X-Request-UUID"], header["X-Hub-Signature"] = kind, id, bitbucket.Sign(w.secret, body)
	}
	response, answer, err := a.hook("/webhooks/"+w.vendor, body, header)
	if err != nil {
		w.t.Fatalf("deliver %s: %v", kind, err)
	}
	return response.StatusCode, answer
}

// awaitStatus waits until a commit shows a status whose description has a text, and
// returns all of the description.
func (w *whole) awaitStatus(sha, context string, state talk.State, text string) string {
	w.t.Helper()
	shown := ""
	defer func() {
		if w.t.Failed() {
			w.t.Logf("%s of %.12s was last seen as %s", context, sha, shown)
		}
	}()
	description := ""
	until(w.t, fmt.Sprintf("%s is %s, %q", context, state, text), patience, func() bool {
		is, words, url, n := w.world.Status(sha, context)
		description, shown = words, fmt.Sprintf("%s %q %s (%d)", is, words, url, n)
		return is == state && strings.Contains(words, text)
	})
	return description
}

// link is that of a status.
func (w *whole) link(sha, context string) string {
	_, _, url, _ := w.world.Status(sha, context)
	return url
}
