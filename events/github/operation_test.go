package github_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// operation is one of its operations.
type operation struct {
	d          *description
	id, method string
	template   string
	params     map[string]string // of the path
	about      map[string]any
}

// check judges a request's path, query and body.
func (o *operation) check(query url.Values, contentType string, body []byte) error {
	known := map[string]map[string]any{}
	parameters, _ := o.about["parameters"].([]any)
	for _, p := range parameters {
		p := o.d.follow(p)
		name, in := p["name"].(string), p["in"].(string)
		known[in+" "+name] = o.d.follow(p["schema"])
		if p["required"] == true && in == "query" && !query.Has(name) {
			return fmt.Errorf("the query has no %s", name)
		}
	}
	for name, value := range o.params {
		if err := fits(known["path "+name], value); err != nil {
			return fmt.Errorf("path, %s: %w", name, err)
		}
	}
	for name, values := range query {
		schema, ok := known["query "+name]
		if !ok || len(values) != 1 {
			return fmt.Errorf("query, %s: is not described, or given twice", name)
		}
		if err := fits(schema, values[0]); err != nil {
			return fmt.Errorf("query, %s: %w", name, err)
		}
	}
	return o.checkBody(contentType, body)
}

func (o *operation) checkBody(contentType string, body []byte) error {
	described := o.d.follow(o.about["requestBody"])
	switch {
	case len(body) == 0 && described["required"] == true:
		return fmt.Errorf("the body is missing")
	case len(body) == 0:
		return nil
	case described == nil:
		return fmt.Errorf("there is a body: %s", body)
	case contentType != "application/json":
		return fmt.Errorf("the content type is %q", contentType)
	}
	return o.d.valid(o.pointer("requestBody/content/application~1json/schema"), body)
}

// checkAnswer judges an answer of the stand-in itself.
func (o *operation) checkAnswer(status int, body []byte) error {
	if status >= http.StatusBadRequest {
		return nil // not all of these are described
	}
	answers := o.about["responses"].(map[string]any)
	answer, ok := answers[strconv.Itoa(status)].(map[string]any)
	if !ok {
		return fmt.Errorf("no answer %d is described, but %v", status, slices.Sorted(maps.Keys(answers)))
	}
	if answer["$ref"] != nil {
		return nil
	}
	return o.d.valid(o.pointer("responses/"+strconv.Itoa(status)+"/content/application~1json/schema"), body)
}

func (o *operation) pointer(below string) string {
	return "openapi.json#/paths/" + strings.ReplaceAll(o.template, "/", "~1") + "/" + strings.ToLower(o.method) + "/" + below
}

// example returns what the description gives as an example of an answer.
func (o *operation) example(status int) any {
	answer := o.d.follow(o.about["responses"].(map[string]any)[strconv.Itoa(status)])
	content := answer["content"].(map[string]any)["application/json"].(map[string]any)
	examples := content["examples"].(map[string]any)
	first := examples[slices.Sorted(maps.Keys(examples))[0]]
	text, err := json.Marshal(o.d.follow(first)["value"])
	if err != nil {
		panic(err)
	}
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		panic(err)
	}
	return value
}

// fits judges a value of a path or a query.
func fits(schema map[string]any, value string) error {
	if schema == nil {
		return fmt.Errorf("is not described")
	}
	if schema["type"] == "integer" {
		if n, err := strconv.ParseInt(value, 10, 64); err != nil || n < 1 {
			return fmt.Errorf("%q is no number", value)
		}
	}
	if values, ok := schema["enum"].([]any); ok && !slices.Contains(values, any(value)) {
		return fmt.Errorf("%q is none of %v", value, values)
	}
	return nil
}

// The description refuses what GitHub would, or would ignore.
func TestDescriptionRefuses(t *testing.T) {
	d := describe(t, ofGitHub)
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
		op, err := d.find(c.method, c.path)
		if err == nil {
			query, bad := url.ParseQuery(c.query)
			if bad != nil {
				t.Fatal(bad)
			}
			err = op.check(query, "application/json", []byte(c.body))
		}
		if err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	op, err := d.find("POST", "/repos/acme/shop/statuses/1")
	if err != nil {
		t.Fatal(err)
	}
	if err := op.check(nil, "text/plain", []byte(`{"state":"success"}`)); err == nil {
		t.Error("plain text is taken")
	}
	if err := op.check(nil, "application/json", []byte(`{"state":"success","target_url":null}`)); err != nil {
		t.Errorf("what is right: %v", err)
	}
}
