package githubtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Operation is one of a description's operations.
type Operation struct {
	// ID is the description's name of it.
	ID string
	// Params are those of the path.
	Params map[string]string

	d                *Description
	method, template string
	about            map[string]any
}

// Check judges a request's path, query and body.
func (o *Operation) Check(query url.Values, contentType string, body []byte) error {
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
	for name, value := range o.Params {
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

func (o *Operation) checkBody(contentType string, body []byte) error {
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
func (o *Operation) checkAnswer(status int, body []byte) error {
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

func (o *Operation) pointer(below string) string {
	return "openapi.json#/paths/" + strings.ReplaceAll(o.template, "/", "~1") + "/" + strings.ToLower(o.method) + "/" + below
}

// example returns what the description gives as an example of an answer.
func (o *Operation) example(status int) any {
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
