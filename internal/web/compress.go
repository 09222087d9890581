package web

import (
	"fmt"
	"net/http"

	"github.com/klauspost/compress/gzhttp"
)

const (
	// compressFrom is the size in bytes from which something is compressed.
	compressFrom = 2 << 10
	// jitter is how many bytes of random length an answer gets more at most. What it
	// is long says nothing then of what stands in it beside what somebody had it repeat
	// (https://www.breachattack.com).
	jitter = 64
)

// newCompressor returns what compresses whole pages and files for browsers that take that.
// Pages that are kept up to date are not: each part has to arrive when it is sent.
func newCompressor() (func(http.Handler) http.HandlerFunc, error) {
	wrap, err := gzhttp.NewWrapper(gzhttp.MinSize(compressFrom), gzhttp.EnableZstd(false), gzhttp.RandomJitter(jitter, 0, false),
		gzhttp.ContentTypes([]string{"text/html", "text/css", "text/javascript", "image/svg+xml"}))
	if err != nil {
		return nil, fmt.Errorf("compress pages: %w", err)
	}
	return wrap, nil
}

// send answers with HTML that is there as a whole.
func (v *visit) send(status int, page []byte) {
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.site.compress(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write(page) // a browser that has gone does not need it
	})).ServeHTTP(v.w, v.r)
}
