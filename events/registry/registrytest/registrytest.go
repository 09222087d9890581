// Package registrytest runs a real registry, Debian's docker-registry, for tests,
// and pushes small images to it.
package registrytest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"golang.org/x/crypto/bcrypt"
)

// program is Debian's package and program.
const program = "docker-registry"

// startTimeout is how long the registry may take to answer.
const startTimeout = 20 * time.Second

// Registry is a registry on a loopback address, in plain http.
type Registry struct {
	// Host is its host with the port, which it keeps when it is started again.
	Host string
	// Username and Password are asked for, if they are not empty.
	Username, Password string

	t       testing.TB
	config  string
	running *exec.Cmd
}

// Option says how a registry differs from the plain one.
type Option func(*options)

type options struct {
	username, password, notify, bearer string
}

// WithLogin has the registry ask for a user name and a password.
func WithLogin(username, password string) Option {
	return func(o *options) { o.username, o.password = username, password }
}

// WithNotifications has the registry tell an address of what happens in it, with
// a bearer token.
func WithNotifications(address, bearer string) Option {
	return func(o *options) { o.notify, o.bearer = address, bearer }
}

// Start runs a registry until the test ends.
func Start(t testing.TB, set ...Option) *Registry {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Fatalf("Debian's package %s is needed: %v", program, err)
	}
	var o options
	for _, s := range set {
		s(&o)
	}
	dir := t.TempDir()
	r := &Registry{Host: free(t), Username: o.username, Password: o.password, t: t, config: filepath.Join(dir, "config.yml")}
	config := fmt.Sprintf("version: 0.1\nlog: {level: warn, accesslog: {disabled: true}}\n"+
		"storage: {filesystem: {rootdirectory: %q}, delete: {enabled: true}, maintenance: {uploadpurging: {enabled: false}}}\n"+
		"http: {addr: %q, secret: test}\n", filepath.Join(dir, "data"), r.Host)
	if o.username != "" {
		hash, err := bcrypt.GenerateFromPassword([]byte(o.password), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		users := filepath.Join(dir, "htpasswd")
		write(t, users, o.username+":"+string(hash)+"\n")
		config += fmt.Sprintf("auth: {htpasswd: {realm: test, path: %q}}\n", users)
	}
	if o.notify != "" {
		config += fmt.Sprintf("notifications: {endpoints: [{name: pocketci, url: %q, headers: {Authorization: [%q]}, timeout: 1s, threshold: 3, backoff: 1s}]}\n",
			o.notify, "Bearer "+o.bearer)
	}
	write(t, r.config, config)
	r.Up()
	t.Cleanup(r.Down)
	return r
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// free returns a loopback address that nobody listens at. Its host is this process's
// own, so that nobody is given the port while the registry is down.
func free(t testing.TB) string {
	t.Helper()
	pid := os.Getpid()
	l, err := net.Listen("tcp", fmt.Sprintf("127.%d.%d.%d:0", 64+pid>>16&63, pid>>8&255, pid&255))
	if err != nil { // not every system has more than one such host
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Up starts the registry that is down, with all that was in it.
func (r *Registry) Up() {
	r.t.Helper()
	var said strings.Builder
	cmd := exec.Command(program, "serve", r.config)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.running = cmd
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.Host+"/v2/", nil)
		if err != nil {
			r.t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			response.Body.Close()
			return
		}
		select {
		case <-ctx.Done():
			r.Down()
			r.t.Fatalf("the registry does not answer: %v\n%s", err, said.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Down stops the registry.
func (r *Registry) Down() {
	if r.running == nil {
		return
	}
	_ = r.running.Process.Kill() // it may have ended
	_ = r.running.Wait()
	r.running = nil
}

func (r *Registry) options() []remote.Option {
	if r.Username == "" {
		return nil
	}
	return []remote.Option{remote.WithAuth(&authn.Basic{Username: r.Username, Password: r.Password})}
}

func (r *Registry) tag(repository, tag string) name.Tag {
	r.t.Helper()
	t, err := name.NewTag(r.Host+"/"+repository+":"+tag, name.Insecure, name.StrictValidation)
	if err != nil {
		r.t.Fatal(err)
	}
	return t
}

// Image makes an image that is like no other.
func Image(t testing.TB) v1.Image {
	t.Helper()
	image, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// Push pushes a new image under a tag and returns its digest. A tag that is there
// stands for it from then on.
func (r *Registry) Push(repository, tag string) (digest string) {
	r.t.Helper()
	return r.Write(repository, tag, Image(r.t))
}

// Write pushes an image under a tag.
func (r *Registry) Write(repository, tag string, image v1.Image) (digest string) {
	r.t.Helper()
	if err := remote.Write(r.tag(repository, tag), image, r.options()...); err != nil {
		r.t.Fatal(err)
	}
	hash, err := image.Digest()
	if err != nil {
		r.t.Fatal(err)
	}
	return hash.String()
}

// Index pushes an index of two images under a tag.
func (r *Registry) Index(repository, tag string) (digest string) {
	r.t.Helper()
	index, err := random.Index(64, 1, 2)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := remote.WriteIndex(r.tag(repository, tag), index, r.options()...); err != nil {
		r.t.Fatal(err)
	}
	hash, err := index.Digest()
	if err != nil {
		r.t.Fatal(err)
	}
	return hash.String()
}

// Tag has another tag stand for an image that was pushed, with one request.
func (r *Registry) Tag(repository string, image v1.Image, tag string) {
	r.t.Helper()
	manifest, err := image.RawManifest()
	if err != nil {
		r.t.Fatal(err)
	}
	mediaType, err := image.MediaType()
	if err != nil {
		r.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(r.t.Context(), http.MethodPut, "http://"+r.Host+"/v2/"+repository+"/manifests/"+tag, bytes.NewReader(manifest))
	if err != nil {
		r.t.Fatal(err)
	}
	request.Header.Set("Content-Type", string(mediaType))
	if r.Username != "" {
		request.SetBasicAuth(r.Username, r.Password)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusCreated {
		r.t.Fatalf("tag %s: %s, %v", tag, response.Status, err)
	}
}

// Fill gives what a tag stands for so many further tags, by their names. They are put
// where the registry keeps its tags: pushing thousands takes minutes on a slow disk.
func (r *Registry) Fill(repository, tag string, n int, name func(i int) string) {
	r.t.Helper()
	tags := filepath.Join(filepath.Dir(r.config), "data", "docker", "registry", "v2", "repositories", repository, "_manifests", "tags")
	for i := range n {
		if err := os.CopyFS(filepath.Join(tags, name(i)), os.DirFS(filepath.Join(tags, tag))); err != nil {
			r.t.Fatal(err)
		}
	}
}

// Delete deletes what a tag stands for, and with it all tags that stand for it.
func (r *Registry) Delete(repository, digest string) {
	r.t.Helper()
	d, err := name.NewDigest(r.Host+"/"+repository+"@"+digest, name.Insecure)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := remote.Delete(d, r.options()...); err != nil {
		r.t.Fatal(err)
	}
}
