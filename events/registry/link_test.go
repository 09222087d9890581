package registry_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/franela/pocketci/events/registry"
)

// Pages are linked in every way that registries link them.
func TestPages(t *testing.T) {
	for name, link := range map[string]string{
		"relative":                `</v2/acme/shop/tags/list?last=LAST&n=2>; rel="next"`,
		"relative to the page":    `<list?last=LAST&n=2>; rel="next"`,
		"only the query":          `<?last=LAST&n=2>; rel="next"`,
		"without quotes":          `</v2/acme/shop/tags/list?last=LAST>; rel=next`,
		"in full":                 `<http://HOST/v2/acme/shop/tags/list?last=LAST>; rel="next"`,
		"in full, by https":       `<https://HOST/v2/acme/shop/tags/list?last=LAST>; rel="next"`,
		"among others":            `</v2/acme/shop/tags/list>; rel="first", </v2/acme/shop/tags/list?last=LAST>; title="more"; rel="next"`,
		"with a fragment":         `</v2/acme/shop/tags/list?last=LAST#here>; rel="next"`,
		"escaped":                 `</v2/acme/shop/tags/list?last=LAST%20>; rel="next"; type="application/json"`,
		"followed by another one": `</v2/acme/shop/tags/list?last=LAST>; rel="next", </v2/acme/shop/tags/list>; rel="prev"`,
	} {
		t.Run(name, func(t *testing.T) {
			host := standIn(t, map[string]http.HandlerFunc{"GET /v2/acme/shop/tags/list": func(w http.ResponseWriter, r *http.Request) {
				at, _ := strconv.Atoi(strings.TrimSpace(r.FormValue("last")))
				if at < 8 {
					w.Header().Set("Link", strings.NewReplacer("LAST", strconv.Itoa(at+2), "HOST", r.Host).Replace(link))
				}
				fmt.Fprintf(w, `{"name": "acme/shop", "tags": ["t%d", "t%d"]}`, at, at+1)
			}})
			tags, err := openRemote(t, registry.Where{Host: host, Repository: "acme/shop", Insecure: true}).Tags(t.Context())
			if want := []string{"t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8", "t9"}; err != nil || !slices.Equal(tags, want) {
				t.Errorf("got %v, %v", tags, err)
			}
		})
	}
}

func FuzzNext(f *testing.F) {
	for _, link := range []string{
		`</v2/a/tags/list?last=x&n=2>; rel="next"`, `<//evil/v2/a/tags/list>; rel=next`, `<http://h/v2/a/tags/list>; rel="next"`, `<%zz>; rel="next"`, ``, `<>;rel=next`,
	} {
		f.Add(link)
	}
	page, err := url.Parse("https://h/v2/a/tags/list?n=1000")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, link string) {
		next, err := registry.Next(page, []string{link})
		if err != nil || next == nil {
			return
		}
		if next.Scheme != "https" || !strings.EqualFold(next.Host, "h") || next.Path != page.Path || next.User != nil {
			t.Errorf("%q leads to %s", link, next)
		}
		if _, err := http.NewRequest(http.MethodGet, next.String(), nil); err != nil {
			t.Errorf("%q leads to %s: %v", link, next, err)
		}
	})
}

func FuzzTags(f *testing.F) {
	for _, body := range []string{`{"tags": ["v1"]}`, `{"tags": null}`, `{"tags": ["../x", "a b", "\ud800"]}`, `[]`, `{`, ``} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		tags, err := registry.ReadTags(body)
		for _, tag := range tags {
			if err != nil || registry.CheckTag(tag) != nil {
				t.Errorf("%q gives the tag %q (%v)", body, tag, err)
			}
		}
	})
}
