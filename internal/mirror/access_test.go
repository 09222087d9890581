package mirror_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/gittest"
	"github.com/franela/pocketci/internal/mirror"
)

const token = "s3cr3t-t0k3n'\"$(id)"

// withToken gives the credentials to the hosts.
func withToken(hosts ...string) func(*mirror.Options) {
	return func(o *mirror.Options) {
		o.Credentials = mirror.Credentials{Username: "bot", Token: token, Hosts: hosts}
	}
}

func TestCredentialsOpenPrivateRepositories(t *testing.T) {
	s := newSetup(t)
	sha := s.repo.Commit("main", "1", gittest.Write("a", "1"))
	s.server.Auth("bot", token)
	var log bytes.Buffer
	s.mirrors = s.open(withToken(s.server.Host()), func(o *mirror.Options) {
		o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	snap := s.snapshot(s.push("main", "", sha))
	if _, err := snap.Refs(t.Context()); err != nil {
		t.Errorf("refs: %v", err)
	}
	dir, release, err := s.mirrors.Checkout(t.Context(), snap.Tree, true)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if got := gittest.Git(t, dir, "log", "--format=%s"); got != "1" {
		t.Errorf("log is %q", got)
	}
	if strings.Contains(log.String(), "s3cr3t") || !strings.Contains(log.String(), "phase=fetch") {
		t.Errorf("log is %s", log.String())
	}
	err = filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte("s3cr3t")) {
			t.Errorf("the token is in %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestCredentialsGoToTrustedHostsOnly(t *testing.T) {
	tests := map[string]struct {
		hosts func(s *setup) []string
		sent  bool
	}{
		"nobody is named":            {hosts: func(*setup) []string { return nil }},
		"another host":               {hosts: func(*setup) []string { return []string{"github.com", "example.com"} }},
		"the host without its port":  {hosts: func(*setup) []string { return []string{"127.0.0.1"} }},
		"another port":               {hosts: func(*setup) []string { return []string{"127.0.0.1:1"} }},
		"the host as another scheme": {hosts: func(s *setup) []string { return []string{"https://" + s.server.Host()} }},
		"a host that ends the same":  {hosts: func(s *setup) []string { return []string{strings.TrimPrefix(s.server.Host(), "127.")} }},
		"the host and port":          {hosts: func(s *setup) []string { return []string{"x", s.server.Host()} }, sent: true},
		"the host and port in clear": {hosts: func(s *setup) []string { return []string{s.server.URL} }, sent: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSetup(t)
			sha := s.repo.Commit("main", "1", gittest.Write("a", "1"))
			s.server.Auth("bot", token)
			s.mirrors = s.open(withToken(tt.hosts(s)...))
			_, err := s.mirrors.Snapshot(t.Context(), s.push("main", "", sha))
			if tt.sent && err != nil {
				t.Errorf("snapshot: %v", err)
			}
			if !tt.sent && !errors.Is(err, mirror.ErrAuth) {
				t.Errorf("error is %v, want ErrAuth", err)
			}
			for _, r := range s.server.Requests() {
				if r.Authorization != "" && !tt.sent {
					t.Errorf("credentials were sent to %s", r.Path)
				}
			}
			if !tt.sent && len(s.server.Requests()) != 1 {
				t.Errorf("a refusal was tried again: %+v", s.server.Requests())
			}
		})
	}
}

func TestRedirectsCarryNoCredentials(t *testing.T) {
	for _, public := range []bool{true, false} {
		t.Run(fmt.Sprintf("public=%v", public), func(t *testing.T) {
			s := newSetup(t)
			other := gittest.NewServer(t)
			sha := other.Repo(fullName).Commit("main", "1", gittest.Write("a", "1"))
			if !public {
				other.Auth("bot", token)
			}
			s.server.RedirectTo(other.URL)
			s.mirrors = s.open(withToken(s.server.Host()))
			_, err := s.mirrors.Snapshot(t.Context(), s.push("main", "", sha))
			if public != (err == nil) || !public && !errors.Is(err, mirror.ErrAuth) {
				t.Errorf("error is %v", err)
			}
			if len(other.Requests()) == 0 {
				t.Error("the redirect was not followed")
			}
			for _, r := range other.Requests() {
				if r.Authorization != "" {
					t.Errorf("credentials were sent to %s of another host", r.Path)
				}
			}
		})
	}
}

func TestFailures(t *testing.T) {
	tests := map[string]struct {
		prepare  func(s *setup)
		want     error
		requests int
	}{
		"three 503 are survived":          {prepare: func(s *setup) { s.server.Fail(3, http.StatusServiceUnavailable) }},
		"429 is survived":                 {prepare: func(s *setup) { s.server.Fail(1, http.StatusTooManyRequests) }},
		"four 503 are too many":           {prepare: func(s *setup) { s.server.Fail(4, http.StatusServiceUnavailable) }, want: mirror.ErrUnavailable, requests: 4},
		"403 is final":                    {prepare: func(s *setup) { s.server.Fail(1, http.StatusForbidden) }, want: mirror.ErrAuth, requests: 1},
		"404 is final":                    {prepare: func(s *setup) { s.server.Fail(1, http.StatusNotFound) }, want: mirror.ErrNotFound, requests: 1},
		"401 with a wrong token is final": {prepare: func(s *setup) { s.server.Auth("bot", "other") }, want: mirror.ErrAuth, requests: 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newSetup(t)
			sha := s.repo.Commit("main", "1", gittest.Write("a", "1"))
			s.mirrors = s.open(withToken(s.server.Host()))
			tt.prepare(s)
			_, err := s.mirrors.Snapshot(t.Context(), s.push("main", "", sha))
			if !errors.Is(err, tt.want) {
				t.Fatalf("error is %v, want %v", err, tt.want)
			}
			if tt.requests != 0 && len(s.server.Requests()) != tt.requests {
				t.Errorf("%d requests, want %d", len(s.server.Requests()), tt.requests)
			}
			if tt.want != nil {
				if msg := err.Error(); !strings.Contains(msg, fullName) || !strings.Contains(msg, s.server.Host()) || strings.Contains(msg, "s3cr3t") {
					t.Errorf("message is %q", msg)
				}
			}
		})
	}
	t.Run("a server that is not there", func(t *testing.T) {
		s := newSetup(t)
		ev := s.push("main", "", strings.Repeat("ab", 20))
		ev.Repository.CloneURL = "http://127.0.0.1:1/acme/shop.git"
		if _, err := s.mirrors.Snapshot(t.Context(), ev); !errors.Is(err, mirror.ErrUnavailable) {
			t.Errorf("error is %v", err)
		}
	})
	t.Run("a server that does not answer", func(t *testing.T) {
		s := newSetup(t)
		s.server.Slow(time.Hour)
		// How long git takes to ask is up to the machine. Whatever the limit is,
		// four attempts end with it; it grows until they have come to ask.
		for limit := 50 * time.Millisecond; len(s.server.Requests()) < 4; limit *= 2 {
			s.server.Reset()
			var log bytes.Buffer
			s.mirrors = s.open(func(o *mirror.Options) {
				o.FetchTimeout, o.Log = limit, slog.New(slog.NewTextHandler(&log, nil))
			})
			_, err := s.mirrors.Snapshot(t.Context(), s.push("main", "", strings.Repeat("ab", 20)))
			if again := strings.Count(log.String(), "trying again"); !errors.Is(err, mirror.ErrUnavailable) || again != 3 {
				t.Fatalf("within %s: error is %v, it was tried again %d times", limit, err, again)
			}
		}
	})
}

// processes returns the command lines of all processes that run in or on dir.
func processes(t *testing.T, dir string) []string {
	t.Helper()
	environs, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil || len(environs) == 0 {
		t.Skip("no /proc here")
	}
	var found []string
	for _, path := range environs {
		env, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(env, []byte("GIT_DIR="+dir)) {
			continue
		}
		line, err := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		if err == nil && len(line) > 0 {
			found = append(found, string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
		}
	}
	return found
}

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func TestCancelEndsGitAndShowsNoSecret(t *testing.T) {
	s := newSetup(t)
	sha := s.repo.Commit("main", "1", gittest.Write("a", "1"))
	s.server.Auth("bot", token)
	s.mirrors = s.open(withToken(s.server.Host()))
	s.server.Slow(time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	var err error
	wg.Go(func() { _, err = s.mirrors.Snapshot(ctx, s.push("main", "", sha)) })
	await(t, "the request", func() bool { return len(s.server.Requests()) > 0 })
	running := processes(t, s.dir)
	if len(running) < 2 {
		t.Errorf("git and its transport should run: %q", running)
	}
	for _, line := range running {
		if strings.Contains(line, "s3cr3t") || strings.Contains(line, "bot") {
			t.Errorf("process shows a secret: %s", line)
		}
	}
	cancel()
	wg.Wait()
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	await(t, "the end of all processes", func() bool { return len(processes(t, s.dir)) == 0 })

	// Nothing is left behind that would stop the next fetch.
	s.server.Slow(0)
	s.snapshot(s.push("main", "", sha))
}

func TestHostileCloneURLs(t *testing.T) {
	marker := filepath.Join(t.TempDir(), "marker")
	for _, url := range []string{
		"", " ", "acme/shop", "/etc", "./x", "../x", "file:///etc", "FILE:///etc",
		"ext::sh -c 'touch " + marker + "'", "ext::sh%20-c%20touch%20" + marker,
		"--upload-pack=touch " + marker, "-u", "fd::17", "git://example.com/x", "ssh://example.com/x",
		"ssh://-oProxyCommand=touch%20" + marker + "/x", "git@example.com:x", "-oProxyCommand=x@host:path",
		"ftp://example.com/x", "http://example.com/x", "https://", "https:///x", "https://example.com", "https://example.com/",
		"https://-example.com/x", "https://exa mple.com/x", "https://example.com:99999999/x", "https:example.com/x",
		"https://example.com/x?y=z", "https://example.com/x#y", "https://example.com/x\n[core]", "https://example.com/x\x00",
		"https://example.com\\@evil.example/x", "https://exämple.com/x", "https://[::1/x", "https://" + strings.Repeat("a", 3000) + "/x",
	} {
		t.Run(url, func(t *testing.T) {
			m, err := mirror.New(mirror.Options{Dir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Close()
			ev := (&setup{t: t, server: &gittest.Server{}}).push("main", "", strings.Repeat("ab", 20))
			ev.Repository.CloneURL = url
			_, err = m.Snapshot(t.Context(), ev)
			if !errors.Is(err, mirror.ErrURL) {
				t.Errorf("error is %v, want ErrURL", err)
			}
			if _, err := os.Stat(marker); err == nil {
				t.Error("a command was run")
			}
		})
	}
}

func TestUserInfoOfCloneURLIsDropped(t *testing.T) {
	s := newSetup(t)
	sha := s.repo.Commit("main", "1", gittest.Write("a", "1"))
	ev := s.push("main", "", sha)
	ev.Repository.CloneURL = strings.Replace(ev.Repository.CloneURL, "://", "://evil:p4ss@", 1)
	s.snapshot(ev)
	for _, r := range s.server.Requests() {
		if r.Authorization != "" {
			t.Errorf("sent %s", r.Authorization)
		}
	}
}

func TestNamesInPayloadsDoNotChooseTheMirror(t *testing.T) {
	s := newSetup(t)
	secret := s.repo.Commit("main", "1", gittest.Write("a", "secret"))
	s.snapshot(s.push("main", "", secret))
	s.server.Repo("evil/repo").Commit("main", "1", gittest.Write("b", "1"))

	ev := s.push("main", "", secret)
	ev.Repository.CloneURL = s.server.CloneURL("evil/repo")
	if snap, err := s.mirrors.Snapshot(t.Context(), ev); !errors.Is(err, mirror.ErrCommit) {
		t.Errorf("a payload got %+v, %v of another repository", snap, err)
	}
	for _, name := range []string{"../../../../tmp/x", "..", ".", "", "/etc/passwd", "a\x00b", strings.Repeat("x/", 500)} {
		ev := s.push("main", "", secret)
		ev.Repository.FullName = name
		s.snapshot(ev)
	}
	entries, err := filepath.Glob(filepath.Join(s.dir, "*"))
	if err != nil || len(entries) != 2 {
		t.Errorf("data directory holds %v, %v", entries, err)
	}
}

func TestTLS(t *testing.T) {
	server := gittest.NewTLSServer(t)
	s := &setup{t: t, server: server, repo: server.Repo(fullName), dir: t.TempDir()}
	sha := s.repo.Commit("main", "1", gittest.Write("a", "1"))
	server.Auth("bot", token)
	s.mirrors = s.open(withToken(server.Host()), func(o *mirror.Options) { o.Schemes = nil })
	if _, err := s.mirrors.Snapshot(t.Context(), s.push("main", "", sha)); !errors.Is(err, mirror.ErrGit) || len(server.Requests()) > 0 {
		t.Errorf("an unknown certificate: %v", err)
	}
	for _, name := range []string{"GIT_SSL_CAINFO", "SSL_CERT_FILE"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GIT_SSL_CAINFO", "")
			t.Setenv(name, server.CAFile())
			if got := read(t, s.snapshot(s.push("main", "", sha)).Tree.FS, "a"); got != "1" {
				t.Errorf("a is %q", got)
			}
			sha = s.repo.Commit("main", "next", gittest.Write("b", name)) // to be fetched by the next
		})
	}
}

// Each server gets the login that is its own, and no other.
func TestLogins(t *testing.T) {
	s := newSetup(t)
	sha := s.repo.Commit("main", "1", gittest.Write("a", "1"))
	s.server.Auth("app", "t0k3n-of-the-app")
	asked := []string{}
	login := func(host, token string, err error) func(*mirror.Options) {
		return func(o *mirror.Options) {
			o.Dir = t.TempDir()
			o.Credentials = mirror.Credentials{Username: "bot", Token: "t0k3n-of-the-bot", Hosts: []string{"example.com"}}
			o.Logins = append(o.Logins, mirror.Login{Host: host, Get: func(_ context.Context, repository string) (string, string, error) {
				asked = append(asked, repository)
				return "app", token, err
			}})
		}
	}
	for name, c := range map[string]struct {
		host, token string
		err         error
		want        error
	}{
		"the right one":  {s.server.Host(), "t0k3n-of-the-app", nil, nil},
		"a wrong token":  {s.server.Host(), "t0k3n-that-is-wrong", nil, mirror.ErrAuth},
		"another server": {"example.org", "t0k3n-of-the-app", nil, mirror.ErrAuth},
		"no token":       {s.server.Host(), "", errors.New("the App is not installed there"), mirror.ErrAuth},
		"a broken token": {s.server.Host(), "a\nb", nil, mirror.ErrAuth},
	} {
		asked = nil
		mirrors := s.open(login(c.host, c.token, c.err))
		event := s.push("main", "", sha)
		_, err := mirrors.Snapshot(t.Context(), event)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if err != nil && c.token != "" && strings.Contains(err.Error(), c.token) {
			t.Errorf("%s: the error shows the token: %v", name, err)
		}
		if c.host == s.server.Host() && (len(asked) == 0 || asked[0] != event.Repository.FullName) || c.host != s.server.Host() && len(asked) > 0 {
			t.Errorf("%s: a token was asked for %q", name, asked)
		}
	}
}

// The head of a fork's pull request may be in the fork alone, and the login may be
// for the repository alone.
func TestHeadThatIsInTheForkAlone(t *testing.T) {
	for name, c := range map[string]struct {
		fork string
		ref  bool // the fork is asked by its branch
		want error
	}{
		"in the fork":            {fork: "reed/shop"},
		"by its branch":          {fork: "reed/shop", ref: true},
		"of an unknown fork":     {fork: "unknown", want: mirror.ErrCommit},
		"of a fork that is gone": {fork: "reed/gone", want: mirror.ErrCommit},
		"of no name of a fork":   {fork: "../reed/shop", want: mirror.ErrCommit},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSetup(t)
			if c.ref {
				s.server.Old()
			}
			base := s.repo.Commit("main", "1", gittest.Write("a", "1"))
			fork := s.server.Repo("reed/shop")
			fork.Git("fetch", "--quiet", s.repo.Dir, "main:main")
			head := fork.Commit("main", "2", gittest.Write("a", "2"))
			ev := s.push("main", "", head)
			ev.Name, ev.PullRequest, ev.BaseRef, ev.BaseSHA, ev.Fork, ev.Trusted = events.NamePullRequest, 9, "main", base, c.fork, false
			snap, err := s.mirrors.Snapshot(t.Context(), ev)
			if !errors.Is(err, c.want) {
				t.Fatalf("%v, want %v", err, c.want)
			}
			if c.want != nil {
				return
			}
			if snap.SHA != head || snap.Base == nil || snap.Base.Commit != base || len(snap.Changes.Files) != 1 {
				t.Errorf("the head is %s, the base %+v, the changes %+v", snap.SHA, snap.Base, snap.Changes)
			}
			if got := read(t, snap.Tree.FS, "a"); got != "2" {
				t.Errorf("a is %q", got)
			}
		})
	}
}
