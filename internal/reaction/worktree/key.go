package worktree

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// Key is a private key for ssh. It stays in this process: ssh asks it to sign, over
// an agent that is there for as long as one fetch.
type Key struct{ private any }

// ParseKey reads a private key in the format of OpenSSH or PEM, which the passphrase
// opens if it is encrypted. Errors hold neither.
func ParseKey(key, passphrase string) (*Key, error) {
	private, err := ssh.ParseRawPrivateKey([]byte(key))
	if _, encrypted := errors.AsType[*ssh.PassphraseMissingError](err); encrypted {
		if passphrase == "" {
			return nil, errors.New("the key is encrypted; give its passphrase")
		}
		private, err = ssh.ParseRawPrivateKeyWithPassphrase([]byte(key), []byte(passphrase))
		if errors.Is(err, x509.IncorrectPasswordError) {
			return nil, errors.New("the passphrase does not open the key")
		}
	}
	if err != nil {
		return nil, fmt.Errorf("it is not a private key that ssh could use: OpenSSH's own format, or PEM: %w", err)
	}
	return &Key{private}, nil
}

// serve offers the key on a socket that only this user can reach, until stop.
func (k *Key) serve() (socket string, stop func(), err error) {
	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: k.private}); err != nil {
		return "", nil, err
	}
	// Nobody else can enter it. Paths of sockets are limited to about 100 bytes.
	dir, err := os.MkdirTemp("", "pocketci-ssh-")
	if err != nil {
		return "", nil, err
	}
	socket = filepath.Join(dir, "agent")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	var (
		served sync.WaitGroup
		mu     sync.Mutex
		conns  []net.Conn
		ended  bool
	)
	served.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			if ended {
				conn.Close()
			}
			conns = append(conns, conn)
			mu.Unlock()
			served.Go(func() {
				defer conn.Close()
				_ = agent.ServeAgent(ring, conn) // it ends with the connection
			})
		}
	})
	return socket, func() {
		listener.Close()
		mu.Lock()
		ended = true
		for _, conn := range conns {
			conn.Close()
		}
		mu.Unlock()
		served.Wait()
		os.RemoveAll(dir)
	}, nil
}
