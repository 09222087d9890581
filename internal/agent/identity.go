package agent

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
)

// Names of the files in a data directory that make it one agent's.
const (
	lockFile = "agent.lock"
	nameFile = "agent-name"
)

// Identity is the right of one process to a data directory, and the name of
// the agent that lives in it.
type Identity struct {
	// Name stays the same as long as the directory is there, and is no other
	// directory's.
	Name string
	lock *flock.Flock
}

// Own takes a data directory for this process, until it ends or gives it up. A
// directory that another process has is an error.
func Own(dir string) (*Identity, error) {
	lock := flock.New(filepath.Join(dir, lockFile), flock.SetPermissions(0o600))
	taken, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock data directory %s: %w", dir, err)
	}
	if !taken {
		return nil, fmt.Errorf("another agent uses the data directory %s: stop it, or give this one another --data-dir", dir)
	}
	name, err := readName(filepath.Join(dir, nameFile))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("name the agent: %w", err), lock.Unlock())
	}
	return &Identity{Name: name, lock: lock}, nil
}

// Close gives the directory up.
func (i *Identity) Close() error { return i.lock.Unlock() }

// readName reads the name, or makes one of the host's name that no other host
// of that name makes.
func readName(file string) (string, error) {
	data, err := os.ReadFile(file)
	if name := strings.TrimSpace(string(data)); err == nil && name != "" {
		return name, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "agent"
	}
	name := host + "-" + strings.ToLower(rand.Text()[:6])
	temporary := file + ".new"
	if err := os.WriteFile(temporary, []byte(name+"\n"), 0o600); err != nil {
		return "", err
	}
	return name, os.Rename(temporary, file)
}
