package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"time"
)

//go:embed static
var static embed.FS

// assets are the style sheet, the scripts and the icon. Their addresses hold a hash of
// all of them, so that browsers may keep them for ever.
type assets struct {
	prefix string
	files  map[string][]byte
}

func newAssets() (*assets, error) {
	sum := sha256.New()
	a := &assets{files: map[string][]byte{}}
	err := fs.WalkDir(static, "static", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := static.ReadFile(name)
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%s %d\n", name, len(data))
		sum.Write(data)
		a.files[strings.TrimPrefix(name, "static/")] = data
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the files of the pages: %w", err)
	}
	a.prefix = "/static/" + hex.EncodeToString(sum.Sum(nil))[:16] + "/"
	return a, nil
}

// path is the address of a file.
func (a *assets) path(name string) (string, error) {
	if _, known := a.files[name]; !known {
		return "", fmt.Errorf("there is no file %s for pages", name)
	}
	return a.prefix + name, nil
}

// ServeHTTP implements [http.Handler].
func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// A page of the version before may still ask for its own.
	_, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/static/"), "/")
	data, known := a.files[rest]
	if !known {
		http.NotFound(w, r)
		return
	}
	if strings.HasPrefix(r.URL.Path, a.prefix) {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeContent(w, r, rest, time.Time{}, bytes.NewReader(data))
}
