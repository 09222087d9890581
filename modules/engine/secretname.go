package engine

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
)

// namer names secrets. To Dagger a secret is its name: steps that use one stay
// cached as long as the name does, and a name that stood for another value
// before would serve results of that value. So the name is derived from the
// value, keyed so that nothing about the value can be learnt from it.
type namer struct{ key []byte }

func newNamer(dir string) (*namer, error) {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("make key for names of secrets: %w", err)
	}
	key, err := readOrCreate(filepath.Join(dir, "secret-names.key"), key)
	if err != nil {
		return nil, fmt.Errorf("read key for names of secrets: %w", err)
	}
	if len(key) < 32 {
		return nil, fmt.Errorf("read key for names of secrets: the file in %s is damaged; remove it", dir)
	}
	return &namer{key: key}, nil
}

func (n *namer) name(ref, value string) string {
	mac := hmac.New(sha256.New, n.key)
	fmt.Fprintf(mac, "%q %q", ref, value)
	return "pocketci-" + hex.EncodeToString(mac.Sum(nil)[:16])
}
