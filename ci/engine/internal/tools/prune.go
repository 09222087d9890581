package tools

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// keepUnused is how long built programs and images are kept that no start has
// asked for, so that going back to another branch costs nothing.
const keepUnused = 7 * 24 * time.Hour

// Prune removes from the cache what crashed builds left, and what has not been
// used for a week. The caller holds the cache's lock.
func Prune(cacheDir string, used ...string) error {
	now := time.Now()
	for _, name := range used {
		if err := os.Chtimes(name, now, now); err != nil {
			return fmt.Errorf("mark %s as used: %w", name, err)
		}
	}
	for _, kind := range []struct {
		pattern string
		age     time.Duration
	}{
		{"building-*", 0},
		{"packing-*", 0},
		{"tools-*", keepUnused},
		{"gosdk-*", keepUnused},
	} {
		names, err := filepath.Glob(filepath.Join(cacheDir, kind.pattern))
		if err != nil {
			return err
		}
		for _, name := range names {
			info, err := os.Stat(name)
			if err != nil || slices.Contains(used, name) || now.Sub(info.ModTime()) < kind.age {
				continue
			}
			if err := RemoveTree(name); err != nil {
				return fmt.Errorf("clear the cache: %w", err)
			}
		}
	}
	return nil
}

// RemoveTree removes a directory, also one in which Go has write-protected the
// directories of modules.
func RemoveTree(dir string) error {
	_ = filepath.WalkDir(dir, func(name string, entry os.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			_ = os.Chmod(name, 0o755)
		}
		return nil
	})
	return os.RemoveAll(dir)
}
