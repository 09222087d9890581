package mirror_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/mirror"
)

// FuzzValidRef compares with git's own opinion.
func FuzzValidRef(f *testing.F) {
	for _, ref := range []string{
		"refs/heads/main", "refs/heads/feature/x", "refs/heads/a.lock", "refs/heads/.a", "refs/heads/a..b", "refs/heads/a b", "refs/heads/@{",
		"refs/heads/@", "refs/heads/", "refs//x", "refs/heads/ä", "refs/heads/a.", "refs/heads/-x", "-x", "HEAD", "refs/heads/a\x7f", "refs/heads/a:b", "refs",
	} {
		f.Add(ref)
	}
	f.Fuzz(func(t *testing.T, ref string) {
		if !mirror.ValidRef(ref) {
			return
		}
		if !strings.HasPrefix(ref, "refs/") {
			t.Errorf("%q is no full ref", ref)
		}
		if err := exec.CommandContext(t.Context(), "git", "check-ref-format", ref).Run(); err != nil {
			t.Errorf("%q: git says %v", ref, err)
		}
	})
}

// FuzzCloneURL checks that no payload makes the mirrors leave their directory
// or start anything: everything is refused, or is https to somewhere.
func FuzzCloneURL(f *testing.F) {
	for _, seed := range []struct{ url, name string }{
		{"https://github.com/acme/shop.git", "acme/shop"}, {"ext::sh -c id", "../.."}, {"git@github.com:acme/shop", "a\x00b"},
		{"https://u:p@host:8443/x", "/"}, {"file:///etc/passwd", "."}, {"--upload-pack=x", "-"}, {"https://[::1]:1/x", "x"},
	} {
		f.Add(seed.url, seed.name)
	}
	dir := f.TempDir()
	m, err := mirror.New(mirror.Options{Dir: filepath.Join(dir, "data"), Credentials: mirror.Credentials{Token: "t"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = m.Close() })
	f.Fuzz(func(t *testing.T, url, name string) {
		got, path, trusted, err := m.Remote(&events.Repository{CloneURL: url, FullName: name}, events.VendorGithub)
		if err != nil {
			if !errors.Is(err, mirror.ErrURL) {
				t.Errorf("error is %v", err)
			}
			return
		}
		if !strings.HasPrefix(got, "https://") || strings.ContainsAny(got, "@ \n\x00'\"\\") && !strings.Contains(got[8:], "/") {
			t.Errorf("%q became %q", url, got)
		}
		if trusted != strings.HasPrefix(got, "https://github.com/") {
			t.Errorf("%q: trusted is %v", got, trusted)
		}
		rel, err := filepath.Rel(filepath.Join(dir, "data", "mirrors"), path)
		if err != nil || len(strings.Split(rel, string(os.PathSeparator))) != 2 || strings.Contains(rel, "..") && strings.HasPrefix(rel, "..") {
			t.Errorf("%q is kept at %q", name, rel)
		}
	})
}
