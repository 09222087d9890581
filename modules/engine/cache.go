package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// cacheFormat is part of every key. It changes whenever what is stored, or how
// a module is read, does.
const cacheFormat = "4"

// Limits of the cache. What falls out of it is asked for again.
const (
	maxSchemas = 512
	maxAge     = 90 * 24 * time.Hour
)

// cache keeps the descriptions of modules by content and engine version, in
// memory and on disk. It only ever saves time: what cannot be read or written
// is as if it were not there.
type cache struct {
	dir  string
	seen string // file with the engine's version

	mu      sync.Mutex
	engine  string
	schemas map[string]*schema
}

func newCache(dir, host string) (*cache, error) {
	sum := sha256.Sum256([]byte(host))
	c := &cache{
		dir:     filepath.Join(dir, "functions"),
		schemas: map[string]*schema{},
	}
	c.seen = filepath.Join(c.dir, "engine-"+hex.EncodeToString(sum[:8]))
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make cache of functions: %w", err)
	}
	c.prune()
	if v, err := os.ReadFile(c.seen); err == nil {
		c.engine = strings.TrimSpace(string(v))
	}
	return c, nil
}

// prune removes what was stored long ago.
func (c *cache) prune() {
	entries, _ := os.ReadDir(c.dir)
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && time.Since(info.ModTime()) > maxAge {
			_ = os.Remove(filepath.Join(c.dir, entry.Name()))
		}
	}
}

// remember keeps a schema in memory. The lock is held.
func (c *cache) remember(name string, s *schema) {
	if len(c.schemas) >= maxSchemas {
		clear(c.schemas)
	}
	c.schemas[name] = s
}

// version is the engine's version as last seen, empty if never.
func (c *cache) version() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.engine
}

func (c *cache) sawVersion(v string) {
	c.mu.Lock()
	known := c.engine == v
	c.engine = v
	c.mu.Unlock()
	if !known {
		_ = replaceFile(c.seen, []byte(v+"\n"))
	}
}

func (c *cache) name(key, version string) string {
	sum := sha256.Sum256([]byte(cacheFormat + "\n" + version + "\n" + key))
	return hex.EncodeToString(sum[:])
}

// get gives the schema for a content key, or nil. An empty key or version is
// never found.
func (c *cache) get(key, version string) *schema {
	if key == "" || version == "" {
		return nil
	}
	name := c.name(key, version)
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.schemas[name]; s != nil {
		return s
	}
	data, err := os.ReadFile(filepath.Join(c.dir, name+".json"))
	if err != nil {
		return nil
	}
	var stored storedSchema
	if json.Unmarshal(data, &stored) != nil || stored.Name != name || stored.Schema == nil || stored.Schema.Field == "" {
		return nil
	}
	c.remember(name, stored.Schema)
	return stored.Schema
}

// storedSchema repeats its own name, so that a file that was mixed up or cut
// short is noticed.
type storedSchema struct {
	Name   string
	Schema *schema
}

func (c *cache) put(key, version string, s *schema) {
	if key == "" || version == "" {
		return
	}
	name := c.name(key, version)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remember(name, s)
	data, err := json.Marshal(storedSchema{Name: name, Schema: s})
	if err == nil {
		_ = replaceFile(filepath.Join(c.dir, name+".json"), data)
	}
}

// replaceFile writes a file so that readers see the old or the new content.
func replaceFile(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// readOrCreate gives the content of a file that is made once and then kept,
// whoever of several processes is first.
func readOrCreate(name string, data []byte) ([]byte, error) {
	f, err := os.CreateTemp(filepath.Dir(name), ".new-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(f.Name(), name); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return os.ReadFile(name)
}
