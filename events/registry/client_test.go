package registry_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/registry"
	"github.com/franela/pocketci/events/registry/registrytest"
	"github.com/franela/pocketci/internal/poll"
)

func openRemote(t *testing.T, w registry.Where) *registry.Remote {
	t.Helper()
	r, err := registry.Open(w)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRealRegistry(t *testing.T) {
	real := registrytest.Start(t)
	r := openRemote(t, registry.Where{Host: real.Host, Repository: "acme/shop", Insecure: true})
	if _, err := r.Tags(t.Context()); !errors.Is(err, registry.ErrNoRepository) {
		t.Errorf("before the first push: %v", err)
	}
	if _, err := r.Digest(t.Context(), "v1"); !errors.Is(err, registry.ErrNoTag) {
		t.Errorf("before the first push: %v", err)
	}
	first := real.Push("acme/shop", "v1")
	index := real.Index("acme/shop", "all")
	tags, err := r.Tags(t.Context())
	if diff := cmp.Diff([]string{"all", "v1"}, tags); diff != "" || err != nil {
		t.Error(err, diff)
	}
	for tag, want := range map[string]string{"v1": first, "all": index} {
		for range 2 {
			if got, err := r.Digest(t.Context(), tag); err != nil || got != want {
				t.Errorf("%s stands for %s (%v), want %s", tag, got, err, want)
			}
		}
	}
	second := real.Push("acme/shop", "v1")
	if got, err := r.Digest(t.Context(), "v1"); err != nil || got != second {
		t.Errorf("overwritten, v1 stands for %s (%v), want %s", got, err, second)
	}
	real.Delete("acme/shop", second)
	if _, err := r.Digest(t.Context(), "v1"); !errors.Is(err, registry.ErrNoTag) {
		t.Errorf("deleted: %v", err)
	}
	real.Down()
	if _, err := r.Tags(t.Context()); err == nil {
		t.Error("a registry that is down lists tags")
	}
	real.Up()
	if _, err := r.Tags(t.Context()); err != nil {
		t.Error(err)
	}
}

// 2,000 tags cost one list and one question, and make a position of some kilobytes.
func TestManyTags(t *testing.T) {
	real := registrytest.Start(t)
	image := registrytest.Image(t)
	real.Write("acme/shop", "v0.0.0", image)
	real.Fill("acme/shop", "v0.0.0", 1999, func(i int) string { return fmt.Sprintf("v0.0.%d", i+1) })
	r := openRemote(t, registry.Where{Host: real.Host, Repository: "acme/shop", Insecure: true})
	tags, err := r.Tags(t.Context())
	if err != nil || len(tags) != 2000 || !slices.IsSorted(tags) {
		t.Errorf("got %d tags (%v)", len(tags), err)
	}
	source := &registry.Source{
		Watch:    registry.Watch{Name: "shop", Host: real.Host, Repository: "acme/shop", Interval: time.Minute, AutoDeploy: true, Attempts: 3},
		Registry: r,
		Outcome:  func(context.Context, string) (registry.Outcome, error) { return registry.Outcome{}, nil },
		Aim:      func(context.Context, *events.Event) error { return nil },
	}
	found, err := source.Poll(t.Context(), poll.At{Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	if len(found.Events) != 2 || found.Events[1].Filter != "acme/shop:v0.0.1999" || len(found.Position) > 64<<10 {
		t.Errorf("%d events, and a position of %d bytes", len(found.Events), len(found.Position))
	}
	real.Tag("acme/shop", image, "v0.0.2000")
	found, err = source.Poll(t.Context(), poll.At{Now: time.Now(), Position: found.Position})
	if err != nil || len(found.Events) != 2 || found.Events[0].Name != registry.NameTag || found.Events[1].Name != registry.NameRelease {
		t.Errorf("one more tag makes %d events (%v)", len(found.Events), err)
	}
}

func TestLogin(t *testing.T) {
	const user, password = "robot", "correct-horse-battery"
	real := registrytest.Start(t, registrytest.WithLogin(user, password))
	real.Push("acme/shop", "v1")
	config := func(text string) string {
		path := filepath.Join(t.TempDir(), "config.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	basic := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	for name, c := range map[string]struct {
		login   registry.Login
		problem string
	}{
		"user and token":                {login: registry.Login{Username: user, Token: password}},
		"Docker's configuration":        {login: registry.Login{DockerConfig: config(fmt.Sprintf(`{"auths": {%q: {"auth": %q}}}`, real.Host, basic))}},
		"nobody":                        {problem: "authentication required"},
		"a wrong token":                 {login: registry.Login{Username: user, Token: "wrong-horse-battery"}, problem: "authentication required"},
		"a configuration of another":    {login: registry.Login{DockerConfig: config(`{"auths": {"other.example.com": {"auth": "` + basic + `"}}}`)}, problem: "has no login for"},
		"a configuration that is none":  {login: registry.Login{DockerConfig: config(`{"auths": [`)}, problem: "read Docker's configuration"},
		"a configuration that is away":  {login: registry.Login{DockerConfig: "/nowhere/config.json"}, problem: "no such file"},
		"a helper that is not there":    {login: registry.Login{DockerConfig: config(`{"credHelpers": {"` + real.Host + `": "nobody-has-this"}}`)}, problem: "find the login of"},
		"a token that the registry has": {login: registry.Login{Token: "a-token-for-bearer"}, problem: "authentication required"},
	} {
		t.Run(name, func(t *testing.T) {
			r := openRemote(t, registry.Where{Host: real.Host, Repository: "acme/shop", Insecure: true, Login: c.login})
			tags, err := r.Tags(t.Context())
			switch {
			case c.problem == "":
				if err != nil || !slices.Equal(tags, []string{"v1"}) {
					t.Errorf("got %v, %v", tags, err)
				}
			case err == nil || !strings.Contains(err.Error(), c.problem):
				t.Errorf("got %v, want %q", err, c.problem)
			case strings.Contains(err.Error(), basic) || strings.Contains(err.Error(), "horse"):
				t.Errorf("the error holds a secret: %v", err)
			}
		})
	}
}

// standIn is a registry that does what real ones do and Debian's does not.
func standIn(t *testing.T, routes map[string]http.HandlerFunc) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v2/{$}", func(http.ResponseWriter, *http.Request) {})
	for pattern, h := range routes {
		mux.HandleFunc(pattern, h)
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

const (
	digestA = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// What has not changed is not sent again, if the registry can tell.
func TestETags(t *testing.T) {
	etag, full, same := `"1"`, 0, 0
	tagged := func(answer func(http.ResponseWriter)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", etag)
			if r.Header.Get("If-None-Match") == etag {
				same++
				w.WriteHeader(http.StatusNotModified)
				return
			}
			full++
			answer(w)
		}
	}
	digest := digestA
	host := standIn(t, map[string]http.HandlerFunc{
		"GET /v2/acme/shop/tags/list":     tagged(func(w http.ResponseWriter) { fmt.Fprint(w, `{"tags": ["v1"]}`) }),
		"HEAD /v2/acme/shop/manifests/v1": tagged(func(w http.ResponseWriter) { w.Header().Set("Docker-Content-Digest", digest) }),
	})
	r := openRemote(t, registry.Where{Host: host, Repository: "acme/shop", Insecure: true})
	for round, want := range []string{digestA, digestA, digestB} {
		if round == 2 {
			etag, digest = `"2"`, digestB
		}
		tags, err := r.Tags(t.Context())
		if err != nil || !slices.Equal(tags, []string{"v1"}) {
			t.Errorf("round %d: tags %v, %v", round, tags, err)
		}
		if got, err := r.Digest(t.Context(), "v1"); err != nil || got != want {
			t.Errorf("round %d: digest %s, %v", round, got, err)
		}
	}
	if full != 4 || same != 2 {
		t.Errorf("%d answers in full and %d that nothing changed, want 4 and 2", full, same)
	}
}

func TestPauses(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		header string
		want   time.Duration
		about  time.Duration
	}{
		"seconds":              {status: 429, header: "90", want: 90 * time.Second},
		"a date":               {status: 429, header: time.Now().Add(10 * time.Minute).UTC().Format(http.TimeFormat), want: 10 * time.Minute, about: 2 * time.Second},
		"a date that is past":  {status: 429, header: time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat)},
		"for ever":             {status: 429, header: "99999999", want: time.Hour},
		"unavailable":          {status: 503, header: "7", want: 7 * time.Second},
		"without a time":       {status: 429, want: -1},
		"unavailable, no time": {status: 503, want: -1},
		"nonsense":             {status: 429, header: "soon", want: -1},
	} {
		for _, path := range []string{"GET /v2/acme/shop/tags/list", "GET /v2/{$}"} {
			t.Run(name+" "+path, func(t *testing.T) {
				mux := http.NewServeMux()
				if path != "GET /v2/{$}" {
					mux.HandleFunc("GET /v2/{$}", func(http.ResponseWriter, *http.Request) {})
				}
				mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
					if c.header != "" {
						w.Header().Set("Retry-After", c.header)
					}
					w.WriteHeader(c.status)
				})
				server := httptest.NewServer(mux)
				defer server.Close()
				r := openRemote(t, registry.Where{Host: strings.TrimPrefix(server.URL, "http://"), Repository: "acme/shop", Insecure: true})
				_, err := r.Tags(t.Context())
				asked, ok := errors.AsType[*poll.RetryAfterError](err)
				switch {
				case err == nil:
					t.Error("no error")
				case c.want < 0 && ok:
					t.Errorf("it asks for a pause of %s", asked.After)
				case c.want >= 0 && (!ok || max(asked.After-c.want, c.want-asked.After) > c.about):
					t.Errorf("got %v, want a pause of %s", err, c.want)
				}
			})
		}
	}
}

func TestBadAnswers(t *testing.T) {
	page := func(links ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for _, link := range links {
				w.Header().Add("Link", link)
			}
			fmt.Fprint(w, `{"tags": ["v1"]}`)
		}
	}
	text := func(s string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, s) }
	}
	for name, c := range map[string]struct {
		tags    http.HandlerFunc
		problem string
		want    []string
	}{
		"not JSON":                   {tags: text("<html>"), problem: "no list of tags"},
		"another type":               {tags: text(`{"tags": "v1"}`), problem: "no list of tags"},
		"no tags":                    {tags: text(`{"tags": null}`)},
		"tags that cannot be":        {tags: text(`{"tags": ["v1", "../../x", "a b", "", "v1", "ü"]}`), want: []string{"v1"}},
		"a page too large":           {tags: func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, 9<<20)) }, problem: "larger than 8 MiB"},
		"a circle":                   {tags: page(`</v2/acme/shop/tags/list?last=v1>; rel="next"`), problem: "in a circle"},
		"another host":               {tags: page(`<http://evil.example.com/v2/acme/shop/tags/list?last=v1>; rel="next"`), problem: "another server"},
		"another host, without http": {tags: page(`<//evil.example.com/v2/acme/shop/tags/list?last=v1>; rel="next"`), problem: "another server"},
		"another path":               {tags: page(`</v2/acme/secret/tags/list>; rel="next"`), problem: "leads away"},
		"no address":                 {tags: page(`<http://%zz>; rel="next"`), problem: "no address"},
		"the previous page":          {tags: page(`</v2/acme/shop/tags/list?last=v1>; rel="prev"`), want: []string{"v1"}},
		"forbidden":                  {tags: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, problem: "403"},
		"a fault":                    {tags: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, problem: "500"},
	} {
		t.Run(name, func(t *testing.T) {
			host := standIn(t, map[string]http.HandlerFunc{"GET /v2/acme/shop/tags/list": c.tags})
			tags, err := openRemote(t, registry.Where{Host: host, Repository: "acme/shop", Insecure: true}).Tags(t.Context())
			switch {
			case c.problem == "" && err != nil, c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem)):
				t.Errorf("got %v, want %q", err, c.problem)
			case c.problem == "" && !slices.Equal(tags, c.want):
				t.Errorf("got %q, want %q", tags, c.want)
			}
		})
	}
}

// A registry need not say the digest: then it is that of what it sends.
func TestDigestIsComputed(t *testing.T) {
	host := standIn(t, map[string]http.HandlerFunc{
		"HEAD /v2/acme/shop/manifests/v1": func(http.ResponseWriter, *http.Request) {},
		"GET /v2/acme/shop/manifests/v1": func(w http.ResponseWriter, r *http.Request) {
			if !strings.Contains(r.Header.Get("Accept"), "application/vnd.docker.distribution.manifest.v2+json") {
				w.WriteHeader(http.StatusNotAcceptable)
				return
			}
			fmt.Fprint(w, "{}")
		},
		"HEAD /v2/acme/shop/manifests/bad": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Docker-Content-Digest", "md5:x") },
	})
	r := openRemote(t, registry.Where{Host: host, Repository: "acme/shop", Insecure: true})
	const want = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
	if got, err := r.Digest(t.Context(), "v1"); err != nil || got != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	if _, err := r.Digest(t.Context(), "bad"); err == nil {
		t.Error("a bad digest is accepted")
	}
	if _, err := r.Digest(t.Context(), "../x"); err == nil {
		t.Error("a bad tag is asked for")
	}
}

// A token is fetched where the registry says, and again when it has expired.
func TestBearer(t *testing.T) {
	issued := 0
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	defer server.Close()
	mux.HandleFunc("GET /token", func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if user != "robot" || password != "correct-horse-battery" || r.FormValue("scope") != "repository:acme/shop:pull" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		issued++
		if err := json.NewEncoder(w).Encode(map[string]string{"token": fmt.Sprint("t", issued)}); err != nil {
			t.Error(err)
		}
	})
	good := "t1"
	mux.HandleFunc("GET /v2/", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+good {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s/token",service="x",scope="repository:acme/shop:pull"`, server.URL))
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, `{"tags": ["v1"]}`)
	})
	where := registry.Where{Host: strings.TrimPrefix(server.URL, "http://"), Repository: "acme/shop", Insecure: true}
	where.Login = registry.Login{Username: "robot", Token: "correct-horse-battery"}
	r := openRemote(t, where)
	for _, token := range []string{"t1", "t1", "t2"} {
		good = token
		if tags, err := r.Tags(t.Context()); err != nil || len(tags) != 1 {
			t.Fatalf("with %s: %v, %v", token, tags, err)
		}
	}
	if issued != 2 {
		t.Errorf("%d tokens were issued, want 2", issued)
	}
	where.Login.Token = "wrong-horse-battery"
	if _, err := openRemote(t, where).Tags(t.Context()); err == nil || strings.Contains(err.Error(), "horse") {
		t.Errorf("with a wrong password: %v", err)
	}
	good = "ready-made-token"
	where.Login = registry.Login{Token: good}
	if _, err := openRemote(t, where).Tags(t.Context()); err != nil {
		t.Errorf("with a token of its own: %v", err)
	}
}

// Nothing is sent in clear text that may not be, not even to this machine.
func TestPlainHTTPNeedsToBeAllowed(t *testing.T) {
	asked := false
	host := standIn(t, map[string]http.HandlerFunc{"/": func(http.ResponseWriter, *http.Request) { asked = true }})
	r := openRemote(t, registry.Where{Host: host, Repository: "acme/shop", Login: registry.Login{Username: "robot", Token: "correct-horse-battery"}})
	if _, err := r.Tags(t.Context()); err == nil || !strings.Contains(err.Error(), "insecure: true") {
		t.Errorf("got %v", err)
	}
	if asked {
		t.Error("the registry was asked")
	}
}

func TestOpenRefuses(t *testing.T) {
	for name, w := range map[string]registry.Where{
		"no host":       {Repository: "acme/shop"},
		"a path":        {Host: "registry.example.com/x", Repository: "acme/shop"},
		"capitals":      {Host: "registry.example.com", Repository: "Acme/Shop"},
		"a tag":         {Host: "registry.example.com", Repository: "acme/shop:v1"},
		"no repository": {Host: "registry.example.com"},
	} {
		if _, err := registry.Open(w); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestRemoteEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	hangs := standIn(t, map[string]http.HandlerFunc{"GET /v2/acme/shop/tags/list": func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}})
	if _, err := openRemote(t, registry.Where{Host: hangs, Repository: "acme/shop", Insecure: true}).Tags(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
