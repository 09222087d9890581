// Package daemon starts, asks and stops one engine on this machine.
package daemon

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
)

// DefaultName is the engine that a developer uses.
const DefaultName = "dev"

// defaultNetwork is the name of that engine's network, and the prefix of the
// others'. An interface's name has at most 15 characters.
const defaultNetwork = "pocketci"

// Engine says where an engine keeps what. Two engines with different names
// share nothing but the built programs.
type Engine struct {
	// Name tells engines on one machine apart.
	Name string
	// State is the engine's directory: its caches, log and socket.
	State string
	// Socket is the path at which it listens.
	Socket string
	// Network is the name of its container network. The bridge has the same
	// name with a 0 behind it.
	Network string
	// CIDR is the range of addresses of its containers.
	CIDR string
}

var validName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,30}$`)

// WithDefaults returns the engine with everything filled in that is empty.
// Other names than the default get a network derived from the name.
func (e Engine) WithDefaults(cacheDir string) (Engine, error) {
	if e.Name == "" {
		e.Name = DefaultName
	}
	if !validName.MatchString(e.Name) {
		return e, fmt.Errorf("engine name %q: want lower-case letters, digits and dashes, at most 31", e.Name)
	}
	if e.State == "" {
		e.State = filepath.Join(cacheDir, "engines", e.Name)
	}
	state, err := filepath.Abs(e.State)
	if err != nil {
		return e, fmt.Errorf("state directory: %w", err)
	}
	e.State = state
	if e.Socket == "" {
		e.Socket = filepath.Join(e.State, "engine.sock")
	}
	// The kernel's limit for the path of a socket, less its final zero.
	if limit := 107; len(e.Socket) > limit {
		return e, fmt.Errorf("socket path %s is longer than %d bytes; choose a shorter one", e.Socket, limit)
	}

	network, cidr := defaultNetwork, "10.213.0.0/20"
	if e.Name != DefaultName {
		hash := sha256.Sum256([]byte(e.Name))
		network = fmt.Sprintf("pci%x", hash[:4])
		number := binary.BigEndian.Uint16(hash[4:])
		cidr = fmt.Sprintf("10.%d.%d.0/20", 214+number>>4%40, number&15<<4)
	}
	if e.Network == "" {
		e.Network = network
	}
	if e.CIDR == "" {
		e.CIDR = cidr
	}
	if len(e.bridge()) > 15 {
		return e, fmt.Errorf("network name %q: at most 14 characters", e.Network)
	}
	if prefix, err := netip.ParsePrefix(e.CIDR); err != nil || !prefix.Addr().Is4() || prefix != prefix.Masked() {
		return e, fmt.Errorf("network range %q: want IPv4 like 10.213.0.0/20", e.CIDR)
	}
	return e, nil
}

// CacheDir is where built programs, the image and, unless told otherwise,
// engines are kept.
func CacheDir() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache directory: %w", err)
	}
	return filepath.Join(base, "pocketci", "engine"), nil
}

// Log is the path of the engine's log.
func (e Engine) Log() string { return filepath.Join(e.State, "engine.log") }

// LockFile is the path of the lock that a start or stop of it holds.
func (e Engine) LockFile() string { return filepath.Join(e.State, "start.lock") }

// Known reports whether the engine was ever started in its state directory.
func (e Engine) Known() bool {
	_, err := os.Stat(e.LockFile())
	return err == nil
}

func (e Engine) bridge() string { return e.Network + "0" }
