package dispatcher_test

import (
	"errors"
	"testing"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/internal/config"
	"github.com/franela/pocketci/modules"
)

func TestDeclared(t *testing.T) {
	p := dispatcher.Planner{Loader: loader{"api": has("api", "deploy"), "web": failsWith(modules.ErrModule), "away": failsWith(modules.ErrUnavailable)}}
	files := map[string]string{"pocketci.yaml": "modules: [{path: web, paths: [never]}, {path: api}]", "api/dagger.json": "{}", "web/dagger.json": "{}", "away/dagger.json": "{}"}
	list, err := p.Declared(t.Context(), tree(files))
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 2 || list[0].Path != "web" || list[0].Module != nil || !errors.Is(list[0].Err, modules.ErrModule) ||
		list[1].Path != "api" || list[1].Module.Function("deploy") == nil || list[1].Err != nil {
		t.Errorf("declared are %+v", list)
	}
	files["pocketci.yaml"] = "modules: [{path: away}, {path: api}]"
	if _, err := p.Declared(t.Context(), tree(files)); !errors.Is(err, modules.ErrUnavailable) {
		t.Errorf("without an engine: %v", err)
	}
	files["pocketci.yaml"] = "modulez: []"
	if _, err := p.Declared(t.Context(), tree(files)); err == nil {
		t.Error("a bad pocketci.yaml is fine")
	}
	if _, err := p.Declared(t.Context(), tree(nil)); err == nil {
		t.Error("a repository without a module is fine")
	} else if _, ok := errors.AsType[*config.NoModuleError](err); !ok {
		t.Errorf("without a module: %v", err)
	}
}
