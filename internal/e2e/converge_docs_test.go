package e2e_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/franela/pocketci/internal/gittest"
	"github.com/franela/pocketci/internal/store"
)

// consul keeps entries as the key/value store of Consul does
// (developer.hashicorp.com/consul/api-docs/kv). Containers reach it.
type consul struct {
	url string

	mu      sync.Mutex
	entries map[string]string
	strange []string
}

func newConsul(t *testing.T) *consul {
	t.Helper()
	c := &consul{entries: map[string]string{}}
	listener, err := net.Listen("tcp4", ":0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: c}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range addresses {
		if ip, ok := address.(*net.IPNet); ok && ip.IP.To4() != nil && !ip.IP.IsLoopback() {
			c.url = "http://" + net.JoinHostPort(ip.IP.String(), fmt.Sprint(listener.Addr().(*net.TCPAddr).Port))
			return c
		}
	}
	t.Fatal("the machine has no address that containers could reach")
	return nil
}

func (c *consul) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	key, ok := strings.CutPrefix(r.URL.Path, "/v1/kv/")
	if !ok || err != nil {
		c.strange = append(c.strange, fmt.Sprint(r.Method, " ", r.URL, " ", err))
		http.NotFound(w, r)
		return
	}
	switch value, found := c.entries[key]; {
	case r.Method == http.MethodPut:
		c.entries[key] = string(body)
		io.WriteString(w, "true")
	case r.Method == http.MethodDelete:
		delete(c.entries, key)
		io.WriteString(w, "true")
	case found && r.URL.Query().Has("raw"):
		io.WriteString(w, value)
	default:
		http.NotFound(w, r)
	}
}

// has compares the entries.
func (c *consul) has(t *testing.T, what string, want map[string]string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if fmt.Sprint(c.entries) != fmt.Sprint(want) || len(c.strange) > 0 {
		t.Errorf("%s: Consul has %v, want %v; it does not know %q", what, c.entries, want, c.strange)
	}
}

func (c *consul) loses(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, key)
}

// The example of docs/converge-modules.md does what the page says.
func TestExampleOfModulesThatConverge(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/converge-modules.md")
	if err != nil {
		t.Fatal(err)
	}
	block := func(language string) string {
		t.Helper()
		found := regexp.MustCompile("(?ms)^```" + language + "\n(.*?)^```$").FindSubmatch(page)
		if found == nil {
			t.Fatalf("the page has no block of %s", language)
		}
		return string(found[1])
	}
	source, config := block("go"), block("yaml")
	// rows are the cases of the first table: what happens, and what is called.
	_, table, _ := strings.Cut(string(page), "| what happens | what is called |\n|---|---|\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var rows [][]string
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		rows = append(rows, []string{cells[0], strings.Join(regexp.MustCompile("[a-z]+[A-Z][a-z]+").FindAllString(cells[len(cells)-1], -1), " ")})
	}
	if len(rows) != 5 {
		t.Fatalf("the page says what is called in %d cases, want 5", len(rows))
	}

	c := newConsul(t)
	f := newForge(t)
	config = strings.Replace(config, "http://consul.internal:8500", c.url, 1)
	sha := f.repo.Commit("main", "1",
		gittest.Write("deploy/dagger.json", manifest("deploy", "go")), gittest.Write("deploy/main.go", source), gittest.Write("pocketci.yaml", config),
		gittest.Write("limits.json", `{"orders": 10}`), gittest.Write("features.json", `{"dark": false}`))
	a := start(t, f, settings{})
	s := beside(t, a)
	must := func(row int, r store.Run) {
		t.Helper()
		calls, err := s.Calls(t.Context(), r.ID)
		if err != nil {
			t.Fatal(err)
		}
		var called []string
		for _, call := range calls {
			if call.State == store.StateSucceeded {
				called = append(called, call.Function)
			} else if call.State != store.StateSkipped {
				t.Errorf("%s is %s: %s", call.Function, call.State, call.Reason)
			}
		}
		if got := strings.Join(called, " "); r.State != store.StateSucceeded || got != rows[row][1] {
			t.Fatalf("%s: the run is %s (%s) and has called %s, want %s", rows[row][0], r.State, r.Reason, got, rows[row][1])
		}
	}

	must(0, converged(t, a, s, push(t, f, "", sha)))
	c.has(t, "the first push", map[string]string{"shop/limits": `{"orders": 10}`, "shop/features": `{"dark": false}`})

	before := sha
	sha = f.repo.Commit("main", "2", gittest.Write("features.json", `{"dark": true}`))
	must(1, converged(t, a, s, push(t, f, before, sha)))
	c.has(t, "a change", map[string]string{"shop/limits": `{"orders": 10}`, "shop/features": `{"dark": true}`})

	c.loses("shop/limits")
	accepted, err := ann(t, a, s).Apply(t.Context(), applyOf("./deploy"))
	if err != nil {
		t.Fatal(err)
	}
	must(2, ended(t, s, accepted.Run))
	c.has(t, "a repair", map[string]string{"shop/limits": `{"orders": 10}`, "shop/features": `{"dark": true}`})

	// The functions of the features go with them.
	functions := regexp.MustCompile(`(?ms)^// (Check|Change|Remove)Features .*?^}\n`)
	if n := len(functions.FindAllString(source, -1)); n != 3 {
		t.Fatalf("the example has %d functions for the features", n)
	}
	before = sha
	sha = f.repo.Commit("main", "3", gittest.Delete("features.json"), gittest.Write("deploy/main.go", functions.ReplaceAllString(source, "")),
		gittest.Write("pocketci.yaml", regexp.MustCompile(`(?m)^  .*Features:.*\n`).ReplaceAllString(strings.Replace(config, "[limits, features]", "[limits]", 1), "")))
	must(3, converged(t, a, s, push(t, f, before, sha)))
	c.has(t, "a removal", map[string]string{"shop/limits": `{"orders": 10}`})

	before = sha
	sha = f.repo.Commit("main", "4", gittest.Write("pocketci.yaml", "module-path: ./deploy\nconverge: []\n"))
	must(4, converged(t, a, s, push(t, f, before, sha)))
	c.has(t, "the end", map[string]string{})
}
