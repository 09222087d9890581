package githubtest_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/franela/pocketci/events/github/githubtest"
)

func TestDescriptionIsMissing(t *testing.T) {
	t.Setenv(githubtest.OpenAPIVariable, t.TempDir())
	if _, err := githubtest.Load(githubtest.OfGitHub); err == nil || !strings.Contains(err.Error(), "make packages") {
		t.Errorf("the error is %v", err)
	}
}

// The description refuses what GitHub would, or would ignore.
func TestDescriptionRefuses(t *testing.T) {
	d := githubtest.Describe(t, githubtest.OfGitHub)
	for name, c := range map[string]struct{ method, path, query, body string }{
		"no such path":           {"GET", "/repos/acme/shop/nothing", "", ""},
		"no such method":         {"PUT", "/repos/acme/shop/hooks", "", ""},
		"an id that is none":     {"GET", "/repos/acme/shop/pulls/x", "", ""},
		"an unknown parameter":   {"GET", "/repos/acme/shop/hooks", "perpage=100", ""},
		"a parameter twice":      {"GET", "/repos/acme/shop/hooks", "page=1&page=2", ""},
		"no number":              {"GET", "/repos/acme/shop/hooks", "page=x", ""},
		"no such value":          {"GET", "/repos/acme/shop/pulls", "state=merged", ""},
		"no query":               {"GET", "/search/issues", "", ""},
		"no body":                {"POST", "/repos/acme/shop/statuses/1", "", ""},
		"a body with a GET":      {"GET", "/repos/acme/shop/hooks", "", "{}"},
		"null":                   {"POST", "/app/installations/1/access_tokens", "", "null"},
		"no state":               {"POST", "/repos/acme/shop/statuses/1", "", `{}`},
		"no such state":          {"POST", "/repos/acme/shop/statuses/1", "", `{"state":"running"}`},
		"a misspelt name":        {"POST", "/repos/acme/shop/statuses/1", "", `{"state":"success","targetUrl":"https://x"}`},
		"a misspelt name inside": {"POST", "/repos/acme/shop/hooks", "", `{"config":{"url":"https://x","contenttype":"json"}}`},
		"no title":               {"POST", "/repos/acme/shop/check-runs", "", `{"name":"x","head_sha":"y","output":{"summary":"z"}}`},
		"no conclusion":          {"PATCH", "/repos/acme/shop/check-runs/1", "", `{"status":"completed"}`},
		"no such conclusion":     {"PATCH", "/repos/acme/shop/check-runs/1", "", `{"status":"completed","conclusion":"aborted"}`},
		"no date":                {"POST", "/repos/acme/shop/check-runs", "", `{"name":"x","head_sha":"y","started_at":"yesterday"}`},
		"too many annotations": {"PATCH", "/repos/acme/shop/check-runs/1", "", `{"output":{"summary":"x","annotations":[` +
			strings.Repeat(`{"path":"a","start_line":1,"end_line":1,"annotation_level":"notice","message":"m"},`, 50) +
			`{"path":"a","start_line":1,"end_line":1,"annotation_level":"notice","message":"m"}]}}`},
		"no such reaction": {"POST", "/repos/acme/shop/issues/comments/1/reactions", "", `{"content":"seen"}`},
	} {
		op, err := d.Find(c.method, c.path)
		if err == nil {
			query, bad := url.ParseQuery(c.query)
			if bad != nil {
				t.Fatal(bad)
			}
			err = op.Check(query, "application/json", []byte(c.body))
		}
		if err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	op, err := d.Find("POST", "/repos/acme/shop/statuses/1")
	if err != nil {
		t.Fatal(err)
	}
	if err := op.Check(nil, "text/plain", []byte(`{"state":"success"}`)); err == nil {
		t.Error("plain text is taken")
	}
	if err := op.Check(nil, "application/json", []byte(`{"state":"success","target_url":null}`)); err != nil {
		t.Errorf("what is right: %v", err)
	}
}
