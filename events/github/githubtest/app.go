package githubtest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/franela/pocketci/events/github"
	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forge/forgetest"
)

const (
	// AppID is the App's number.
	AppID        = 4711
	installation = 815
)

// KeyOfTests is an App's private key, which takes a while to make.
var KeyOfTests = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// PEM is a private key as it is downloaded.
func PEM(key *rsa.PrivateKey) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
}

// App is what GitHub knows of the App.
type App struct {
	// Now is GitHub's time.
	Now func() time.Time
	// Tokens are those that were given, by when they expire.
	Tokens map[string]time.Time
	// Hold has tokens be given when it is closed, if it is set.
	Hold chan struct{}

	t       *testing.T
	revoked bool
	given   int
}

// NewApp returns a GitHub for clients that are an App.
func NewApp(t *testing.T, file string) *World {
	w := New(t, file)
	w.App = &App{t: t, Now: time.Now, Tokens: map[string]time.Time{}}
	return w
}

// AppClient returns a client that is the App.
func (w *World) AppClient() *github.Client {
	return w.ClientWith(github.ClientOptions{AppID: AppID, PrivateKey: PEM(KeyOfTests()), Now: func() time.Time { return w.App.Now() }})
}

// authentic wants an App's own token, as "Generating a JSON Web Token (JWT) for a
// GitHub App" describes it, for what is about the App, and one of an installation
// for everything else.
func (a *App) authentic(op *Operation, token string) bool {
	if a.revoked {
		return false
	}
	if !strings.HasPrefix(op.ID, "apps/") {
		expires, known := a.Tokens[token]
		return known && a.Now().Before(expires)
	}
	claims := &jwt.RegisteredClaims{}
	_, err := jwt.ParseWithClaims(token, claims, func(*jwt.Token) (any, error) { return &KeyOfTests().PublicKey, nil },
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(strconv.Itoa(AppID)), jwt.WithIssuedAt(), jwt.WithExpirationRequired(), jwt.WithTimeFunc(a.Now))
	if err != nil {
		a.t.Errorf("%s: %v", op.ID, err)
		return false
	}
	if age := claims.ExpiresAt.Sub(a.Now()); age > 10*time.Minute || !claims.IssuedAt.Before(a.Now()) {
		a.t.Errorf("the App's token is for %s, since %s", age, claims.IssuedAt)
		return false
	}
	return true
}

func (a *App) answer(w *World, op *Operation, sent map[string]any) (int, any) {
	switch op.ID {
	case "apps/get-authenticated":
		return http.StatusOK, merge(op.example(200), map[string]any{"id": AppID, "slug": BotApp})
	case "apps/get-repo-installation", "apps/get-org-installation":
		return http.StatusOK, merge(op.example(200), map[string]any{"id": installation, "app_id": AppID})
	case "apps/create-installation-access-token":
		if op.Params["installation_id"] != strconv.Itoa(installation) {
			return http.StatusNotFound, message("Not Found")
		}
		if a.Hold != nil {
			w.Unlock()
			<-a.Hold
			w.Lock()
		}
		a.given++
		token := forgetest.TokenOfTests
		if a.given > 1 {
			token += strconv.Itoa(a.given)
		}
		expires := a.Now().Add(time.Hour)
		a.Tokens[token] = expires
		return http.StatusCreated, merge(op.example(201), map[string]any{"token": token, "expires_at": expires.UTC().Format(time.RFC3339)})
	case "checks/create":
		if sha, _ := sent["head_sha"].(string); !slices.Contains(w.Commits, sha) {
			return http.StatusUnprocessableEntity, message("No commit found for SHA")
		}
		w.next++
		sent["id"] = w.next
		w.Checks = append(w.Checks, sent)
		return http.StatusCreated, checkShown(op.example(201), sent)
	case "checks/update":
		for _, check := range w.Checks {
			if strconv.FormatInt(check["id"].(int64), 10) != op.Params["check_run_id"] {
				continue
			}
			updateCheck(check, sent)
			return http.StatusOK, checkShown(op.example(200), check)
		}
		return http.StatusNotFound, message("Not Found")
	}
	w.t.Errorf("%s is not to be called by an App", op.ID)
	return http.StatusBadRequest, message("no")
}

// updateCheck changes a check run. Annotations are added to those that it has.
func updateCheck(check, sent map[string]any) {
	old, _ := check["output"].(map[string]any)
	for key, value := range sent {
		check[key] = value
	}
	if output, ok := sent["output"].(map[string]any); ok && old != nil {
		before, _ := old["annotations"].([]any)
		added, _ := output["annotations"].([]any)
		output["annotations"] = append(before, added...)
	}
	if check["status"] != "completed" {
		delete(check, "conclusion")
		delete(check, "completed_at")
	}
}

func checkShown(example any, check map[string]any) any {
	return merge(example, map[string]any{"id": check["id"], "name": check["name"], "status": check["status"]})
}

// check is World.Status in terms of check runs.
func (w *World) check(sha, name string) (state forge.State, description, url string, count int) {
	for _, check := range w.Checks {
		if check["head_sha"] != sha || check["name"] != name {
			continue
		}
		count++
		description = check["output"].(map[string]any)["title"].(string)
		url, _ = check["details_url"].(string)
		state = map[any]forge.State{"queued": forge.StatePending, "in_progress": forge.StateRunning}[check["status"]]
		if check["status"] == "completed" {
			state = map[any]forge.State{
				"success": forge.StateSucceeded, "failure": forge.StateFailed, "cancelled": forge.StateAborted, "skipped": forge.StateSkipped,
			}[check["conclusion"]]
		}
	}
	return state, description, url, count
}
