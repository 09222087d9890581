//go:build linux

package sdkimage

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/sys/unix"

	"github.com/franela/pocketci/ci/engine/internal/tools"
)

const (
	sdkModule = "dagger.io/dagger"
	// sdkCommit is what the engine's code generator asks for instead of the
	// SDK's version. No proxy knows it, so the image's own has to.
	sdkCommit = "56bb30426a8462af6f95cfdae6461d0cc796ff50"
)

// queriedModules are asked for without a version.
var queriedModules = []string{"github.com/dagger/querybuilder", "github.com/dagger/otel-go"}

// compiledWays are those ways of resolving the seed program which lead to code
// that is compiled.
var compiledWays = [...]string{"first", "again"}

// seedSource imports what generated code imports, and what modules commonly
// do, so that all of it is in the image's module and build cache.
const seedSource = `package main

import (
	_ "archive/tar"
	_ "bufio"
	_ "bytes"
	_ "context"
	_ "encoding/base64"
	_ "encoding/hex"
	_ "encoding/json"
	_ "errors"
	_ "fmt"
	_ "io/fs"
	_ "log/slog"
	_ "maps"
	_ "math/rand/v2"
	_ "net/http"
	_ "net/url"
	_ "os"
	_ "os/exec"
	_ "path/filepath"
	_ "reflect"
	_ "regexp"
	_ "slices"
	_ "sort"
	_ "strconv"
	_ "strings"
	_ "sync"
	_ "text/template"
	_ "time"

	_ "dagger.io/dagger"
	_ "github.com/Khan/genqlient/graphql"
	_ "github.com/dagger/otel-go"
	_ "github.com/dagger/querybuilder"
	_ "github.com/vektah/gqlparser/v2/gqlerror"
	_ "go.opentelemetry.io/otel"
	_ "go.opentelemetry.io/otel/propagation"
	_ "go.opentelemetry.io/otel/sdk/resource"
	_ "go.opentelemetry.io/otel/semconv/v1.40.0"
	_ "go.opentelemetry.io/otel/trace"
	_ "golang.org/x/sync/errgroup"
)

func main() {}
`

// seedModules resolves the seed program on the host into the image's module
// cache, and makes of the downloads a file tree that serves as a module proxy.
//
// It does so in the three ways in which the code generator does, since they
// lead to different versions of the same modules: for a module's types, with a
// go.mod that requires nothing; for its code, with the SDK's requirements; and
// when that was done before, with the SDK's replacements, too.
func seedModules(ctx context.Context, root, seed string, set tools.Set) error {
	downloads := filepath.Join(root, modCache, "cache", "download")
	env := append(os.Environ(),
		"GOMODCACHE="+filepath.Join(root, modCache),
		"GOPROXY=file://"+filepath.Join(set.Go.GOMODCACHE, "cache", "download")+","+set.Go.GOPROXY,
		"GOSUMDB=off", "GOWORK=off", "GOFLAGS=", "GO111MODULE=on",
	)
	if err := os.MkdirAll(seed, 0o755); err != nil {
		return err
	}
	if err := run(ctx, seed, env, "go", "mod", "download", sdkModule+"@"+tools.Version); err != nil {
		return err
	}
	requirements, replacements, err := sdkDirectives(filepath.Join(downloads, sdkModule, "@v", tools.Version+".mod"))
	if err != nil {
		return err
	}
	// Those without a version are named, so that they decide on the versions
	// of what they need.
	get := []string{"get", sdkModule + "@" + tools.Version}
	getAll := append(get, queriedModules...)
	tidy := []string{"mod", "tidy"}
	for _, way := range []struct {
		name, directives string
		commands         [][]string
	}{
		{"types", "", [][]string{append(get, queriedModules[0])}},
		{compiledWays[0], requirements, [][]string{getAll, tidy}},
		{compiledWays[1], requirements + replacements, [][]string{getAll, tidy}},
	} {
		dir := filepath.Join(seed, way.name)
		if err := writeProgram(dir, strings.TrimPrefix(set.Go.GOVERSION, "go"), way.directives); err != nil {
			return err
		}
		for _, args := range way.commands {
			if err := run(ctx, dir, env, "go", args...); err != nil {
				return err
			}
		}
	}

	if err := makeProxy(ctx, downloads, filepath.Join(root, proxyTree), filepath.Join(seed, compiledWays[1]), env); err != nil {
		return err
	}
	return dropZips(downloads)
}

// sdkDirectives returns what the SDK's go.mod requires and replaces.
func sdkDirectives(path string) (requirements, replacements string, err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", "", fmt.Errorf("read the SDK's go.mod: %w", err)
	}
	file, err := modfile.Parse("go.mod", content, nil)
	if err != nil {
		return "", "", fmt.Errorf("read the SDK's go.mod: %w", err)
	}
	for _, r := range file.Require {
		requirements += fmt.Sprintf("require %s %s\n", r.Mod.Path, r.Mod.Version)
	}
	for _, r := range file.Replace {
		replacements += fmt.Sprintf("replace %s => %s %s\n", r.Old.Path, r.New.Path, r.New.Version)
	}
	return requirements, replacements, nil
}

func writeProgram(dir, version, directives string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	gomod := "module dagger/seed\n\ngo " + version + "\n\n" + directives
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(gomod), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "main.go"), []byte(seedSource), 0o644)
}

// dropZips removes archives that lie extracted beside: half the module cache.
func dropZips(downloads string) error {
	return filepath.WalkDir(downloads, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ".zip" {
			return err
		}
		return os.Remove(name)
	})
}

func makeProxy(ctx context.Context, downloads, proxy, seed string, env []string) error {
	err := filepath.WalkDir(downloads, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(downloads, name)
		if err != nil {
			return err
		}
		switch {
		case entry.IsDir() && entry.Name() == "sumdb":
			return fs.SkipDir
		case entry.IsDir():
			return nil
		}
		switch filepath.Ext(name) {
		case ".info", ".mod", ".zip":
			return copyFile(name, filepath.Join(proxy, relative))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("make the file tree of modules: %w", err)
	}

	if err := listVersions(proxy); err != nil {
		return fmt.Errorf("list the versions of modules: %w", err)
	}
	versions := filepath.Join(proxy, sdkModule, "@v")
	if err := copyFile(filepath.Join(versions, tools.Version+".info"), filepath.Join(versions, sdkCommit+".info")); err != nil {
		return err
	}
	for _, name := range queriedModules {
		version, err := selectedVersion(ctx, name, seed, env)
		if err != nil {
			return err
		}
		info := filepath.Join(proxy, name, "@v", version+".info")
		if err := copyFile(info, filepath.Join(proxy, name, "@latest")); err != nil {
			return err
		}
	}
	return nil
}

// listVersions lets the file tree answer, for every module whose code is in it,
// what versions there are. Otherwise the newest that the network has would be
// taken for whatever a module imports and does not require.
func listVersions(proxy string) error {
	lists := map[string][]string{}
	err := filepath.WalkDir(proxy, func(name string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ".zip" {
			return err
		}
		version := strings.TrimSuffix(filepath.Base(name), ".zip")
		list := filepath.Join(filepath.Dir(name), "list")
		lists[list] = append(lists[list], version)
		return nil
	})
	if err != nil {
		return err
	}
	for name, versions := range lists {
		// A list holds no pseudo-versions; where it is empty, @latest counts.
		versions = slices.DeleteFunc(versions, module.IsPseudoVersion)
		if err := os.WriteFile(name, []byte(strings.Join(versions, "\n")+"\n"), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func selectedVersion(ctx context.Context, name, seed string, env []string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-json", name)
	cmd.Dir, cmd.Env = seed, env
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("ask for the version of %s: %w", name, err)
	}
	var listed struct{ Version string }
	if err := json.Unmarshal(out, &listed); err != nil {
		return "", fmt.Errorf("read the version of %s: %w", name, err)
	}
	return listed.Version, nil
}

// warmBuildCache compiles the seed program inside the image, since the paths
// of packages are part of what build cache entries are found by.
func warmBuildCache(ctx context.Context, root, seed string) error {
	// The only device that compiling needs; it is not packed.
	null := filepath.Join(root, "dev", "null")
	if err := unix.Mknod(null, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))); err != nil {
		return fmt.Errorf("make a null device: %w", err)
	}
	defer os.Remove(null)
	inside := filepath.Join(root, "seed")
	defer os.RemoveAll(inside)
	for _, way := range compiledWays {
		for _, name := range []string{"main.go", "go.mod", "go.sum"} {
			if err := copyFile(filepath.Join(seed, way, name), filepath.Join(inside, way, name)); err != nil {
				return err
			}
		}
		cmd := exec.CommandContext(ctx, goRoot+"/bin/go", "build", "-ldflags", "-s -w", "-o", "/seed/program", ".")
		cmd.Dir = "/seed/" + way
		cmd.Env = append(environment(tools.Set{Go: tools.Toolchain{GOPROXY: "off"}}), "GOCACHE="+buildCache,
			// There is no /proc by which go would find it.
			"GOROOT="+goRoot)
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
		if err := runCommand(cmd); err != nil {
			return err
		}
	}
	return nil
}

func run(ctx context.Context, dir string, env []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, env
	return runCommand(cmd)
}

func runCommand(cmd *exec.Cmd) error {
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, output.String())
	}
	return nil
}
