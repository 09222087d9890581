package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/franela/pocketci/internal/api"
	v1 "github.com/franela/pocketci/internal/api/v1"
)

var update = flag.Bool("update", false, "write docs/openapi.json")

// described is an operation of the document.
type described struct {
	OperationID string `json:"operationId"`
	Summary     string
	Description string
	Tags        []string
	Security    []map[string][]string
	Parameters  []struct{ Name, In string }
	RequestBody *struct {
		Content map[string]struct{ Schema any }
	} `json:"requestBody"`
	Responses map[string]struct {
		Content map[string]struct{ Schema any }
	}

	method, path string
	pattern      *regexp.Regexp
}

// spec is the document that the handlers are held to.
var spec = sync.OnceValues(func() (s struct {
	text       []byte
	operations []described
	compiler   *jsonschema.Compiler
}, err error,
) {
	if s.text, err = api.Document(); err != nil {
		return s, err
	}
	var doc struct {
		Paths map[string]map[string]described
	}
	if err = json.Unmarshal(s.text, &doc); err != nil {
		return s, err
	}
	for path, methods := range doc.Paths {
		pattern := regexp.MustCompile(`^` + regexp.QuoteMeta(v1.Prefix) + regexp.MustCompile(`\\\{[^}]*\\\}`).ReplaceAllString(regexp.QuoteMeta(path), `[^/]+`) + `$`)
		for method, op := range methods {
			op.method, op.path, op.pattern = strings.ToUpper(method), path, pattern
			s.operations = append(s.operations, op)
		}
	}
	slices.SortFunc(s.operations, func(a, b described) int { return strings.Compare(a.OperationID, b.OperationID) })
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(s.text))
	if err != nil {
		return s, err
	}
	s.compiler = jsonschema.NewCompiler()
	s.compiler.AssertFormat()
	return s, s.compiler.AddResource("openapi.json", value)
})

// compiling is held while schemas are compiled.
var compiling sync.Mutex

func compile(t *testing.T, pointer ...string) *jsonschema.Schema {
	t.Helper()
	s, err := spec()
	if err != nil {
		t.Fatal(err)
	}
	compiling.Lock()
	defer compiling.Unlock()
	for i, p := range pointer {
		pointer[i] = strings.NewReplacer("~", "~0", "/", "~1", "%", "%25", ";", "%3B", " ", "%20", "{", "%7B", "}", "%7D").Replace(p)
	}
	schema, err := s.compiler.Compile("openapi.json#/" + strings.Join(pointer, "/"))
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// documented holds an answer to what the document says of it.
func documented(t *testing.T, r *http.Request, a *answered) {
	t.Helper()
	s, err := spec()
	if err != nil {
		t.Fatal(err)
	}
	if a.header.Get("X-Content-Type-Options") != "nosniff" || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s %s may be kept or taken for something else: %v", r.Method, r.URL.Path, a.header)
	}
	for name := range a.header {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("%s %s lets other sites in: %s", r.Method, r.URL.Path, name)
		}
	}
	i := slices.IndexFunc(s.operations, func(op described) bool { return op.method == r.Method && op.pattern.MatchString(r.URL.Path) })
	if i < 0 {
		return
	}
	op, status := &s.operations[i], strconv.Itoa(a.status)
	response, declared := op.Responses[status]
	if !declared {
		t.Errorf("%s: the document has no status %s: %s", op.OperationID, status, a.body)
		return
	}
	if len(response.Content) == 0 {
		if len(a.body) != 0 {
			t.Errorf("%s: %s has a body: %s", op.OperationID, status, a.body)
		}
		return
	}
	contentType := a.header.Get("Content-Type")
	if _, declared := response.Content[contentType]; !declared {
		t.Errorf("%s: the document has no %s for %s", op.OperationID, contentType, status)
		return
	}
	media, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		t.Fatal(err)
	}
	if media != "application/json" && media != "application/problem+json" {
		return
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(a.body))
	if err != nil {
		t.Errorf("%s: %v: %s", op.OperationID, err, a.body)
		return
	}
	schema := compile(t, "paths", op.path, strings.ToLower(op.method), "responses", status, "content", contentType, "schema")
	if err := schema.Validate(value); err != nil {
		t.Errorf("%s: %v: %s", op.OperationID, err, a.body)
	}
}

func TestDocumentIsUpToDate(t *testing.T) {
	s, err := spec()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("..", "..", "docs", "openapi.json")
	if *update {
		if err := os.WriteFile(path, s.text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(s.text)); diff != "" {
		t.Errorf("docs/openapi.json is not what the handlers are (-file +handlers); `go test ./internal/api -update` writes it:\n%s", diff)
	}
}

// The document says for every operation what clients need to know.
func TestDocumentIsSound(t *testing.T) {
	s, err := spec()
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, op := range s.operations {
		t.Run(op.OperationID, func(t *testing.T) {
			if op.OperationID == "" || ids[op.OperationID] {
				t.Error("its id is missing or another one's")
			}
			ids[op.OperationID] = true
			if keyed := op.OperationID != openOperation; op.Summary == "" || len(op.Tags) != 1 || (len(op.Security) == 1) != keyed ||
				strings.Contains(op.Description, "Needs a key with the scope") != keyed {
				t.Error("its summary, tag, security scheme or scope is missing")
			}
			want := []string{"401", "403", "422", "429", "500", "503"}
			if op.method == http.MethodPost {
				want = append(want, "400", "408", "413", "415")
			}
			for _, name := range regexp.MustCompile(`\{([^}]+)\}`).FindAllStringSubmatch(op.path, -1) {
				want = append(want, "404")
				if !slices.ContainsFunc(op.Parameters, func(p struct{ Name, In string }) bool { return p.In == "path" && p.Name == name[1] }) {
					t.Errorf("it does not have the parameter %s of its path", name[1])
				}
			}
			for _, status := range want {
				if _, declared := op.Responses[status]; !declared {
					t.Errorf("it does not declare %s", status)
				}
			}
			good := 0
			for status, response := range op.Responses {
				if status < "300" {
					good++
				} else if _, ok := response.Content["application/problem+json"]; !ok {
					t.Errorf("%s is no problem", status)
				}
				for contentType := range response.Content {
					compile(t, "paths", op.path, strings.ToLower(op.method), "responses", status, "content", contentType, "schema")
				}
			}
			if good != 1 {
				t.Errorf("it succeeds in %d ways", good)
			}
			if op.RequestBody != nil {
				compile(t, "paths", op.path, strings.ToLower(op.method), "requestBody", "content", "application/json", "schema")
			}
		})
	}
	var doc struct {
		OpenAPI    string
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(s.text, &doc); err != nil {
		t.Fatal(err)
	}
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("it is of OpenAPI %s", doc.OpenAPI)
	}
	for name := range doc.Components.Schemas {
		compile(t, "components", "schemas", name)
	}
}

// The document is served without a key, and its pages load nothing else.
func TestDocumentIsServed(t *testing.T) {
	f := newFixture(t)
	for path, want := range map[string]string{"/openapi.json": `"openapi":"3.1.0"`, "/openapi.yaml": "openapi: 3.1.0"} {
		a := f.send(f.request("", http.MethodGet, path, nil))
		if a.status != http.StatusOK || !bytes.Contains(a.body, []byte(want)) || !bytes.Contains(a.body, []byte("1.2.3")) {
			t.Errorf("%s gives %d: %.200s", path, a.status, a.body)
		}
	}
	for _, path := range []string{"/docs", "/schemas/Run.json", "/openapi-3.0.json"} {
		if a := f.send(f.request("", http.MethodGet, path, nil)); a.status != http.StatusNotFound {
			t.Errorf("%s gives %d", path, a.status)
		}
	}
}

// every is a request for each operation that succeeds, by its id.
var every = map[string]func(f *fixture) (method, path string, body any){
	"list-events": func(f *fixture) (string, string, any) { f.planned("a/b"); return "GET", "/events", nil },
	"get-event":   func(f *fixture) (string, string, any) { return "GET", "/events/" + f.planned("a/b", "x").Event, nil },
	"get-event-payload": func(f *fixture) (string, string, any) {
		return "GET", "/events/" + f.planned("a/b", "x").Event + "/payload", nil
	},
	"get-event-file": func(f *fixture) (string, string, any) {
		return "GET", "/events/" + f.planned("a/b", "x").Event + "/file", nil
	},
	"replay-event": func(f *fixture) (string, string, any) {
		return "POST", "/events/" + f.planned("a/b", "x").Event + "/replay", nil
	},
	"list-runs": func(f *fixture) (string, string, any) { f.planned("a/b", "x"); return "GET", "/runs", nil },
	"get-run":   func(f *fixture) (string, string, any) { return "GET", "/runs/" + f.ended().Run, nil },
	"restart-run": func(f *fixture) (string, string, any) {
		return "POST", "/runs/" + f.ended().Run + "/restart", v1.Restart{Scope: "all"}
	},
	"abort-run": func(f *fixture) (string, string, any) {
		return "POST", "/runs/" + f.planned("a/b", "x").Run + "/abort", v1.Abort{Reason: "slow"}
	},
	"approve-run": func(f *fixture) (string, string, any) {
		d := push("a/b")
		d.Hold = "somebody must look at it"
		return "POST", "/runs/" + f.accept(d).Run + "/approve", v1.Approve{SHA: sha}
	},
	"stream-run": func(f *fixture) (string, string, any) { return "GET", "/runs/" + f.ended().Run + "/stream", nil },
	"list-calls": func(f *fixture) (string, string, any) { f.ended(); return "GET", "/calls", nil },
	"get-call":   func(f *fixture) (string, string, any) { return "GET", "/calls/" + f.ended().Call, nil },
	"abort-call": func(f *fixture) (string, string, any) {
		return "POST", "/calls/" + f.claimed(f.planned("a/b", "x")).Call + "/abort", v1.Abort{}
	},
	"get-call-log":      func(f *fixture) (string, string, any) { return "GET", "/calls/" + f.ended().Call + "/log", nil },
	"stream-call-log":   func(f *fixture) (string, string, any) { return "GET", "/calls/" + f.ended().Call + "/log/stream", nil },
	"list-log-lines":    func(f *fixture) (string, string, any) { return "GET", "/calls/" + f.ended().Call + "/log/lines", nil },
	"list-log-steps":    func(f *fixture) (string, string, any) { return "GET", "/calls/" + f.ended().Call + "/log/steps", nil },
	"list-repositories": func(f *fixture) (string, string, any) { f.ended(); return "GET", "/repositories", nil },
	"list-refs":         func(f *fixture) (string, string, any) { f.ended(); return "GET", "/refs?repository=a/b", nil },
	"list-functions":    func(f *fixture) (string, string, any) { f.ended(); return "GET", "/functions?repository=a/b", nil },
	"list-schedules":    func(*fixture) (string, string, any) { return "GET", "/schedules", nil },
	"list-declared-functions": func(f *fixture) (string, string, any) {
		f.planned("a/b", "x")
		return "GET", "/functions/declared?repository=a/b&ref=main", nil
	},
	"list-modules": func(f *fixture) (string, string, any) { f.deployed("tool"); return "GET", "/modules", nil },
	"get-module":   func(f *fixture) (string, string, any) { f.deployed("tool"); return "GET", "/modules/tool", nil },
	"get-module-archive": func(f *fixture) (string, string, any) {
		f.deployed("tool")
		return "GET", "/modules/tool/archive", nil
	},
	"deploy-modules": func(f *fixture) (string, string, any) {
		return "POST", "/modules", v1.Deploy{Modules: []v1.ModuleUpload{f.upload("tool", "x")}}
	},
	"rename-module": func(f *fixture) (string, string, any) {
		f.spares++
		f.deployed(fmt.Sprint("old-", f.spares))
		return "POST", fmt.Sprintf("/modules/old-%d/rename", f.spares), v1.Rename{Name: fmt.Sprint("new-", f.spares)}
	},
	"delete-module": func(f *fixture) (string, string, any) { f.deployed("spare"); return "DELETE", "/modules/spare", nil },
	"list-disabled": func(f *fixture) (string, string, any) { f.disabled(); return "GET", "/disabled", nil },
	"disable": func(f *fixture) (string, string, any) {
		return "POST", "/disable", v1.Enable{Repository: "a/b", Module: "ci"}
	},
	"enable": func(f *fixture) (string, string, any) {
		f.disabled()
		return "POST", "/enable", v1.Enable{Repository: "a/b"}
	},
	"plan-event": func(f *fixture) (string, string, any) {
		return "POST", "/plan", v1.PlanRequest{Event: f.planned("a/b", "x").Event}
	},
	"call": func(f *fixture) (string, string, any) {
		f.planned("a/b", "x")
		return "POST", "/call", v1.CallRequest{Repository: "a/b", Function: "x"}
	},
	"list-signed-sources": func(*fixture) (string, string, any) { return "GET", "/signed", nil },
	"apply": func(f *fixture) (string, string, any) {
		f.planned("a/b", "x")
		return "POST", "/apply", v1.ApplyRequest{Repository: "a/b", Module: "ci"}
	},
	"get-health":        func(*fixture) (string, string, any) { return "GET", "/health", nil },
	"get-configuration": func(*fixture) (string, string, any) { return "GET", "/configuration", nil },
	"get-me":            func(*fixture) (string, string, any) { return "GET", "/me", nil },
	"list-registries":   func(*fixture) (string, string, any) { return "GET", "/registries", nil },
	"get-registry":      func(*fixture) (string, string, any) { return "GET", "/registries/shop", nil },
	"change-registry": func(*fixture) (string, string, any) {
		on := true
		return "POST", "/registries/shop", v1.WatchChange{AutoDeploy: &on}
	},
	"reset-registry":    func(*fixture) (string, string, any) { return "POST", "/registries/shop/reset", nil },
	"redeploy-registry": func(*fixture) (string, string, any) { return "POST", "/registries/shop/redeploy", nil },
	"list-mirrors":      func(*fixture) (string, string, any) { return "GET", "/mirrors", nil },
	"list-webhooks":     func(*fixture) (string, string, any) { return "GET", "/webhooks", nil },
	"sync-mirror":       func(*fixture) (string, string, any) { return "POST", "/mirrors/shop/sync", v1.SyncMirror{} },
	"list-keys":         func(*fixture) (string, string, any) { return "GET", "/keys", nil },
	"create-key": func(*fixture) (string, string, any) {
		return "POST", "/keys", v1.KeyRequest{Name: "bot", Scope: v1.ScopeRead}
	},
	"delete-key":      func(f *fixture) (string, string, any) { return "DELETE", "/keys/" + f.spareKey(), nil },
	"get-overview":    func(f *fixture) (string, string, any) { f.ended(); return "GET", "/overview?limit=1", nil },
	"stream-overview": func(f *fixture) (string, string, any) { f.ended(); return "GET", endless, nil },
	"get-badge":       func(f *fixture) (string, string, any) { f.ended(); return "GET", "/badge?repository=a/b", nil },
	"list-audit":      func(f *fixture) (string, string, any) { f.disabled(); return "GET", "/audit", nil },
}

// openOperation is the one that needs no key. [TestPushOfASignedToken] tests it.
const openOperation = "push-signed-token"

// Every operation is there with every scope: it does what it is for, as the
// document says, or refuses and names the scope it needs.
func TestEveryOperationWithEveryScope(t *testing.T) {
	s, err := spec()
	if err != nil {
		t.Fatal(err)
	}
	scopes := []v1.Scope{v1.ScopeRead, v1.ScopeRun, v1.ScopeAdmin}
	shared := newFixture(t)
	for _, op := range s.operations {
		if op.OperationID == openOperation {
			continue
		}
		t.Run(op.OperationID, func(t *testing.T) {
			f := *shared
			f.t = t
			request := every[op.OperationID]
			if request == nil {
				t.Fatal("the table has no request for it")
			}
			needed := regexp.MustCompile(`scope (\w+)\.`).FindStringSubmatch(op.Description)[1]
			method, path, body := request(&f)
			if a := f.send(f.request("", method, path, body)); a.status != http.StatusUnauthorized {
				t.Errorf("without a key it gives %d: %s", a.status, a.body)
			}
			for i, scope := range scopes {
				if i > slices.Index(scopes, v1.Scope(needed)) && method != http.MethodGet {
					method, path, body = request(&f) // the last one was done
				}
				a := f.send(f.request(f.keys[scope], method, path, body))
				if i >= slices.Index(scopes, v1.Scope(needed)) {
					if a.status >= 300 {
						t.Errorf("a key with the scope %s gets %d: %s", scope, a.status, a.body)
					}
					continue
				}
				p := a.problem(t)
				if a.status != http.StatusForbidden || !strings.Contains(p.Detail, "scope "+needed) {
					t.Errorf("a key with the scope %s gets %d: %s", scope, a.status, a.body)
				}
				if want := fmt.Sprintf(`scope="%s"`, needed); !strings.Contains(a.header.Get("WWW-Authenticate"), want) {
					t.Errorf("the challenge is %q, want %s in it", a.header.Get("WWW-Authenticate"), want)
				}
			}
		})
	}
	if len(every)+1 != len(s.operations) {
		t.Errorf("the table has %d requests for %d operations that need a key", len(every), len(s.operations)-1)
	}
}
