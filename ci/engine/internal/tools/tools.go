// Package tools builds the engine's programs from their pinned Go modules.
package tools

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/franela/pocketci/ci/engine/internal/progress"
)

// Version is the version of the engine that is built, the same as in go.mod.
const Version = "v0.21.8"

const (
	module  = "github.com/franela/pocketci/ci/engine"
	dagger  = "github.com/dagger/dagger"
	ldflags = "-s -w -X " + dagger + "/engine.Version=" + Version + " -X " + dagger + "/engine.Tag=" + Version
	// keptLines of the build's output are shown when it fails.
	keptLines = 40
)

// commands of the dagger module that are built, by the name of their program.
var commands = []string{"engine", "dagger", "init", "codegen", "dnsname"}

// Set is a directory of built programs.
type Set struct {
	// Dir holds the programs. Its name is made of all that they depend on, so
	// a newer set never replaces the files of a running engine.
	Dir string
	// Go describes the toolchain that built them.
	Go Toolchain
}

// Program returns the path of one of the programs: engine, dagger, init,
// codegen, dnsname.
func (s Set) Program(name string) string { return filepath.Join(s.Dir, name) }

// Toolchain is what `go env` says in the source directory.
type Toolchain struct {
	GOROOT, GOVERSION, GOPROXY, GOMOD, GOMODCACHE, GOHOSTARCH string
}

// Build returns the programs in a directory below cacheDir, and builds them
// first unless they are there. It is to run in the module's own directory,
// whose go.mod and go.sum say what is built.
func Build(ctx context.Context, log *progress.Log, cacheDir string) (Set, error) {
	toolchain, err := askGo(ctx)
	if err != nil {
		return Set{}, err
	}
	source := filepath.Dir(toolchain.GOMOD)
	stamp, err := stampOf(source, toolchain)
	if err != nil {
		return Set{}, fmt.Errorf("read what the engine is built from: %w", err)
	}
	set := Set{Dir: filepath.Join(cacheDir, "tools-"+stamp), Go: toolchain}
	if _, err := os.Stat(set.Dir); err == nil {
		return set, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return Set{}, fmt.Errorf("look for built programs: %w", err)
	}

	err = log.Step(ctx, "build engine "+Version+" and its programs (about four minutes with empty caches)",
		func(ctx context.Context, note func(string)) error {
			unfinished, err := os.MkdirTemp(cacheDir, "building-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(unfinished)
			if err := goBuild(ctx, source, unfinished, note); err != nil {
				return err
			}
			if err := os.Chmod(unfinished, 0o755); err != nil {
				return err
			}
			return os.Rename(unfinished, set.Dir)
		})
	return set, err
}

func askGo(ctx context.Context) (Toolchain, error) {
	var toolchain Toolchain
	out, err := exec.CommandContext(ctx, "go", "env", "-json").Output()
	if err != nil {
		return toolchain, fmt.Errorf("ask go for its environment: %w", err)
	}
	if err := json.Unmarshal(out, &toolchain); err != nil {
		return toolchain, fmt.Errorf("read the output of go env: %w", err)
	}
	gomod, err := os.ReadFile(toolchain.GOMOD)
	if err != nil || !strings.HasPrefix(string(gomod), "module "+module+"\n") {
		return toolchain, fmt.Errorf("run this in the directory of the module %s, for example with `go -C ci/engine run .`", module)
	}
	return toolchain, nil
}

func stampOf(source string, toolchain Toolchain) (string, error) {
	hash := sha256.New()
	fmt.Fprintln(hash, toolchain.GOVERSION, runtime.GOARCH, ldflags, commands)
	for _, name := range []string{"go.mod", "go.sum", "distconsts/distconsts.go"} {
		content, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(hash, "%s %d\n", name, len(content))
		hash.Write(content)
	}
	return hex.EncodeToString(hash.Sum(nil))[:16], nil
}

func goBuild(ctx context.Context, source, dir string, note func(string)) error {
	args := []string{"build", "-v", "-buildvcs=false", "-ldflags", ldflags, "-o", dir + "/"}
	for _, name := range commands {
		args = append(args, dagger+"/cmd/"+name)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = source
	// Static, because init runs inside containers that have no libc.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOOS=linux", "GOARCH="+runtime.GOARCH)
	output, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	tail := follow(output, note)
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, tail)
	}
	return nil
}

// follow counts downloads and compiled packages in the build's output, and
// returns the last lines that are neither.
func follow(output io.Reader, note func(string)) []byte {
	var downloads, compiled int
	var tail [][]byte
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "go: downloading "):
			downloads++
		case !strings.Contains(line, " ") && !strings.HasPrefix(line, "#"):
			compiled++
		default:
			tail = append(tail, bytes.Clone(lines.Bytes()))
			if len(tail) > keptLines {
				tail = tail[1:]
			}
		}
		note(fmt.Sprintf("(%d modules downloaded, %d packages compiled)", downloads, compiled))
	}
	return bytes.Join(tail, []byte("\n"))
}
