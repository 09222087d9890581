package converge

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/franela/pocketci/internal/signed"
)

// maxRequests is how many requests are read at a time.
const maxRequests = 64

// Handler answers pushes and webhooks, and serves health and metrics. The routes are
//
//	POST /push/SOURCE       a token; the answer is a [Reply]
//	     /webhooks/SOURCE   runs the source's pattern for a request
//	GET  /healthz           200 while the process answers
//	GET  /metrics           metrics for Prometheus
func (p *Process) Handler() http.Handler {
	mux := http.NewServeMux()
	room := make(chan struct{}, maxRequests)
	mux.HandleFunc("POST /push/{source}", within(room, p.push))
	mux.HandleFunc("/webhooks/{source}", within(room, p.webhook))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "ok", "version": p.Version})
	})
	mux.Handle("GET /metrics", p.protect(p.metrics.handler()))
	return mux
}

// within refuses requests that there is no room for.
func within(room chan struct{}, h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case room <- struct{}{}:
			defer func() { <-room }()
			h(w, r)
		default:
			refuse(w, http.StatusServiceUnavailable, errors.New("too many requests at a time"))
		}
	}
}

// protect asks for the bearer of the metrics. Without one in the configuration they are
// for this machine alone.
func (p *Process) protect(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case p.metricsKey == "" && local(r):
		case p.metricsKey == "":
			refuse(w, http.StatusForbidden, errors.New("metrics need metrics-token in converge.yaml to be had from another machine"))
			return
		case !same(bearer(r), p.metricsKey):
			w.Header().Set("WWW-Authenticate", "Bearer")
			refuse(w, http.StatusUnauthorized, errors.New("not the bearer of the metrics"))
			return
		}
		h.ServeHTTP(w, r)
	})
}

func local(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback()
}

func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// same compares in a time that tells nothing.
func same(sent, want string) bool {
	a, b := sha256.Sum256([]byte(sent)), sha256.Sum256([]byte(want))
	return sent != "" && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

func (p *Process) push(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, signed.MaxToken))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, fmt.Errorf("read the token, of up to %d bytes: %w", signed.MaxToken, err))
		return
	}
	text := strings.TrimSpace(string(body))
	s := p.source(r.PathValue("source"))
	if s == nil {
		// Which sources there are is for those to know who may sign for one.
		_, err := signed.Verify(text, signed.Rules{Keys: p.nobody, Now: p.Now()})
		p.Log.Warn("a token for a source that is not there was refused", "error", err, "remote", r.RemoteAddr)
		refuse(w, status(err), err)
		return
	}
	// Whoever has no key that is trusted does not get into the queue.
	if _, err := s.verify(text); err != nil {
		p.metrics.refused(s.conf.Name, err)
		s.log.Warn("a token was refused", "trigger", triggerPush, "error", err, "remote", r.RemoteAddr)
		refuse(w, status(err), err)
		return
	}
	if !s.conf.Push {
		refuse(w, http.StatusNotFound, errors.New("the source takes no pushes; push: true in its configuration allows them"))
		return
	}
	dry := r.URL.Query().Has("dry-run")
	reply, err := p.wait(r.Context(), func(ctx context.Context) (Reply, error) {
		return s.accept(ctx, text, trigger{kind: triggerPush}, dry)
	})
	p.reply(w, reply, err)
}

func (p *Process) reply(w http.ResponseWriter, reply Reply, err error) {
	if err != nil {
		refuse(w, status(err), err)
		return
	}
	reply.empty()
	code := http.StatusOK
	if reply.Note == noteGoesOn {
		code = http.StatusAccepted
	}
	answer(w, code, reply)
}

const noteGoesOn = "the run takes longer than is waited for, and goes on"

// wait runs something that goes on when nobody waits for it any more.
func (p *Process) wait(request context.Context, do func(context.Context) (Reply, error)) (Reply, error) {
	type outcome struct {
		reply Reply
		err   error
	}
	done := make(chan outcome, 1)
	p.work.Go(func() {
		reply, err := do(p.stop)
		done <- outcome{reply, err}
	})
	limit := time.NewTimer(p.Config.PushTimeout)
	defer limit.Stop()
	select {
	case o := <-done:
		return o.reply, o.err
	case <-limit.C:
	case <-request.Done():
	}
	return Reply{Note: noteGoesOn}, nil
}

// status is the HTTP status that says an error.
func status(err error) int {
	_, busy := errors.AsType[*busyError](err)
	_, pattern := errors.AsType[*patternError](err)
	switch {
	case errors.Is(err, signed.ErrReplayed), errors.Is(err, signed.ErrOlder):
		return http.StatusConflict
	case pattern:
		return http.StatusUnprocessableEntity
	case errors.Is(err, signed.ErrMalformed), errors.Is(err, signed.ErrTooLarge):
		return http.StatusBadRequest
	case errors.Is(err, signed.ErrKey), errors.Is(err, signed.ErrAlgorithm):
		return http.StatusUnauthorized
	case signed.Proven(err):
		return http.StatusForbidden
	case busy, errors.Is(err, context.Canceled), stopped(err):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

func refuse(w http.ResponseWriter, code int, err error) {
	var reply Reply
	reply.fill(err)
	if code == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "30")
	}
	answer(w, code, reply)
}

func answer(w http.ResponseWriter, code int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	// Who does not read the answer has gone.
	_ = json.NewEncoder(w).Encode(value)
}

// serve answers requests until stop is done and the runs that they wait for have
// ended.
func (p *Process) serve(stop, abort context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           p.Handler(),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      p.Config.PushTimeout + 2*time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		TLSConfig:         &tls.Config{MinVersion: tls.VersionTLS12},
	}
	served := make(chan error, 1)
	go func() {
		if t := p.Config.TLS; t != nil {
			served <- server.ServeTLS(l, t.Certificate, t.Key)
		} else {
			served <- server.Serve(l)
		}
	}()
	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-stop.Done():
	}
	if err := server.Shutdown(abort); err != nil {
		return fmt.Errorf("stop serving: %w", err)
	}
	return nil
}
