package engine

import (
	"os"
	"path"
	"path/filepath"
)

// hasEnv reports whether one of the assembled modules has a .env.
func (a *assembly) hasEnv() bool {
	for name := range a.entries {
		if path.Base(name) == ".env" {
			return true
		}
	}
	return false
}

// envAbove reports whether there is a .env in dir or above it.
func envAbove(dir string) bool {
	for {
		if _, err := os.Lstat(filepath.Join(dir, ".env")); err == nil {
			return true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return false
		}
		dir = parent
	}
}
