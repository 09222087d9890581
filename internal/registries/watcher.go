package registries

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/franela/pocketci/events/registry"
	"github.com/franela/pocketci/internal/store"
)

// Watcher serves the paths that registrywatcher had, with its JSON and its words:
//
//	GET  /repos             all watches
//	GET  /tags/REPO         what is to be deployed of one
//	POST /tags/REPO         pin a tag, switch auto-deploy
//	POST /tags/REPO/reset   the newest version again, with auto-deploy
//	GET  /ping/             pong
//
// REPO is the name of a watch, or the path of its repository. Errors have statuses of
// their own: registrywatcher answered all of them with 400, and some with 200.
type Watcher struct {
	Set *Set
	// Protect asks for a key that may read, or write as well, before h.
	Protect func(write bool, h http.Handler) http.Handler
	// Caller is who makes a request that Protect has let through.
	Caller func(ctx context.Context) store.Actor
	Log    *slog.Logger
}

// bodyLimit is the largest body of a request in bytes.
const bodyLimit = 64 << 10

// Serves reports whether a path is one of those that are served. None is while nothing
// is watched.
func (h *Watcher) Serves(path string) bool {
	path = strings.TrimSuffix(path, "/")
	return !h.Set.Empty() && (path == "/repos" || path == "/ping" || strings.HasPrefix(path, "/tags/"))
}

// ServeHTTP implements [http.Handler] for the paths that are served.
func (h *Watcher) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimSuffix(r.URL.Path, "/")
	repo, tags := strings.CutPrefix(path, "/tags/")
	switch {
	case path == "/ping" && allow(w, r, http.MethodGet, http.MethodHead):
		reply(w, http.StatusOK, message("pong"))
	case path == "/repos" && allow(w, r, http.MethodGet, http.MethodHead):
		h.protected(w, r, false, h.repos)
	case tags && allow(w, r, http.MethodGet, http.MethodHead, http.MethodPost):
		h.tags(w, r, repo)
	}
}

func (h *Watcher) protected(w http.ResponseWriter, r *http.Request, write bool, serve func(http.ResponseWriter, *http.Request)) {
	h.Protect(write, http.HandlerFunc(serve)).ServeHTTP(w, r)
}

// tags serves what is below /tags/.
func (h *Watcher) tags(w http.ResponseWriter, r *http.Request, repo string) {
	h.protected(w, r, r.Method == http.MethodPost, func(w http.ResponseWriter, r *http.Request) {
		name, reset := strings.CutSuffix(repo, "/reset")
		if _, err := h.Set.find(repo); err == nil {
			name, reset = repo, false // a repository may be called reset
		}
		switch {
		case reset && r.Method == http.MethodPost:
			changed, err := h.Set.Reset(r.Context(), name, h.Caller(r.Context()))
			h.answer(w, r, name, changed, err)
		case reset:
			allow(w, r, http.MethodPost)
		case r.Method == http.MethodPost:
			h.post(w, r, name)
		default:
			h.tag(w, r, name)
		}
	})
}

func (h *Watcher) repos(w http.ResponseWriter, r *http.Request) {
	type repo struct {
		AutoDeploy     bool     `json:"auto_deploy"`
		PinnedTag      string   `json:"pinned_tag"`
		PinnedTagValue string   `json:"pinned_tag_value"`
		Tags           []string `json:"tags"`
	}
	list, err := h.Set.List(r.Context())
	if err != nil {
		h.fail(w, r, "", err)
		return
	}
	repos := map[string]repo{}
	for _, s := range list {
		repos[s.Name] = repo{s.State.AutoDeploy, s.State.Pinned, s.Wanted, append([]string{}, s.State.Tags...)}
	}
	reply(w, http.StatusOK, repos)
}

func (h *Watcher) tag(w http.ResponseWriter, r *http.Request, name string) {
	status, err := h.Set.Get(r.Context(), name)
	switch {
	case err != nil:
		h.fail(w, r, name, err)
	case status.Wanted == "":
		reply(w, http.StatusNotFound, message("Error: No valid tag"))
	default:
		reply(w, http.StatusOK, map[string]string{"repo_tag": status.Wanted})
	}
}

func (h *Watcher) post(w http.ResponseWriter, r *http.Request, name string) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
	if err != nil {
		reply(w, http.StatusRequestEntityTooLarge, message("Error: the body cannot be read, or is larger than 64 KiB"))
		return
	}
	var in struct {
		PinnedTag  *string `json:"pinned_tag"`
		AutoDeploy *bool   `json:"auto_deploy"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		reply(w, http.StatusBadRequest, message("Error: "+err.Error()))
		return
	}
	if in.PinnedTag != nil && *in.PinnedTag != "" {
		if err := registry.CheckTag(*in.PinnedTag); err != nil {
			reply(w, http.StatusBadRequest, message("Error: pinned_tag is "+err.Error()))
			return
		}
	}
	changed, err := h.Set.Change(r.Context(), name, in.PinnedTag, in.AutoDeploy, h.Caller(r.Context()))
	if err == nil && in.PinnedTag == nil {
		reply(w, http.StatusOK, message(fmt.Sprintf("Auto deployment set to %t", changed.AutoDeploy)))
		return
	}
	h.answer(w, r, name, changed, err)
}

// answer says what is deployed.
func (h *Watcher) answer(w http.ResponseWriter, r *http.Request, name string, changed Changed, err error) {
	switch {
	case err != nil:
		h.fail(w, r, name, err)
	case changed.Tag == "":
		reply(w, http.StatusOK, message("There is no version to deploy yet"))
	default:
		reply(w, http.StatusOK, message("Deploying to "+changed.Tag))
	}
}

// fail answers an error in registrywatcher's words where it had any.
func (h *Watcher) fail(w http.ResponseWriter, r *http.Request, name string, err error) {
	var (
		unknown *UnknownError
		tag     *TagError
		away    *AwayError
		target  *TargetError
	)
	status, text := http.StatusInternalServerError, "internal error; the agent's log has more"
	switch {
	case errors.As(err, &unknown):
		status, text = http.StatusNotFound, "Repo "+name+" is not being watched"
	case errors.As(err, &tag):
		status, text = http.StatusBadRequest, fmt.Sprintf("The specified pinned_tag %s is not inside the docker repository registry %s", tag.Tag, tag.Registry)
	case errors.Is(err, ErrNothingAsked):
		reply(w, http.StatusBadRequest, message("Either pinned_tag or auto_deploy must be specified."))
		return
	case errors.As(err, &target):
		status, text = http.StatusConflict, target.Error()
	case errors.As(err, &away):
		status, text = http.StatusBadGateway, "the registry cannot be asked: "+away.Error()
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrFull), errors.Is(err, store.ErrClosed), errors.Is(err, store.ErrMoved), r.Context().Err() != nil:
		w.Header().Set("Retry-After", "5")
		status, text = http.StatusServiceUnavailable, "not at the moment; try again"
	}
	if status >= http.StatusInternalServerError {
		h.Log.Warn("a request about a watched repository failed", "path", r.URL.Path, "status", status, "error", err)
	}
	reply(w, status, message("Error: "+text))
}

func message(text string) map[string]string { return map[string]string{"message": text} }

// allow answers 405 unless the request has one of the methods.
func allow(w http.ResponseWriter, r *http.Request, methods ...string) bool {
	for _, method := range methods {
		if r.Method == method {
			return true
		}
	}
	w.Header().Set("Allow", strings.Join(methods, ", "))
	reply(w, http.StatusMethodNotAllowed, message("Error: this path takes "+strings.Join(methods, ", ")))
	return false
}

func reply(w http.ResponseWriter, status int, body any) {
	data, err := json.Marshal(body)
	if err != nil {
		panic(err) // all bodies are made here of text, lists and booleans
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(data, '\n')) // a client that has gone does not need it
}
