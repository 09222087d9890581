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
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
)

// SSHServer serves repositories for reading over ssh to the holder of one key.
type SSHServer struct {
	// Addr is host and port.
	Addr string
	// Root is the folder that holds the repositories.
	Root string
	// KeyFile is the private key that the server lets in.
	KeyFile string

	t     T
	mu    sync.Mutex
	tried int
}

// NewSSHServer starts a server on a free loopback port. It ends with the test.
func NewSSHServer(t T) *SSHServer {
	t.Helper()
	s := &SSHServer{t: t, Root: t.TempDir()}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatalf("generate key: %v", err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatalf("encode key: %v", err)
	}
	s.KeyFile = filepath.Join(t.TempDir(), "id_ed25519")
	if err := os.WriteFile(s.KeyFile, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatalf("write key: %v", err)
	}
	allowed, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatalf("encode key: %v", err)
	}
	_, hostKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatalf("generate host key: %v", err)
	}
	signer, err := ssh.NewSignerFromKey(hostKey)
	if err != nil {
		t.Fatalf("use host key: %v", err)
	}
	config := &ssh.ServerConfig{
		PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			s.mu.Lock()
			s.tried++
			s.mu.Unlock()
			if string(key.Marshal()) != string(allowed.Marshal()) {
				return nil, errors.New("unknown key")
			}
			return nil, nil
		},
	}
	config.AddHostKey(signer)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	s.Addr = listener.Addr().String()
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { s.serve(conn, config) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		conns.Wait()
	})
	return s
}

// Repo creates an empty repository as [Server.Repo] does.
func (s *SSHServer) Repo(fullName string) *Repo {
	s.t.Helper()
	return newRepo(s.t, filepath.Join(s.Root, filepath.FromSlash(fullName)+".git"))
}

// CloneURL is the address of the repository with the given full name.
func (s *SSHServer) CloneURL(fullName string) string {
	return "ssh://git@" + s.Addr + "/" + fullName + ".git"
}

// KeysTried counts the keys that clients offered.
func (s *SSHServer) KeysTried() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tried
}

func (s *SSHServer) serve(conn net.Conn, config *ssh.ServerConfig) {
	defer conn.Close()
	server, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	defer server.Close()
	go ssh.DiscardRequests(requests)
	for c := range channels {
		if c.ChannelType() != "session" {
			_ = c.Reject(ssh.UnknownChannelType, "only sessions")
			continue
		}
		channel, requests, err := c.Accept()
		if err != nil {
			return
		}
		s.session(channel, requests)
	}
}

// session runs the one command of a session.
func (s *SSHServer) session(channel ssh.Channel, requests <-chan *ssh.Request) {
	defer channel.Close()
	protocol := ""
	for r := range requests {
		switch r.Type {
		case "env":
			var env struct{ Name, Value string }
			if ssh.Unmarshal(r.Payload, &env) == nil && env.Name == "GIT_PROTOCOL" {
				protocol = env.Value
			}
			_ = r.Reply(true, nil)
		case "exec":
			var command struct{ Line string }
			if err := ssh.Unmarshal(r.Payload, &command); err != nil {
				_ = r.Reply(false, nil)
				return
			}
			_ = r.Reply(true, nil)
			status := s.uploadPack(channel, command.Line, protocol)
			_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
			return
		default:
			_ = r.Reply(false, nil)
		}
	}
}

func (s *SSHServer) uploadPack(channel ssh.Channel, line, protocol string) uint32 {
	path, ok := strings.CutPrefix(line, "git-upload-pack '/")
	path, closed := strings.CutSuffix(path, "'")
	if !ok || !closed || !filepath.IsLocal(path) {
		fmt.Fprintf(channel.Stderr(), "refused: %s\n", line)
		return 1
	}
	cmd := command("", "upload-pack", filepath.Join(s.Root, path))
	cmd.Env = append(cmd.Env, "GIT_PROTOCOL="+protocol)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return 1
	}
	cmd.Stdout, cmd.Stderr = channel, channel.Stderr()
	if err := cmd.Start(); err != nil {
		return 1
	}
	go func() {
		defer stdin.Close()
		_, _ = io.Copy(stdin, channel)
	}()
	if err := cmd.Wait(); err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			return uint32(exit.ExitCode())
		}
		return 1
	}
	return 0
}
