package githubtest

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// OpenAPIVariable names a folder with GitHub's OpenAPI descriptions. Without it
// they are looked for where `make packages` puts them.
const OpenAPIVariable = "POCKETCI_GITHUB_OPENAPI"

// The descriptions, by file: GitHub's own, and an Enterprise Server's.
const (
	OfGitHub           = "api.github.com.json"
	OfEnterpriseServer = "ghes-3.17.json"
)

// Description is GitHub's published description of its API (npm: @octokit/openapi)
// to judge requests and answers by.
type Description struct {
	document map[string]any
	compiler *jsonschema.Compiler

	mu       sync.Mutex
	compiled map[string]*jsonschema.Schema
}

var descriptions = map[string]func() (*Description, error){
	OfGitHub:           sync.OnceValues(func() (*Description, error) { return Load(OfGitHub) }),
	OfEnterpriseServer: sync.OnceValues(func() (*Description, error) { return Load(OfEnterpriseServer) }),
}

// Describe returns the description in a file.
func Describe(t *testing.T, file string) *Description {
	t.Helper()
	d, err := descriptions[file]()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Load reads the description in a file.
func Load(file string) (*Description, error) {
	folder := os.Getenv(OpenAPIVariable)
	if folder == "" {
		folder = filepath.Join(root(), ".cache", "github-openapi")
	}
	f, err := os.Open(filepath.Join(folder, file))
	if err != nil {
		return nil, fmt.Errorf("GitHub's OpenAPI description is missing, run `make packages` (or set %s to its folder): %w", OpenAPIVariable, err)
	}
	defer f.Close()
	document, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		return nil, err
	}
	d := &Description{document: document.(map[string]any), compiler: jsonschema.NewCompiler(), compiled: map[string]*jsonschema.Schema{}}
	allowNull(document)
	for _, item := range d.document["paths"].(map[string]any) {
		for _, op := range item.(map[string]any) {
			if op, ok := op.(map[string]any); ok {
				closeObjects(op["requestBody"])
			}
		}
	}
	d.compiler.DefaultDraft(jsonschema.Draft4) // what OpenAPI 3.0 is closest to
	return d, d.compiler.AddResource("openapi.json", document)
}

// root is the folder of the repository.
func root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "..")
}

// allowNull turns OpenAPI's nullable into JSON Schema.
func allowNull(node any) {
	switch n := node.(type) {
	case map[string]any:
		if n["nullable"] == true {
			if kind, ok := n["type"].(string); ok {
				n["type"] = []any{kind, "null"}
			}
			if values, ok := n["enum"].([]any); ok && !slices.Contains(values, nil) {
				n["enum"] = append(slices.Clone(values), nil)
			}
			for _, of := range []string{"allOf", "oneOf", "anyOf"} {
				if some, ok := n[of].([]any); ok {
					delete(n, of)
					n["anyOf"] = []any{map[string]any{"type": "null"}, map[string]any{of: some}}
				}
			}
		}
		for _, child := range n {
			allowNull(child)
		}
	case []any:
		for _, child := range n {
			allowNull(child)
		}
	}
}

// closeObjects refuses what a body holds that is not described: GitHub ignores
// it, so that a misspelt name would go unseen.
func closeObjects(node any) {
	switch n := node.(type) {
	case map[string]any:
		if _, open := n["additionalProperties"]; !open && n["properties"] != nil && n["type"] == "object" {
			n["additionalProperties"] = false
		}
		for _, child := range n {
			closeObjects(child)
		}
	case []any:
		for _, child := range n {
			closeObjects(child)
		}
	}
}

// follow resolves a reference.
func (d *Description) follow(node any) map[string]any {
	m, _ := node.(map[string]any)
	for m["$ref"] != nil {
		var at any = d.document
		for part := range strings.SplitSeq(strings.TrimPrefix(m["$ref"].(string), "#/"), "/") {
			at = at.(map[string]any)[part]
		}
		m = at.(map[string]any)
	}
	return m
}

// WebhookTypes returns what webhooks of an event may belong to.
func (d *Description) WebhookTypes(event string) (types []string) {
	for _, item := range d.document["x-webhooks"].(map[string]any) {
		about := item.(map[string]any)["post"].(map[string]any)["x-github"].(map[string]any)
		if about["subcategory"] == event {
			for _, kind := range about["supported-webhook-types"].([]any) {
				types = append(types, kind.(string))
			}
		}
	}
	return types
}

// Find returns the operation of a request, the one whose path is written out most.
func (d *Description) Find(method, path string) (*Operation, error) {
	segments := strings.Split(path, "/")
	var best *Operation
	most := -1
	for template, item := range d.document["paths"].(map[string]any) {
		parts := strings.Split(template, "/")
		about, ok := item.(map[string]any)[strings.ToLower(method)].(map[string]any)
		if !ok || len(parts) != len(segments) {
			continue
		}
		params, literal := map[string]string{}, 0
		fits := true
		for i, part := range parts {
			if name, ok := strings.CutPrefix(part, "{"); ok {
				params[strings.TrimSuffix(name, "}")] = segments[i]
				fits = fits && segments[i] != ""
			} else {
				literal++
				fits = fits && part == segments[i]
			}
		}
		if fits && literal > most {
			best, most = &Operation{ID: about["operationId"].(string), Params: params, method: method, template: template, d: d, about: about}, literal
		}
	}
	if best == nil {
		return nil, fmt.Errorf("there is no %s %s", method, path)
	}
	return best, nil
}

func (d *Description) valid(at string, body []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	schema := d.compiled[at]
	if schema == nil {
		var err error
		if schema, err = d.compiler.Compile(strings.NewReplacer("{", "%7B", "}", "%7D").Replace(at)); err != nil {
			return err
		}
		d.compiled[at] = schema
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(body)))
	if err != nil && err != io.EOF {
		return err
	}
	return schema.Validate(value)
}
