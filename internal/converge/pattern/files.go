package pattern

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"
)

// Limits of the files of a pattern.
const (
	// MaxFiles is how many files a pattern has at most, with its imports.
	MaxFiles = 200
	// MaxBytes is how large they are at most, all together.
	MaxBytes = 512 << 10
)

// Files are a pattern as it travels in a token: the text of its file and of
// everything that this imports, each by its path below the root, with slashes.
type Files struct {
	// Entrypoint is the path of the pattern's own file: .jsonnet, .yaml, .yml or
	// .json.
	Entrypoint string            `json:"entrypoint"`
	Files      map[string]string `json:"files"`
}

// Check returns an error unless the files can be a pattern.
func (f *Files) Check() error {
	if _, ok := f.Files[f.Entrypoint]; !ok {
		return fmt.Errorf("the entrypoint %.100q is not among the pattern's files", f.Entrypoint)
	}
	switch path.Ext(f.Entrypoint) {
	case ".jsonnet", ".yaml", ".yml", ".json":
	default:
		return fmt.Errorf("the entrypoint %.100q is none of .jsonnet, .yaml, .yml and .json", f.Entrypoint)
	}
	if len(f.Files) > MaxFiles {
		return fmt.Errorf("the pattern has %d files, more than %d", len(f.Files), MaxFiles)
	}
	size := 0
	for name, text := range f.Files {
		if err := checkPath(name); err != nil {
			return fmt.Errorf("file %.100q: %w", name, err)
		}
		if !utf8.ValidString(text) {
			return fmt.Errorf("file %.100q is not UTF-8 text", name)
		}
		size += len(name) + len(text)
	}
	if size > MaxBytes {
		return fmt.Errorf("the pattern has %d bytes, more than %d", size, MaxBytes)
	}
	return nil
}

// Digest tells patterns with different files apart.
func (f *Files) Digest() string {
	data, err := json.Marshal(f) // its keys are sorted
	if err != nil {
		panic(err) // strings can always be written
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// rendered reports whether the pattern is the output of a program.
func (f *Files) rendered() bool { return path.Ext(f.Entrypoint) == ".jsonnet" }

func checkPath(name string) error {
	switch {
	case name == "" || len(name) > 512 || !utf8.ValidString(name) || strings.ContainsRune(name, 0):
		return errors.New("is not the path of a file")
	case path.IsAbs(name) || path.Clean(name) != name || name == "." || name == ".." || strings.HasPrefix(name, "../"):
		return errors.New("is not a path below the root")
	}
	return nil
}

// resolve returns the path below the root of what a file imports.
func resolve(importedFrom, imported string) (string, error) {
	if path.IsAbs(imported) {
		return "", fmt.Errorf("import %.100q: an absolute path; imports are relative to the file that they stand in", imported)
	}
	name := path.Join(path.Dir(importedFrom), imported)
	if err := checkPath(name); err != nil {
		return "", fmt.Errorf("import %.100q %w", imported, err)
	}
	return name, nil
}
