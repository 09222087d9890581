package gittest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/crypto/ssh"
)

// SSHD serves repositories by OpenSSH's own server, one process for each connection.
// It needs Debian's package openssh-server.
type SSHD struct {
	// Addr is host and port.
	Addr string
	// Root is the folder that holds the repositories.
	Root string
	// Key is the private key that it lets in, EncryptedKey the same behind the
	// Passphrase, in OpenSSH's format.
	Key, EncryptedKey, Passphrase string
	// KnownHosts is what known_hosts says of it.
	KnownHosts string

	t    T
	user string
	// cut is after how many bytes to the client connections break, 0 for never.
	cut atomic.Int64
	// hold is after how many bytes connections stall, 0 for never. held gets a value
	// when one does.
	hold atomic.Int64
	held chan struct{}
	// away has it break every connection at once.
	away   atomic.Bool
	served atomic.Int64
}

// NewSSHD starts a server on a free loopback port. It ends with the test.
func NewSSHD(t T) *SSHD {
	t.Helper()
	const program = "/usr/sbin/sshd"
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("find sshd: %v; install the Debian package openssh-server", err)
	}
	me, err := user.Current()
	if err != nil {
		t.Fatalf("who am I: %v", err)
	}
	if me.Uid == "0" {
		// Where it gives up its rights; a service makes it elsewhere.
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatalf("make the directory of sshd: %v", err)
		}
	}
	s := &SSHD{t: t, Root: t.TempDir(), user: me.Username, Passphrase: "correct horse battery staple", held: make(chan struct{}, 100)}
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatalf("configure sshd: %v", err)
		}
		return path
	}
	public, private := sshKey(t)
	s.Key = marshalKey(t, private, "")
	s.EncryptedKey = marshalKey(t, private, s.Passphrase)
	hostPublic, hostPrivate := sshKey(t)
	config := write("sshd_config", strings.Join([]string{
		"HostKey " + write("host_key", marshalKey(t, hostPrivate, "")),
		"AuthorizedKeysFile " + write("authorized_keys", string(ssh.MarshalAuthorizedKey(public))),
		"PidFile none", "StrictModes no", "UsePAM no", "PasswordAuthentication no", "KbdInteractiveAuthentication no",
		"ForceCommand /bin/sh " + write("serve", strings.ReplaceAll(serveScript, "ROOT", s.Root)),
		"PermitRootLogin yes", "PrintMotd no", "AcceptEnv GIT_PROTOCOL", "LogLevel ERROR",
	}, "\n")+"\n")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	s.Addr = listener.Addr().String()
	host, port, _ := net.SplitHostPort(s.Addr)
	s.KnownHosts = fmt.Sprintf("[%s]:%s %s", host, port, ssh.MarshalAuthorizedKey(hostPublic))
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.served.Add(1)
			conns.Go(func() { s.serve(conn, program, config) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		conns.Wait()
	})
	return s
}

func (s *SSHD) serve(conn net.Conn, program, config string) {
	defer conn.Close()
	if s.away.Load() {
		return
	}
	cmd := exec.Command(program, "-i", "-e", "-f", config)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	cmd.Stdin, cmd.Stdout = conn, io.Writer(conn)
	if left := s.cut.Load(); left > 0 {
		cmd.Stdout = &cutting{conn: conn, left: left}
	}
	if left := s.hold.Load(); left > 0 {
		cmd.Stdout = &stalling{conn: conn, left: left, held: s.held}
	}
	// It ends with the connection, for which it has no exit code that says more.
	_ = cmd.Run()
}

// Cut has connections break after so many bytes to the client; 0 is never.
func (s *SSHD) Cut(after int64) { s.cut.Store(after) }

// Hold has connections stall after so many bytes to the client, until the client goes
// away; 0 is never. The channel gets a value when one does.
func (s *SSHD) Hold(after int64) <-chan struct{} {
	s.hold.Store(after)
	return s.held
}

// Away has all connections break at once, or no more.
func (s *SSHD) Away(away bool) { s.away.Store(away) }

// Served counts the connections.
func (s *SSHD) Served() int64 { return s.served.Load() }

// Repo creates an empty repository as [Server.Repo] does.
func (s *SSHD) Repo(fullName string) *Repo {
	s.t.Helper()
	return newRepo(s.t, filepath.Join(s.Root, filepath.FromSlash(fullName)+".git"))
}

// serveScript finds repositories below the root, as forges do.
const serveScript = `path=${SSH_ORIGINAL_COMMAND#"git-upload-pack '/"}
case $SSH_ORIGINAL_COMMAND in
"git-upload-pack '/"*"'") exec git upload-pack "ROOT/${path%"'"}" ;;
esac
echo "refused: $SSH_ORIGINAL_COMMAND" >&2
exit 1
`

// CloneURL is the address of the repository with the given full name.
func (s *SSHD) CloneURL(fullName string) string {
	return "ssh://" + s.user + "@" + s.Addr + "/" + fullName + ".git"
}

// cutting is a connection that breaks.
type cutting struct {
	conn net.Conn
	left int64
}

func (c *cutting) Write(p []byte) (int, error) {
	if int64(len(p)) > c.left {
		n, _ := c.conn.Write(p[:c.left])
		c.conn.Close()
		return n, errors.New("the connection was cut")
	}
	c.left -= int64(len(p))
	return c.conn.Write(p)
}

// stalling is a connection on which nothing comes any more.
type stalling struct {
	conn net.Conn
	left int64
	held chan<- struct{}
}

func (s *stalling) Write(p []byte) (int, error) {
	if int64(len(p)) <= s.left {
		s.left -= int64(len(p))
		return s.conn.Write(p)
	}
	s.held <- struct{}{}
	// The client says nothing more either, until it goes away.
	_, err := io.Copy(io.Discard, s.conn)
	return 0, errors.Join(errors.New("the client went away"), err)
}

// sshKey makes a pair of keys.
func sshKey(t T) (ssh.PublicKey, ed25519.PrivateKey) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatalf("generate key: %v", err)
	}
	encoded, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatalf("encode key: %v", err)
	}
	return encoded, private
}

func marshalKey(t T, key ed25519.PrivateKey, passphrase string) string {
	t.Helper()
	var (
		block *pem.Block
		err   error
	)
	if passphrase == "" {
		block, err = ssh.MarshalPrivateKey(key, "")
	} else {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(passphrase))
	}
	if err != nil {
		t.Fatalf("encode key: %v", err)
	}
	return string(pem.EncodeToMemory(block))
}
