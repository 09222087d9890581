package engine_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/enginetest"
	"github.com/franela/pocketci/modules"
	"github.com/franela/pocketci/modules/engine"
)

// spy is a module that asks its own session anything, from a container with a
// nested session, where no SDK stands between it and the engine.
const spy = `type Spy {
  pub ask(src: Directory!, query: String!, nonce: String!): String! {
    container
      .withRootfs(src.directory("rootfs"))
      .withEnvVariable("NONCE", nonce)
      .withEnvVariable("QUERY", query)
      .withExec(["/bin/busybox", "sh", "-c", "/bin/busybox wget -q -O - --header 'Content-Type: application/json' --header \"Authorization: Basic $(/bin/busybox printf '%s:' \"$DAGGER_SESSION_TOKEN\" | /bin/busybox base64 -w0)\" --post-data \"$QUERY\" http://127.0.0.1:$DAGGER_SESSION_PORT/query"], experimentalPrivilegedNesting: true)
      .stdout
  }
  pub fromEnvironment(name: String!): String! { Dagger.secret("env://" + name).plaintext }
  pub byName(name: String!): String! { Dagger.secret(name).plaintext }
  pub overwritten(name: String!): String! { Dagger.setSecret(name, "of the spy").plaintext }
}
`

// Two modules of one run, each in its session on the same engine, at the same
// time. One of them knows everything about the other's secret but its value: what
// the agent calls it, its name on the engine, its handle, and that of a container
// that has it.
func TestSecretsOfAnotherModuleAreUnreachable(t *testing.T) {
	const ref, value = "env://API_TOKEN", "value-of-the-other-module"
	t.Setenv("API_TOKEN", value) // even if it were left there
	e := enginetest.Start(t)
	dir := repository(t, []string{"shared"}, map[string]string{
		"spy/dagger.json": `{"name": "spy", "engineVersion": "v0.21.8", "sdk": "dang"}`,
		"spy/main.dang":   spy,
	})
	owner := open(t, e, engine.Run{Tree: enginetest.Tree(dir), Module: "shared", Secret: secrets(map[string]string{ref: value})})
	thief := open(t, e, engine.Run{Tree: enginetest.Tree(dir), Module: "spy", Secret: secrets(nil)})

	id, err := owner.SecretID(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	var seen struct{ Node struct{ Plaintext string } }
	if err := owner.Ask(t.Context(), `query($id: ID!) { node(id: $id) { ... on Secret { plaintext } } }`, map[string]any{"id": id}, &seen); err != nil || seen.Node.Plaintext != value {
		t.Fatalf("the owner sees %q (%v), so nothing is proven", seen.Node.Plaintext, err)
	}
	var made struct {
		Container struct{ WithSecretVariable struct{ ID string } }
	}
	if err := owner.Ask(t.Context(), `query($id: ID!) { container { withSecretVariable(name: "TOKEN", secret: $id) { id } } }`, map[string]any{"id": id}, &made); err != nil {
		t.Fatal(err)
	}
	name := e.SecretName(ref, value)
	var empty struct{ Directory struct{ ID string } }
	if err := thief.Ask(t.Context(), `{ directory { id } }`, nil, &empty); err != nil {
		t.Fatal(err)
	}
	root := empty.Directory.ID

	ask := func(query string) (string, error) {
		body, err := json.Marshal(map[string]string{"query": query})
		if err != nil {
			t.Fatal(err)
		}
		result, err := thief.Call(t.Context(), bind(t, thief, "ask", map[string]modules.Value{
			"src": source, "query": constant(string(body)), "nonce": constant(t.Name()),
		}), nil)
		return result.Output, err
	}
	// Its own session answers the spy, so that a refusal means something.
	if got, err := ask(`{ setSecret(name: "mine", plaintext: "of the spy") { plaintext } }`); err != nil || !strings.Contains(got, "of the spy") {
		t.Fatalf("the spy cannot ask: %s, %v", got, err)
	}
	for attempt, query := range map[string]string{
		"its handle":                 fmt.Sprintf(`{ node(id: %q) { ... on Secret { plaintext } } }`, id),
		"its handle, in the old way": fmt.Sprintf(`{ loadSecretFromID(id: %q) { plaintext } }`, id),
		"its name on the engine":     fmt.Sprintf(`{ secret(uri: %q) { plaintext } }`, name),
		"its name, as an address":    fmt.Sprintf(`{ address(value: %q) { secret { plaintext } } }`, name),
		"the agent's variable":       `{ secret(uri: "env://API_TOKEN") { plaintext } }`,
		"a container with the handle": fmt.Sprintf(`{ container { withRootfs(directory: %q) { withSecretVariable(name: "T", secret: %q) { withExec(args: ["/bin/busybox", "env"]) { stdout } } } } }`,
			root, id),
		"the other's container": fmt.Sprintf(`{ node(id: %q) { ... on Container { withRootfs(directory: %q) { withExec(args: ["/bin/busybox", "env"]) { stdout } } } } }`,
			made.Container.WithSecretVariable.ID, root),
	} {
		got, err := ask(query)
		if strings.Contains(got, value) || err != nil && strings.Contains(err.Error(), value) {
			t.Errorf("by %s the spy got the secret", attempt)
		}
		if err == nil && !strings.Contains(got, `"errors"`) {
			t.Errorf("by %s: %s, want a refusal", attempt, got)
		}
	}
	for function, argument := range map[string]string{"fromEnvironment": "API_TOKEN", "byName": name} {
		result, err := thief.Call(t.Context(), bind(t, thief, function, map[string]modules.Value{"name": constant(argument)}), nil)
		if !errors.Is(err, modules.ErrFunction) || strings.Contains(result.Output+err.Error(), value) {
			t.Errorf("%s: %q, %v, want a refusal", function, result.Output, err)
		}
	}
	// A secret of the same name is another one, in each of the two sessions.
	if got := call(t, thief, "overwritten", map[string]modules.Value{"name": constant(name)}); got != "of the spy" {
		t.Errorf("under the other's name there is %q", got)
	}
	if err := owner.Ask(t.Context(), `query($id: ID!) { node(id: $id) { ... on Secret { plaintext } } }`, map[string]any{"id": id}, &seen); err != nil || seen.Node.Plaintext != value {
		t.Errorf("the owner now sees %q (%v)", seen.Node.Plaintext, err)
	}
}
