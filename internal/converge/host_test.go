package converge_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/converge"
	"github.com/franela/pocketci/internal/signed"
)

// program is the command line, built once for all tests.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "pocketci-converge-")
	if err != nil {
		return "", err
	}
	command := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "../../cmd/pocketci")
	command.Stderr = os.Stderr
	return filepath.Join(dir, "pocketci"), command.Run()
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, _ := program(); path != "" {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// host is a machine with a directory that its patterns change.
type host struct {
	t *testing.T
	// dir is what patterns change, state what the process keeps.
	dir, state, config string
	// key is trusted, stranger is not.
	key, stranger signed.Signer
	url           string
	command       *exec.Cmd
	log           *transcript
	ended         chan error
	env           []string
}

// newHost makes a host whose configuration is a text with the directory as {{dir}},
// the public key as {{key}} and the state directory as {{state}}.
func newHost(t *testing.T, config string) *host {
	t.Helper()
	h := &host{t: t, dir: t.TempDir(), state: filepath.Join(t.TempDir(), "state")}
	h.key, h.stranger = signer(t, "good"), signer(t, "bad")
	h.configure(config)
	return h
}

func signer(t testing.TB, id string) signed.Signer {
	t.Helper()
	s, err := signed.NewSigner(id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (h *host) configure(config string) {
	h.t.Helper()
	text := strings.NewReplacer("{{dir}}", h.dir, "{{key}}", h.key.Public().String(), "{{state}}", h.state).Replace(config)
	h.config = filepath.Join(h.t.TempDir(), "converge.yaml")
	if err := os.WriteFile(h.config, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// transcript is what a process has logged so far.
type transcript struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *transcript) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.WriteString(line + "\n")
}

func (l *transcript) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// start starts the process and waits until it listens.
func (h *host) start(args ...string) {
	h.t.Helper()
	path, err := program()
	if err != nil {
		h.t.Fatalf("build the program: %v", err)
	}
	h.command = exec.Command(path, append([]string{"converge", "--config", h.config}, args...)...)
	h.command.Env = append(os.Environ(), h.env...)
	stderr, err := h.command.StderrPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.command.Start(); err != nil {
		h.t.Fatal(err)
	}
	command := h.command
	h.t.Cleanup(func() { command.Process.Kill() })
	address, ended, log := make(chan string, 1), make(chan error, 1), &transcript{}
	h.log, h.ended = log, ended
	go func() {
		lines := bufio.NewScanner(stderr)
		for lines.Scan() {
			log.add(lines.Text())
			if _, rest, ok := strings.Cut(lines.Text(), `msg="converge listens" address=`); ok {
				found, _, _ := strings.Cut(rest, " ")
				address <- found
			}
		}
		ended <- command.Wait()
	}()
	select {
	case found := <-address:
		h.url = "http://" + found
	case err := <-ended:
		h.t.Fatalf("the process ended: %v\n%s", err, log)
	case <-time.After(time.Minute):
		h.t.Fatal("the process does not listen")
	}
}

// stop has the process stop in order, kill at once.
func (h *host) stop() {
	h.t.Helper()
	if err := h.command.Process.Signal(syscall.SIGTERM); err != nil {
		h.t.Fatal(err)
	}
	if err := h.wait(); err != nil {
		h.t.Errorf("it did not stop in order: %v\n%s", err, h.log)
	}
}

func (h *host) kill() {
	h.t.Helper()
	if err := h.command.Process.Kill(); err != nil {
		h.t.Fatal(err)
	}
	h.wait()
}

func (h *host) wait() error {
	h.t.Helper()
	select {
	case err := <-h.ended:
		return err
	case <-time.After(time.Minute):
		h.t.Fatal("the process does not end")
		return nil
	}
}

// once runs the process once and returns the results.
func (h *host) once(args ...string) (map[string]converge.Reply, error) {
	h.t.Helper()
	path, err := program()
	if err != nil {
		h.t.Fatal(err)
	}
	command := exec.CommandContext(h.t.Context(), path, append([]string{"converge", "--config", h.config, "--once", "--json"}, args...)...)
	command.Env = append(os.Environ(), h.env...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, failed := command.Output()
	var results map[string]converge.Reply
	if err := json.Unmarshal(out, &results); err != nil {
		h.t.Fatalf("%v: %s\n%s", err, out, stderr.String())
	}
	return results, failed
}

// sign returns a token for a source with a pattern, which is newer than those before.
func (h *host) sign(with signed.Signer, pattern string) string {
	h.t.Helper()
	return h.claims(with, signed.Claims{Content: signed.Content{Source: "listen", Pattern: yamlFiles(h.t, pattern)}})
}

func (h *host) claims(with signed.Signer, c signed.Claims) string {
	h.t.Helper()
	if c.Expires.IsZero() {
		c.Expires = time.Now().Add(time.Hour)
	}
	token, err := signed.Sign(with, c)
	if err != nil {
		h.t.Fatal(err)
	}
	return token
}

// yamlFiles is a pattern in YAML as tokens have it.
func yamlFiles(t testing.TB, text string) json.RawMessage {
	t.Helper()
	data, err := json.Marshal(signed.Files{Entrypoint: "pattern.yaml", Files: map[string]string{"pattern.yaml": text}})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// push pushes a token to a source.
func (h *host) push(source, token string) (int, converge.Reply) {
	h.t.Helper()
	response, err := http.Post(h.url+"/push/"+source, "application/jwt", strings.NewReader(token))
	if err != nil {
		h.t.Fatal(err)
	}
	defer response.Body.Close()
	var reply converge.Reply
	if err := json.NewDecoder(response.Body).Decode(&reply); err != nil {
		h.t.Fatal(err)
	}
	return response.StatusCode, reply
}

// request sends a request and returns the status and the body.
func (h *host) request(method, path, body string, header map[string]string) (int, string, http.Header) {
	h.t.Helper()
	request, err := http.NewRequestWithContext(h.t.Context(), method, h.url+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	for name, value := range header {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		h.t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return response.StatusCode, string(data), response.Header
}

// files are the names in the host's directory.
func (h *host) files() []string {
	h.t.Helper()
	entries, err := os.ReadDir(h.dir)
	if err != nil {
		h.t.Fatal(err)
	}
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func (h *host) read(name string) string {
	data, err := os.ReadFile(filepath.Join(h.dir, name))
	if err != nil {
		return fmt.Sprint(err)
	}
	return string(data)
}

func (h *host) write(name, text string) {
	h.t.Helper()
	// As a whole, so that it is never read in part.
	path := filepath.Join(h.t.TempDir(), "new")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		h.t.Fatal(err)
	}
	if err := os.Rename(path, filepath.Join(h.dir, name)); err != nil {
		h.t.Fatal(err)
	}
}

// until waits until something holds.
func (h *host) until(what string, holds func() bool) {
	h.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !holds() {
		if time.Now().After(deadline) {
			h.t.Fatalf("it takes too long: %s\nfiles %v\n%s", what, h.files(), h.log)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// runProgram runs the program to its end and returns what it prints.
func runProgram(t testing.TB, path string, args ...string) (string, error) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
	return string(out), err
}
