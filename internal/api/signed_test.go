package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/tokens"
	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/poll"
	"github.com/franela/pocketci/internal/settings"
	"github.com/franela/pocketci/internal/signed"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/targets"
)

// tokenFixture is an API with the source web, which trusts the signer.
func tokenFixture(t *testing.T, aim error) (*fixture, signed.Signer) {
	t.Helper()
	signer, err := signed.NewSigner("build")
	if err != nil {
		t.Fatal(err)
	}
	conf := settings.SignedSource{Name: "web", Keys: []signed.Key{signer.Public()}, Push: true}
	pulled := conf
	pulled.Name, pulled.Push = "pulled", false
	pulled.Pull = &settings.SignedPull{Paths: []string{"/srv/web.jwt", "https://a.example.com/web.jwt?sig=hunter2"}, Every: time.Minute}
	set, err := tokens.NewSet([]settings.SignedSource{conf, pulled}, tokens.Options{Aim: func(_ context.Context, _ settings.Target, e *events.Event) error {
		e.Repository = push("a/b").Event.Repository
		return aim
	}})
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, func(o *api.Options, _ *http.Server) {
		o.Signed = func(ctx context.Context) ([]tokens.Status, error) {
			return set.List(ctx, o.Store, []poll.State{{Name: "pulled", Failures: 2, Error: "web.jwt: malformed token", LastPoll: noon, Next: noon.Add(time.Minute)}})
		}
		o.Push = func(ctx context.Context, source, token string) (store.Receipt, error) {
			return set.Push(ctx, o.Store, source, token, time.Now())
		}
	})
	return f, signer
}

func signToken(t *testing.T, signer signed.Signer, c signed.Claims) string {
	t.Helper()
	if c.Source == "" {
		c.Source = "web"
	}
	if c.Expires.IsZero() {
		c.Expires = time.Now().Add(time.Hour)
	}
	text, err := signed.Sign(signer, c)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// pushToken sends a token without a key.
func (f *fixture) pushToken(source, contentType, body string) *answered {
	f.t.Helper()
	r := f.request("", http.MethodPost, "/signed/"+source, body)
	r.Header.Set("Content-Type", contentType)
	return f.send(r)
}

func TestPushOfASignedToken(t *testing.T) {
	f, signer := tokenFixture(t, nil)
	asJSON := func(text string) string {
		data, err := json.Marshal(v1.SignedToken{Token: text})
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	for name, c := range map[string]struct{ contentType, body string }{
		"text":           {"text/plain; charset=utf-8", signToken(t, signer, signed.Claims{}) + "\n"},
		"JWT":            {"application/jwt", signToken(t, signer, signed.Claims{})},
		"JSON":           {"application/json", asJSON(signToken(t, signer, signed.Claims{}))},
		"as curl has it": {"application/x-www-form-urlencoded", signToken(t, signer, signed.Claims{})},
		"nothing said":   {"", signToken(t, signer, signed.Claims{})},
		"a large one":    {"application/json", asJSON(signToken(t, signer, signed.Claims{Content: signed.Content{Payload: json.RawMessage(`"` + strings.Repeat("x", 700_000) + `"`)}}))},
	} {
		t.Run(name, func(t *testing.T) {
			f.t = t
			a := f.pushToken("web", c.contentType, c.body)
			var accepted v1.Accepted
			if err := json.Unmarshal(a.body, &accepted); err != nil || a.status != http.StatusAccepted || accepted.Number == 0 {
				t.Fatalf("gives %d: %s", a.status, a.body)
			}
			var e v1.Event
			if f.get("/events/"+accepted.Event, &e); e.Vendor != "signed" || e.Event != "push" || e.Filter != "web" || e.Repository != "a/b" {
				t.Errorf("the event is %+v", e)
			}
		})
	}
}

// A token that is not accepted says why to whoever may know.
func TestPushOfASignedTokenThatIsRefused(t *testing.T) {
	f, signer := tokenFixture(t, nil)
	stranger, err := signed.NewSigner("build")
	if err != nil {
		t.Fatal(err)
	}
	first := signToken(t, signer, signed.Claims{ID: "first"})
	if a := f.pushToken("web", "text/plain", first); a.status != http.StatusAccepted {
		t.Fatalf("gives %d: %s", a.status, a.body)
	}
	ago := time.Now().Add(-2 * time.Hour)
	for name, c := range map[string]struct {
		source, contentType, body string
		status                    int
		says                      string
	}{
		"again":            {"web", "text/plain", first, 409, "token was accepted before: sign it anew, with a jti of its own"},
		"older":            {"web", "text/plain", signToken(t, signer, signed.Claims{IssuedAt: ago}), 409, "token is older than one that was accepted"},
		"expired":          {"web", "text/plain", signToken(t, signer, signed.Claims{IssuedAt: ago, Expires: ago}), 403, "token has expired"},
		"another source's": {"web", "text/plain", signToken(t, signer, signed.Claims{Content: signed.Content{Source: "pulled"}}), 403, "meant for another source"},
		"not for pushes":   {"pulled", "text/plain", signToken(t, signer, signed.Claims{Content: signed.Content{Source: "pulled"}}), 403, "the source takes no pushed tokens"},
		"garbage":          {"web", "text/plain", "garbage", 422, "malformed token"},
		"a stranger's":     {"web", "text/plain", signToken(t, stranger, signed.Claims{}), 401, "no trusted key of the source web signed this token"},
		"for nobody":       {"nobody", "text/plain", signToken(t, signer, signed.Claims{}), 401, "no trusted key of the source nobody signed this token"},
		"no JSON":          {"web", "application/json", first, 422, "line 1"},
		"no token in it":   {"web", "application/json", "{}", 422, "validation failed"},
		"nothing":          {"web", "text/plain", "", 400, ""},
		"too large":        {"web", "text/plain", strings.Repeat("x", 1<<20+1), 413, "token too large"},
		"far too large":    {"web", "text/plain", strings.Repeat("x", 2<<20), 413, ""},
		"no name":          {"a%20b", "text/plain", first, 422, "validation failed"},
	} {
		t.Run(name, func(t *testing.T) {
			f.t = t
			a := f.pushToken(c.source, c.contentType, c.body)
			if p := a.problem(t); a.status != c.status || !strings.Contains(p.Detail, c.says) {
				t.Errorf("gives %d: %s, want %d: %s", a.status, a.body, c.status, c.says)
			}
			if a.status == http.StatusUnauthorized && a.header.Get("Www-Authenticate") == "" {
				t.Error("there is no challenge")
			}
		})
	}
	all, err := f.store.Events(t.Context(), store.EventFilter{})
	if err != nil || len(all) != 1 {
		t.Errorf("%d events are stored (%v)", len(all), err)
	}
	if strings.Contains(f.log.String(), first[len(first)-20:]) {
		t.Error("the log has the token")
	}
}

// Whoever guesses has to wait; whoever does not, has not.
func TestPushOfTooManyTokens(t *testing.T) {
	f, signer := tokenFixture(t, nil)
	for range 30 {
		if a := f.pushToken("web", "text/plain", signToken(t, signer, signed.Claims{})); a.status != http.StatusAccepted {
			t.Fatalf("gives %d: %s", a.status, a.body)
		}
	}
	stranger, err := signed.NewSigner("")
	if err != nil {
		t.Fatal(err)
	}
	text, last := signToken(t, stranger, signed.Claims{}), &answered{}
	for range 15 {
		last = f.pushToken("web", "text/plain", text)
	}
	if last.status != http.StatusTooManyRequests || last.header.Get("Retry-After") == "" {
		t.Errorf("after too many it gives %d: %s", last.status, last.body)
	}
}

func TestPushOfASignedTokenForNobody(t *testing.T) {
	f, signer := tokenFixture(t, &targets.UnknownError{Repository: "a/b", Line: 3})
	if a := f.pushToken("web", "text/plain", signToken(t, signer, signed.Claims{})); a.status != http.StatusConflict || !strings.Contains(a.problem(t).Detail, "clone-url") {
		t.Errorf("gives %d: %s", a.status, a.body)
	}
	f, signer = tokenFixture(t, errors.Join(store.ErrUnavailable))
	if a := f.pushToken("web", "text/plain", signToken(t, signer, signed.Claims{})); a.status != http.StatusServiceUnavailable {
		t.Errorf("gives %d: %s", a.status, a.body)
	}
	if a := newFixture(t).pushToken("web", "text/plain", "x"); a.status != http.StatusNotFound {
		t.Errorf("an agent that takes none gives %d: %s", a.status, a.body)
	}
}

func TestListOfSignedSources(t *testing.T) {
	f, signer := tokenFixture(t, nil)
	issued := time.Now().Add(-time.Minute).Truncate(time.Second).UTC()
	if a := f.pushToken("web", "text/plain", signToken(t, signer, signed.Claims{IssuedAt: issued})); a.status != http.StatusAccepted {
		t.Fatalf("gives %d: %s", a.status, a.body)
	}
	var list v1.SignedSources
	f.get("/signed", &list)
	if len(list.Sources) != 2 || list.Sources[1].AcceptedAt == nil {
		t.Fatalf("got %+v", list)
	}
	list.Sources[1].AcceptedAt = nil
	next := noon.Add(time.Minute)
	want := v1.SignedSources{Sources: []v1.SignedSource{
		{Name: "pulled", Keys: []string{signer.Public().String()}, Pull: &v1.SignedPull{
			Paths: []string{"/srv/web.jwt", "https://a.example.com/web.jwt"}, Every: 60, LastLook: &noon, Next: &next, Failures: 2, Error: "web.jwt: malformed token",
		}},
		{Name: "web", Push: true, Keys: []string{signer.Public().String()}, Newest: &issued},
	}}
	if diff := cmp.Diff(want, list); diff != "" {
		t.Error(diff)
	}
}

// Bodies of strangers are few at a time, whatever becomes of them.
func TestPushOfManyAtATime(t *testing.T) {
	f, signer := tokenFixture(t, nil)
	var slow []*io.PipeWriter
	var all sync.WaitGroup
	refused := make(chan int, 100)
	for range 80 {
		r, w := io.Pipe()
		slow = append(slow, w)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.server.URL+v1.Prefix+"/signed/web", r)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "text/plain")
		all.Go(func() {
			response, err := f.server.Client().Do(request)
			if err != nil {
				t.Error(err)
				return
			}
			defer response.Body.Close()
			if response.StatusCode == http.StatusServiceUnavailable {
				refused <- response.StatusCode
			}
		})
	}
	for range 80 - 64 {
		<-refused
	}
	for _, w := range slow {
		w.Close()
	}
	all.Wait()
	if len(refused) > 0 {
		t.Errorf("%d more were refused", len(refused))
	}
	if a := f.pushToken("web", "text/plain", signToken(t, signer, signed.Claims{})); a.status != http.StatusAccepted {
		t.Errorf("then it gives %d: %s", a.status, a.body)
	}
}
