package github_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/http"
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
	appID        = 4711
	installation = 815
)

// keyOfTests is an App's private key, which takes a while to make.
var keyOfTests = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func pemOf(key *rsa.PrivateKey) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
}

// appOfWorld is what GitHub knows of the App.
type appOfWorld struct {
	t       *testing.T
	now     func() time.Time
	revoked bool
	// tokens are those that were given, by when they expire.
	tokens map[string]time.Time
	given  int
	hold   chan struct{} // if set, tokens are given when it is closed
}

func newAppWorld(t *testing.T, file string) *world {
	w := newWorld(t, file)
	w.app = &appOfWorld{t: t, now: time.Now, tokens: map[string]time.Time{}}
	return w
}

func (w *world) appClient() *github.Client {
	return w.clientWith(github.ClientOptions{AppID: appID, PrivateKey: pemOf(keyOfTests()), Now: func() time.Time { return w.app.now() }})
}

// authentic wants an App's own token, as "Generating a JSON Web Token (JWT) for a
// GitHub App" describes it, for what is about the App, and one of an installation
// for everything else.
func (a *appOfWorld) authentic(op *operation, token string) bool {
	if a.revoked {
		return false
	}
	if !strings.HasPrefix(op.id, "apps/") {
		expires, known := a.tokens[token]
		return known && a.now().Before(expires)
	}
	claims := &jwt.RegisteredClaims{}
	_, err := jwt.ParseWithClaims(token, claims, func(*jwt.Token) (any, error) { return &keyOfTests().PublicKey, nil },
		jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(strconv.Itoa(appID)), jwt.WithIssuedAt(), jwt.WithExpirationRequired(), jwt.WithTimeFunc(a.now))
	if err != nil {
		a.t.Errorf("%s: %v", op.id, err)
		return false
	}
	if age := claims.ExpiresAt.Sub(a.now()); age > 10*time.Minute || !claims.IssuedAt.Before(a.now()) {
		a.t.Errorf("the App's token is for %s, since %s", age, claims.IssuedAt)
		return false
	}
	return true
}

func (a *appOfWorld) answer(w *world, op *operation, sent map[string]any) (int, any) {
	switch op.id {
	case "apps/get-authenticated":
		return http.StatusOK, merge(op.example(200), map[string]any{"id": appID, "slug": botApp})
	case "apps/get-repo-installation", "apps/get-org-installation":
		return http.StatusOK, merge(op.example(200), map[string]any{"id": installation, "app_id": appID})
	case "apps/create-installation-access-token":
		if op.params["installation_id"] != strconv.Itoa(installation) {
			return http.StatusNotFound, message("Not Found")
		}
		if a.hold != nil {
			w.mu.Unlock()
			<-a.hold
			w.mu.Lock()
		}
		a.given++
		token := forgetest.TokenOfTests
		if a.given > 1 {
			token += strconv.Itoa(a.given)
		}
		expires := a.now().Add(time.Hour)
		a.tokens[token] = expires
		return http.StatusCreated, merge(op.example(201), map[string]any{"token": token, "expires_at": expires.UTC().Format(time.RFC3339)})
	case "checks/create":
		if sent["head_sha"] != forgetest.Head {
			return http.StatusUnprocessableEntity, message("No commit found for SHA")
		}
		w.next++
		sent["id"] = w.next
		w.checks = append(w.checks, sent)
		return http.StatusCreated, checkShown(op.example(201), sent)
	case "checks/update":
		for _, check := range w.checks {
			if strconv.FormatInt(check["id"].(int64), 10) != op.params["check_run_id"] {
				continue
			}
			updateCheck(check, sent)
			return http.StatusOK, checkShown(op.example(200), check)
		}
		return http.StatusNotFound, message("Not Found")
	}
	w.t.Errorf("%s is not to be called by an App", op.id)
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

// check is world.Status in terms of check runs.
func (w *world) check(sha, name string) (state forge.State, description, url string, count int) {
	for _, check := range w.checks {
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
