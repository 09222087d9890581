package forgetest

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
)

// StandIn is what stand-ins for the APIs of forges have in common, for a [World] to
// embed. Whoever answers a request has it locked; [StandIn.Fail],
// [StandIn.Requests] and [StandIn.Token] lock it themselves.
type StandIn struct {
	sync.Mutex
	// T fails for every request that the forge would not take.
	T *testing.T
	// URL is where it is served.
	URL string
	// Accepted is the token that the API accepts.
	Accepted string

	requests int
	failures []failure
}

type failure struct {
	status int
	header http.Header
}

// NewStandIn returns a stand-in that accepts [TokenOfTests].
func NewStandIn(t *testing.T) *StandIn { return &StandIn{T: t, Accepted: TokenOfTests} }

// ServeOn serves what a handler answers on a port of its own until the test ends,
// and sets URL to the address of a path below it.
func (s *StandIn) ServeOn(h http.Handler, below string) {
	server := httptest.NewServer(h)
	s.T.Cleanup(server.Close)
	s.URL = server.URL + below
}

// Fail implements [World].
func (s *StandIn) Fail(n, status int, header http.Header) {
	s.Lock()
	defer s.Unlock()
	s.failures = slices.Repeat([]failure{{status, header}}, n)
}

// Requests implements [World].
func (s *StandIn) Requests() int {
	s.Lock()
	defer s.Unlock()
	return s.requests
}

// Token implements [World].
func (s *StandIn) Token(token string) {
	s.Lock()
	defer s.Unlock()
	s.Accepted = token
}

// Failed counts a request and reports whether it was made to fail. If so it is
// answered, with the body for that status unless body is nil.
func (s *StandIn) Failed(w http.ResponseWriter, body func(status int) any) bool {
	s.requests++
	if len(s.failures) == 0 {
		return false
	}
	f := s.failures[0]
	s.failures = s.failures[1:]
	maps.Copy(w.Header(), f.header)
	if body == nil {
		w.WriteHeader(f.status)
	} else {
		Answer(w, f.status, body(f.status))
	}
	return true
}

// Gate is what every request to an API must have.
type Gate struct {
	// Authorization is the value of the header, and Unauthorized the body of the
	// answer to any other.
	Authorization string
	Unauthorized  any
	// Prefix begins the paths.
	Prefix string
}

// Path returns the parts of a request's path below the prefix, or nothing if the
// request does not pass the gate and has been answered.
func (s *StandIn) Path(w http.ResponseWriter, r *http.Request, g Gate) []string {
	if strings.Contains(r.URL.String(), s.Accepted) {
		s.T.Errorf("the token is in the address %s", r.URL)
	}
	if got := r.Header.Values("Authorization"); len(got) != 1 || got[0] != g.Authorization {
		Answer(w, http.StatusUnauthorized, g.Unauthorized)
		return nil
	}
	if accept := r.Header.Get("Accept"); accept != "application/json" {
		s.T.Errorf("%s %s accepts %q", r.Method, r.URL, accept)
	}
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), g.Prefix)
	if !ok || len(r.URL.Query()) > 0 && r.Method != http.MethodGet {
		s.Refuse(w, r)
		return nil
	}
	return strings.Split(path, "/")
}

// Refuse fails the test for a request that the API does not have.
func (s *StandIn) Refuse(w http.ResponseWriter, r *http.Request) {
	s.T.Errorf("asked for %s %s", r.Method, r.URL)
	Answer(w, http.StatusBadRequest, nil)
}

// Query fails the test for parameters of a request that are not wanted, and for
// those missing. A parameter with = must have that value.
func (s *StandIn) Query(r *http.Request, want ...string) {
	query := r.URL.Query()
	for _, parameter := range want {
		name, value, fixed := strings.Cut(parameter, "=")
		if len(query[name]) != 1 || fixed && query.Get(name) != value {
			s.T.Errorf("%s: %s is %q", r.URL, name, query[name])
		}
		query.Del(name)
	}
	if len(query) > 0 {
		s.T.Errorf("%s has %v too much", r.URL, query)
	}
}

// Body reads the body of a request into a type that has all of its fields. It
// fails the test, and reports false, if it cannot.
func (s *StandIn) Body(r *http.Request, into any) bool {
	data, err := io.ReadAll(r.Body)
	if err != nil || r.Header.Get("Content-Type") != "application/json" {
		s.T.Errorf("%s %s as %s: %v", r.Method, r.URL, r.Header.Get("Content-Type"), err)
		return false
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		s.T.Errorf("%s %s with %s: %v", r.Method, r.URL, data, err)
		return false
	}
	return true
}

// Answer answers a request with JSON.
func Answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
