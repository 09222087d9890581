package web_test

import (
	"net/http"
	"testing"
	"time"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/internal/store/history"
	"github.com/franela/pocketci/internal/web/webtest"
)

// BenchmarkPages measures the pages that people begin with, as a browser gets them, with
// 10,000 runs in the store.
func BenchmarkPages(b *testing.B) {
	w := webtest.New(b)
	if err := history.Fill(b.Context(), store.Options{DataDir: w.Dir}, 10_000, time.Now()); err != nil {
		b.Fatal(err)
	}
	browser := w.SignIn(v1.ScopeRead)
	for name, path := range map[string]string{
		"home": "/", "runs": "/runs", "runs of a function": "/runs?function=lintOnGithubPush&repository=franela/service-3-of-the-shop",
		"repositories": "/repositories", "badge": "/badges/franela/service-3-of-the-shop.svg",
	} {
		b.Run(name, func(b *testing.B) {
			size := 0
			for b.Loop() {
				a := browser.Get(path)
				if a.Status != http.StatusOK {
					b.Fatal(a.Status)
				}
				size = len(a.Text)
			}
			b.ReportMetric(float64(size), "bytes")
		})
	}
}
