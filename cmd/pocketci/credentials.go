package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// credentials are the servers that the user has logged in to, as they are kept
// in a file that nobody else can read.
type credentials struct {
	// Default is the address of the server that is meant if none is named.
	Default string             `json:"default,omitempty"`
	Servers map[string]account `json:"servers"`
}

// account is what one server is reached with.
type account struct {
	Key string `json:"key"`
	// InsecureHTTP says that the user accepted to send the key without TLS.
	InsecureHTTP bool   `json:"insecure_http,omitempty"`
	CAFile       string `json:"ca_file,omitempty"`
}

// credentialsFile is where they are kept. XDG_CONFIG_HOME counts on every
// system.
func credentialsFile() (string, error) {
	dir := os.Getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(dir) {
		var err error
		if dir, err = os.UserConfigDir(); err != nil {
			return "", fmt.Errorf("find a place for credentials: %w", err)
		}
	}
	return filepath.Join(dir, "pocketci", "credentials.json"), nil
}

// readCredentials returns what is kept, which may be nothing.
func readCredentials() (*credentials, error) {
	name, err := credentialsFile()
	if err != nil {
		return nil, err
	}
	c := &credentials{Servers: map[string]account{}}
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read credentials: %w", err)
	}
	if info, err := os.Stat(name); err == nil && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("read credentials: others may read %s; end that with chmod 600, and replace its keys", name)
	}
	if err := json.Unmarshal(data, c); err != nil {
		// The error of encoding/json may quote the file.
		return nil, fmt.Errorf("read credentials: %s is no JSON as pocketci login writes it", name)
	}
	if c.Servers == nil {
		c.Servers = map[string]account{}
	}
	return c, nil
}

// write keeps the credentials. Whoever reads meanwhile sees the old ones or the
// new ones.
func (c *credentials) write() error {
	name, err := credentialsFile()
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("write credentials: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return fmt.Errorf("write credentials: %w", err)
	}
	// A directory that was there before may be open to others.
	if err := os.Chmod(filepath.Dir(name), 0o700); err != nil {
		return fmt.Errorf("write credentials: %w", err)
	}
	if err := writeFile(name, func(f *os.File) error {
		_, err := f.Write(append(data, '\n'))
		return err
	}); err != nil {
		return fmt.Errorf("write credentials: %w", err)
	}
	return nil
}

// writeFile makes or replaces a file that only the user can read, in one step
// after it has been filled.
func writeFile(name string, fill func(*os.File) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*") // with mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			// The first error is the one to tell.
			_ = os.Remove(f.Name())
		}
	}()
	if err := errors.Join(fill(f), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
