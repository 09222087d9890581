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
	// Which sources there are, and which have a webhook, is for those to know who have
	// the secret of one.
	secrets, log := []string{p.unknown}, p.Log
	s := p.source(r.PathValue("source"))
	if s != nil && len(s.secrets) > 0 {
		secrets, log = s.secrets, s.log
	}
	switch signature := r.Header.Get(headerSignature); {
	case signature == "" && bearer(r) == "":
		refuse(w, http.StatusUnauthorized, fmt.Errorf("neither %s nor a bearer is given", headerSignature))
		return
	case signature == "" && !proven(secrets, r, nil):
		// The server would else read the body before it answers.
		w.Header().Set("Connection", "close")
		log.Warn("a request was refused", "remote", r.RemoteAddr)
		refuse(w, http.StatusUnauthorized, errUnproven)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, fmt.Errorf("read the request, of up to %d bytes: %w", maxRequest, err))
		return
	}
	if !proven(secrets, r, body) {
		log.Warn("a request was refused", "remote", r.RemoteAddr)
		refuse(w, http.StatusUnauthorized, errUnproven)
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

// errUnproven is for whoever does not have the secret, or asks for no source.
var errUnproven = errors.New("the request is not proven by the source's secret")

// proven reports whether one of the secrets proves a request: by the HMAC-SHA256 of
// its body, or as its bearer.
func proven(secrets []string, r *http.Request, body []byte) bool {
	valid := false
	for _, secret := range secrets {
		if same(strings.ToLower(r.Header.Get(headerSignature)), "sha256="+events.Sign(secret, body)) || same(bearer(r), secret) {
			valid = true
		}
	}
	return valid
}

// headers are those of a request, a line each, sorted. What proves it is left out, and
// what proves somebody to others.
func headers(h http.Header) string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(h)) {
		switch name {
		case "Authorization", "Proxy-Authorization", "Cookie", headerSignature:
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
