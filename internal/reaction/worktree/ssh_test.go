package worktree_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/franela/pocketci/internal/git"
	"github.com/franela/pocketci/internal/gittest"
	"github.com/franela/pocketci/internal/reaction/worktree"
)

// overSSH is a setup with a repository behind a real sshd.
func overSSH(t *testing.T) (*setup, *gittest.SSHD) {
	t.Helper()
	server := gittest.NewSSHD(t)
	s := newSetup(t)
	s.repo = server.Repo("acme/shop")
	s.repo.Commit("main", "first", gittest.Write("a", "1"))
	s.options.Address = address(t, server.CloneURL("acme/shop"))
	s.options.KnownHosts = []string{s.known(server.KnownHosts)}
	s.options.Key = parseKey(t, server.EncryptedKey, server.Passphrase)
	return s, server
}

func parseKey(t *testing.T, key, passphrase string) *worktree.Key {
	t.Helper()
	k, err := worktree.ParseKey(key, passphrase)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (s *setup) known(line string) string {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), "known hosts") // names may have spaces
	writeFile(s.t, path, line)
	return path
}

func TestSSH(t *testing.T) {
	s, server := overSSH(t)
	// Where the socket of the key's agent is made.
	t.Setenv("TMPDIR", shortDir(t))
	s.changed(s.repo.SHA("main"))
	s.has(map[string]string{"a": "1"})
	s.write("a", "edited")
	second := s.repo.Commit("main", "second", gittest.Write("b", "2"))
	s.changed(second)
	s.options.Key = parseKey(t, server.Key, "")
	s.unchanged(second)
	s.repo.Branch("main", s.repo.SHA("main~1"))
	rewritten := s.repo.Commit("main", "rewritten", gittest.Write("a", "r"))
	s.changed(rewritten)
	s.repo.Delete("main")
	s.fails(worktree.ErrRef, "has no refs/heads/main")
	s.repo.Branch("main", rewritten)
	s.options.Address = address(t, server.CloneURL("acme/other"))
	s.fails(worktree.ErrDirectory, "and not one of ssh://")
	s.options.Directory += "-other"
	s.fails(git.ErrNotFound, "does not appear to be a git repository")

	// Neither the key nor its passphrase has come to lie anywhere.
	for _, root := range []string{s.dir, os.TempDir()} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			data, err := os.ReadFile(path)
			if strings.Contains(string(data), "PRIVATE KEY") || strings.Contains(string(data), server.Passphrase) {
				t.Errorf("%s holds a secret", path)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("in the directory for temporary files are %v, %v", left, err)
	}
}

// shortDir is a directory whose path leaves room for that of a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "wt")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestHostKeys(t *testing.T) {
	s, server := overSSH(t)
	known := s.options.KnownHosts
	other := gittest.NewSSHD(t)
	_, key, _ := strings.Cut(other.KnownHosts, " ")
	host, _, _ := strings.Cut(server.KnownHosts, " ")
	for name, files := range map[string][]string{
		"another one":    {s.known(host + " " + key)},
		"none":           {s.known("")},
		"no file":        {filepath.Join(t.TempDir(), "none")},
		"no file at all": nil,
	} {
		t.Run(name, func(t *testing.T) {
			s.options.KnownHosts = files
			_, err := worktree.New(s.options).Update(t.Context(), "", false)
			if !errors.Is(err, git.ErrHostKey) || !errors.Is(err, git.ErrAuth) {
				t.Errorf("got %v", err)
			}
			for _, file := range files {
				if data, _ := os.ReadFile(file); strings.Contains(string(data), strings.Fields(server.KnownHosts)[2]) {
					t.Error("the key was accepted at first sight")
				}
			}
		})
	}
	// The second file counts as well.
	s.options.KnownHosts = append([]string{filepath.Join(t.TempDir(), "none")}, known...)
	s.changed(s.repo.SHA("main"))
}

func TestAKeyThatIsNotLetIn(t *testing.T) {
	s, _ := overSSH(t)
	s.options.Key = parseKey(t, gittest.NewSSHD(t).Key, "")
	s.fails(git.ErrAuth, "")
	s.options.Key = nil
	s.fails(git.ErrAuth, "")
}

func TestLostNetwork(t *testing.T) {
	s, server := overSSH(t)
	s.changed(s.repo.SHA("main"))
	noise := make([]byte, 512<<10)
	if _, err := rand.Read(noise); err != nil {
		t.Fatal(err)
	}
	second := s.repo.Commit("main", "large", gittest.Write("large", string(noise)), gittest.Write("a", "2"))
	for name, after := range map[string]int64{"while it greets": 10, "while it tells keys": 2000, "amid the pack": 100_000} {
		t.Run(name, func(t *testing.T) {
			server.Cut(after)
			_, err := worktree.New(s.options).Update(t.Context(), s.achieved, false)
			e, ok := errors.AsType[*worktree.Error](err)
			if !ok || !errors.Is(err, git.ErrUnavailable) || !e.Temporary() {
				t.Errorf("got %v", err)
			}
			s.has(map[string]string{"a": "1", "large": ""})
		})
	}
	server.Cut(0)
	server.Away(true)
	s.fails(git.ErrUnavailable, "")
	server.Away(false)
	s.changed(second)

	// A server that says nothing any more.
	s.options.Timeout = time.Millisecond
	s.fails(git.ErrUnavailable, "it took too long")
}

func TestParseKey(t *testing.T) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(block *pem.Block, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(block))
	}
	plain := encode(ssh.MarshalPrivateKey(private, "somebody"))
	encrypted := encode(ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte("hunter2 hunter2")))
	for name, c := range map[string]struct{ key, passphrase, problem string }{
		"open":                         {key: plain},
		"open, with a passphrase":      {key: plain, passphrase: "none is needed"},
		"encrypted":                    {key: encrypted, passphrase: "hunter2 hunter2"},
		"encrypted, without one":       {key: encrypted, problem: "the key is encrypted; give its passphrase"},
		"encrypted, with another one":  {key: encrypted, passphrase: "hunter3", problem: "the passphrase does not open the key"},
		"no key":                       {key: "hunter2", problem: "it is not a private key that ssh could use"},
		"a damaged key":                {key: strings.Replace(plain, "\n", "\nhunter2", 1), problem: "it is not a private key"},
		"a public key":                 {key: "ssh-ed25519 AAAA", problem: "it is not a private key"},
		"legacy PEM, encrypted":        {key: legacyKey, passphrase: "hunter2 hunter2"},
		"legacy PEM, with another one": {key: legacyKey, passphrase: "hunter3", problem: "the passphrase does not open the key"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := worktree.ParseKey(c.key, c.passphrase)
			if c.problem == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.problem) || strings.Contains(err.Error(), "hunter") {
				t.Errorf("got %v, want %q and no secret", err, c.problem)
			}
		})
	}
}

// legacyKey was made for this test by ssh-keygen -t ecdsa -m PEM.
const legacyKey = `-----BEGIN EC PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-128-CBC,E61F94137C7F429BD49E1A2F3D739EF9

bglmg4CtCHnFN5uMDAdMWs6HX/6xRHunKSrNNLdDWnfbWbSVPXHNgOobD+OCn2pl
H/Rd6SdXblIterPbHri8E3Kjj/xgcnYGSra+LlGTR+gklGbgLl9RCr+ORQaIYK6J
7ZpP5nnwIgqFprMqzAQ/cDeFaMbCpAUGbDOK3d2eEw0=
-----END EC PRIVATE KEY-----
`
