package mirror_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/gittest"
	"github.com/franela/pocketci/internal/mirror"
)

func TestSSH(t *testing.T) {
	server := gittest.NewSSHServer(t)
	s := &setup{t: t, server: &gittest.Server{}, repo: server.Repo(fullName), dir: t.TempDir()}
	sha := s.repo.Commit("main", "1", gittest.Write("a", "1"))
	ev := s.push("main", "", sha)
	ev.Repository.CloneURL = server.CloneURL(fullName)
	key := func(o *mirror.Options) {
		o.Schemes = []string{"ssh"}
		o.Credentials = mirror.Credentials{SSHKeyFile: server.KeyFile, Hosts: []string{server.Addr}}
	}
	open := func(change ...func(*mirror.Options)) error {
		s.mirrors = s.open(append([]func(*mirror.Options){key}, change...)...)
		_, err := s.mirrors.Snapshot(t.Context(), ev)
		return err
	}
	untrusted := func(o *mirror.Options) { o.Credentials.Hosts = []string{"example.com"} }
	if err := open(untrusted); !errors.Is(err, mirror.ErrAuth) || server.KeysTried() > 0 {
		t.Errorf("a host that is not trusted was offered %d keys: %v", server.KeysTried(), err)
	}
	empty := filepath.Join(t.TempDir(), "known")
	write(t, filepath.Dir(empty), "known", "")
	if err := open(func(o *mirror.Options) { o.Credentials.KnownHostsFile = empty }); !errors.Is(err, mirror.ErrAuth) {
		t.Errorf("a host that is not in the given file: %v", err)
	}
	if err := open(); err != nil {
		t.Fatalf("fetch: %v", err)
	}
	snap := s.snapshot(ev)
	if got := read(t, snap.Tree.FS, "a"); got != "1" {
		t.Errorf("a is %q", got)
	}
	if refs, err := snap.Refs(t.Context()); err != nil || len(refs.Branches) != 1 {
		t.Errorf("refs are %v, %v", refs, err)
	}

	// The host was remembered when it was first seen; another key is refused.
	known := filepath.Join(s.dir, "known_hosts")
	data, err := os.ReadFile(known)
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(data))
	other := "AAAAC3NzaC1lZDI1NTE5AAAAIB1Zd2m4mB2Zb3mYxS5HkGm0Qw8mWk0y6l2x3e5r7t9u"
	if err := os.WriteFile(known, []byte(fields[0]+" "+fields[1]+" "+other+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	second := s.repo.Commit("main", "2", gittest.Write("a", "2"))
	ev.SHA = second
	if err := open(); !errors.Is(err, mirror.ErrAuth) {
		t.Errorf("a host with another key: %v", err)
	}
}

func TestRemoteOfSSHKeys(t *testing.T) {
	m, err := mirror.New(mirror.Options{Dir: t.TempDir(), Credentials: mirror.Credentials{SSHKeyFile: "/key"}, Schemes: []string{"ssh"}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for raw, want := range map[string]string{
		"https://github.com/acme/shop.git":        "ssh://git@github.com/acme/shop.git",
		"https://example.com/acme/shop.git":       "https://example.com/acme/shop.git",
		"git@github.com:acme/shop.git":            "ssh://git@github.com/acme/shop.git",
		"ssh://me:pw@example.com:22/acme/shop":    "ssh://me@example.com/acme/shop",
		"HTTPS://GitHub.com:443/acme/shop.git":    "ssh://git@github.com/acme/shop.git",
		"https://evil@github.com.evil.example/x/": "https://github.com.evil.example/x/",
	} {
		got, _, _, err := m.Remote(&events.Repository{FullName: fullName, CloneURL: raw}, events.VendorGithub)
		if err != nil || got != want {
			t.Errorf("%s is fetched from %s, %v; want %s", raw, got, err, want)
		}
	}
}
