package globs_test

import (
	"fmt"
	"testing"

	"github.com/franela/pocketci/internal/globs"
)

// repository is a monorepo with n files: 100 services, some of them deep.
func repository(n int) []string {
	kinds := []string{"main.go", "handler_%03d.go", "handler_%03d_test.go", "query_%03d.sql", "README.md", "view_%03d.tsx", "schema_%03d.proto"}
	folders := []string{"", "internal/", "internal/store/", "web/src/components/", "docs/"}
	var names []string
	for i := 0; len(names) < n; i++ {
		kind := kinds[i%len(kinds)]
		if kind[len(kind)-3:] != ".md" && kind != "main.go" {
			kind = fmt.Sprintf(kind, i/7%1000)
		}
		names = append(names, fmt.Sprintf("services/svc-%03d/%s%s", i%100, folders[i/100%len(folders)], fmt.Sprintf("%d_%s", i, kind)))
	}
	return names
}

// BenchmarkPlan1000x10000x20 is the matching share of a plan: index 10,000
// changed files and match 1,000 sets of 20 globs. The budget for the whole
// plan is 100 ms of CPU.
func BenchmarkPlan1000x10000x20(b *testing.B) {
	names := repository(10_000)
	for _, dist := range []struct {
		name string
		glob func(function, i int) string
		want bool
	}{
		{"equal sets, first glob matches", func(_, i int) string { return []string{"**/**.go", "go.*", "services/**"}[i%3] }, true},
		{"equal sets, none matches", func(_, i int) string { return fmt.Sprintf("**/*.none%d", i) }, false},
		{"distinct, last glob matches", func(f, i int) string {
			if i == 19 {
				return fmt.Sprintf("services/svc-%03d/**/*.go", f%100)
			}
			return fmt.Sprintf("apps/app-%d/%d/**", f, i)
		}, true},
		{"distinct folders, none matches", func(f, i int) string { return fmt.Sprintf("services/svc-%03d/cmd-%d/**", f%100, f*20+i) }, false},
		{"distinct extensions, none matches", func(f, i int) string { return fmt.Sprintf("**/*.x%d", f*20+i) }, false},
		{"distinct names that nearly exist", func(f, i int) string { return fmt.Sprintf("**/handler_%03d_tests%d.go", i*50+f%50, f) }, false},
		{"distinct stars in the middle", func(f, i int) string { return fmt.Sprintf("services/*/internal/**/*_handler_%03d*_%d.go", i, f) }, false},
		{"distinct braces and classes", func(f, i int) string {
			return fmt.Sprintf("services/{svc-%03d,svc-%03d}/**/[a-f]*_%d.{go,sql,proto}", i, f%100, f)
		}, false},
		{"distinct, nothing but braces", func(f, i int) string {
			return fmt.Sprintf("{services,apps}/{svc-%03d,svc-%03d}/{a,b,c}%d", i, f%100, f)
		}, false},
		// Beyond the budget: nothing in these globs narrows the files down, and
		// none matches, so that each of the 260 is tried on all files.
		{"distinct, hardly a letter", func(f, i int) string {
			return fmt.Sprintf("*/[%d-9]%c*", i%10, 'a'+f%26)
		}, false},
		{"literals of other folders", func(f, i int) string { return fmt.Sprintf("services/svc-%03d/docs/%d_main.go", (i+1)%100, f*20+i) }, false},
		{"everything excluded", func(f, i int) string {
			if i == 0 {
				return "**"
			}
			if i == 1 {
				return "!services/**"
			}
			return fmt.Sprintf("!**/*_%d_%d.go", f, i)
		}, false},
	} {
		b.Run(dist.name, func(b *testing.B) {
			lists := make([][]string, 1000)
			for f := range lists {
				for i := range 20 {
					lists[f] = append(lists[f], dist.glob(f, i))
				}
			}
			for b.Loop() {
				files := globs.Index(names)
				for _, list := range lists {
					set, err := globs.NewSet(list)
					if err != nil {
						b.Fatal(err)
					}
					if got, ok := set.Match(files); ok != dist.want {
						b.Fatalf("%q: got %q, %v", list, got, ok)
					}
				}
			}
		})
	}
}

func BenchmarkIndex10000(b *testing.B) {
	names := repository(10_000)
	for b.Loop() {
		globs.Index(names)
	}
}
