package api

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/danielgtaylor/huma/v2"
)

// front stands before all operations: it answers for paths and methods that
// there are not, and for panics.
type front struct {
	mux *http.ServeMux
	log *slog.Logger
}

// ServeHTTP implements [http.Handler].
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	out := &response{ResponseWriter: w}
	defer func() {
		value := recover()
		if value == nil {
			return
		}
		if value == http.ErrAbortHandler {
			panic(value)
		}
		logPanic(f.log, r, value, debug.Stack())
		if out.started {
			// The client must not take what it has for all of it.
			panic(http.ErrAbortHandler)
		}
		refuse(out, http.StatusInternalServerError, "internal error; the agent's log has more")
	}()
	out.Header().Set("X-Content-Type-Options", "nosniff")
	out.Header().Set("Cache-Control", "no-store")
	handler, pattern := f.mux.Handler(r)
	if pattern != "" {
		f.mux.ServeHTTP(out, r)
		return
	}
	// The mux knows which methods a path takes, and says so in plain text.
	none := &unwritten{header: http.Header{}}
	handler.ServeHTTP(none, r)
	if none.status == http.StatusMethodNotAllowed {
		allow := none.header.Get("Allow")
		out.Header().Set("Allow", allow)
		refuse(out, http.StatusMethodNotAllowed, "this path takes "+allow)
		return
	}
	refuse(out, http.StatusNotFound, "there is nothing at "+r.URL.Path+"; openapi.json lists what there is")
}

// refuse writes a problem outside of operations.
func refuse(w http.ResponseWriter, status int, detail string) {
	data, err := json.Marshal(huma.NewError(status, detail))
	if err != nil {
		panic(err) // it holds nothing but text
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = w.Write(append(data, '\n')) // a client that has gone does not need it
}

// response remembers whether an answer has been begun.
type response struct {
	http.ResponseWriter
	started bool
}

func (w *response) WriteHeader(status int) {
	w.started = true
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(data []byte) (int, error) {
	w.started = true
	return w.ResponseWriter.Write(data)
}

// Unwrap is for [http.ResponseController].
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// unwritten takes an answer that is replaced by another one.
type unwritten struct {
	header http.Header
	status int
}

func (w *unwritten) Header() http.Header         { return w.header }
func (w *unwritten) Write(p []byte) (int, error) { return len(p), nil }
func (w *unwritten) WriteHeader(status int)      { w.status = status }
