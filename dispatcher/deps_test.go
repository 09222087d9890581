package dispatcher_test

import (
	"os/exec"
	"strings"
	"testing"
)

// The package decides; it must not be able to reach a network, a database or
// an engine by itself.
func TestDependencies(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("list dependencies: %v\n%s", err, out)
	}
	deps := strings.Fields(string(out))
	if len(deps) < 20 {
		t.Fatalf("only %d dependencies listed", len(deps))
	}
	for _, dep := range deps {
		switch {
		case dep == "net/http", dep == "database/sql", dep == "github.com/franela/pocketci/modules/engine", strings.HasPrefix(dep, "dagger.io/"):
			t.Errorf("dispatcher depends on %s", dep)
		}
	}
}
