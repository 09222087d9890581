package converge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	events "github.com/franela/pocketci/events/converge"
	"github.com/franela/pocketci/internal/converge/apply"
)

// maxRequest is the largest body of a request, in bytes.
const maxRequest = 1 << 20

// headerSignature is where GitHub and others have the HMAC-SHA256 of the body.
const headerSignature = "X-Hub-Signature-256"

// webhook runs a source for a request. What the request says reaches commands as
// variables and input.
func (p *Process) webhook(w http.ResponseWriter, r *http.Request) {
	s := p.source(r.PathValue("source"))
	if s == nil || len(s.secrets) == 0 {
		refuse(w, http.StatusNotFound, errors.New("there is no source of this name that has a webhook"))
		return
	}
	if r.Header.Get(headerSignature) == "" && bearer(r) == "" {
		refuse(w, http.StatusUnauthorized, fmt.Errorf("neither %s nor a bearer is given", headerSignature))
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, fmt.Errorf("read the request, of up to %d bytes: %w", maxRequest, err))
		return
	}
	if !s.proven(r, body) {
		s.log.Warn("a request was refused", "remote", r.RemoteAddr)
		refuse(w, http.StatusUnauthorized, errors.New("the request is not proven by the source's secret"))
		return
	}
	t := trigger{kind: triggerWebhook, stdin: body, env: []string{
		"POCKETCI_REQUEST_METHOD=" + r.Method,
		"POCKETCI_REQUEST_PATH=" + r.URL.EscapedPath(),
		"POCKETCI_REQUEST_QUERY=" + r.URL.RawQuery,
		"POCKETCI_REQUEST_HEADERS=" + headers(r.Header),
	}}
	reply, err := p.wait(r.Context(), func(ctx context.Context) (Reply, error) { return s.again(ctx, t) })
	if err == nil && reply.Err == "" && reply.Answer != nil {
		write(w, reply.Answer)
		return
	}
	p.reply(w, reply, err)
}

func write(w http.ResponseWriter, a *apply.Answer) {
	w.Header().Set("Content-Type", a.Type)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	// Who does not read the answer has gone.
	_, _ = io.WriteString(w, a.Body)
}

// proven reports whether one of the source's secrets proves a request: by the
// HMAC-SHA256 of its body, or as its bearer.
func (s *source) proven(r *http.Request, body []byte) bool {
	valid := false
	for _, secret := range s.secrets {
		if same(strings.ToLower(r.Header.Get(headerSignature)), "sha256="+events.Sign(secret, body)) || same(bearer(r), secret) {
			valid = true
		}
	}
	return valid
}

// headers are those of a request, a line each, sorted. What proves it is left out.
func headers(h http.Header) string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if name == "Authorization" || name == headerSignature {
			continue
		}
		for _, value := range h[name] {
			lines = append(lines, name+": "+value)
		}
	}
	return strings.Join(lines, "\n")
}

// stopped reports whether a run waits for the next start of the process.
func stopped(err error) bool { return errors.Is(err, apply.ErrStopped) }
