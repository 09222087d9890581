package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"sync"

	"dagger.io/dagger/engineconn"

	"github.com/franela/pocketci/modules"
)

// Names of Dagger's own variables that choose the engine and the program that
// speaks to it.
const (
	EnvRunnerHost = "_EXPERIMENTAL_DAGGER_RUNNER_HOST"
	EnvCLI        = "_EXPERIMENTAL_DAGGER_CLI_BIN"
)

// Checkout gives the files of a commit as a directory of the host: the
// repository's tree, with a .git in which history works if git is set, else
// without one. The directory is only read, and release is called once when it
// is no longer needed.
type Checkout func(ctx context.Context, tree modules.Tree, git bool) (dir string, release func(), err error)

// Config says where an engine is and what its sessions get.
type Config struct {
	// Host is Dagger's runner host (unix:///…, tcp://…, docker-image://…).
	// Empty lets Dagger provision an engine with Docker.
	Host string
	// CLI is the dagger program. Empty stands for the one that belongs to
	// the SDK's version, which is downloaded when it is first needed.
	CLI string
	// Dir is a directory for sessions and cached lists of functions; it is
	// created. For sessions on commits neither it nor a directory above it
	// may hold a .env or .git.
	Dir string
	// Env is added to the environment of every session, NAME=VALUE each.
	Env []string
	// Checkout gives the content of src for trees that are commits.
	Checkout Checkout
	// Mask makes the values of secrets unreadable in a text. It is applied
	// before a text is cut, because what is left of a value afterwards could
	// not be recognised any more. Nil stands for texts as they are.
	Mask func(string) string
	// Log gets what sessions have to say that belongs to no call. Nil
	// stands for the default logger.
	Log *slog.Logger
}

// Engine is a Dagger engine that calls run on. It may be used by several
// goroutines, and holds no connection while no session is open.
type Engine struct {
	cfg   Config
	root  string // of sessions
	cache *cache
	names *namer

	mu     sync.Mutex
	cli    string     // the dagger program, once found
	tracer *collector // nil until the first session
}

// New prepares for an engine. It does not need the engine to be there, so that
// an agent can start before it.
func New(cfg Config) (*Engine, error) {
	if cfg.Dir == "" {
		return nil, errors.New("prepare for an engine: no directory is configured")
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Mask == nil {
		cfg.Mask = func(s string) string { return s }
	}
	root, err := workRoot(cfg.Dir)
	if err != nil {
		return nil, err
	}
	cache, err := newCache(cfg.Dir, cfg.Host)
	if err != nil {
		return nil, err
	}
	names, err := newNamer(cfg.Dir)
	if err != nil {
		return nil, err
	}
	return &Engine{cfg: cfg, root: root, cache: cache, names: names}, nil
}

// Close ends what the engine's sessions share. Sessions are closed before.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.tracer == nil {
		return nil
	}
	err := e.tracer.Close()
	e.tracer = nil
	return err
}

// program gives the dagger program, which is downloaded by the SDK's own means
// if none is configured.
func (e *Engine) program(ctx context.Context) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.cli != "" {
		return e.cli, nil
	}
	if e.cfg.CLI != "" {
		path, err := exec.LookPath(e.cfg.CLI)
		if err != nil {
			return "", fmt.Errorf("find the dagger program named by %s: %w", EnvCLI, err)
		}
		e.cli = path
		return path, nil
	}
	path, err := engineconn.CLIDownloader{
		Ref: engineconn.CLIVersion, Release: true, LogOutput: os.Stderr,
	}.Download(ctx)
	if err != nil {
		return "", fmt.Errorf("%w: download the dagger program: %w", modules.ErrUnavailable, err)
	}
	e.cli = path
	return path, nil
}

// Capabilities are what an engine told about itself.
type Capabilities struct {
	// Version is the engine's version, such as v0.21.8.
	Version string
	// InsecureRoot says that code on the engine can ask for all privileges
	// of the host (insecureRootCapabilities).
	InsecureRoot bool
}

// Probe asks the engine what it is and what it allows. It needs a connection
// and one attempt at a container, about a second.
func (e *Engine) Probe(ctx context.Context) (Capabilities, error) {
	link, err := e.connect(ctx, modules.Tree{}, nil)
	if err != nil {
		return Capabilities{}, err
	}
	defer link.Close()
	insecure, err := probeInsecure(ctx, link.client)
	if err != nil {
		return Capabilities{}, fmt.Errorf("probe engine: %w", link.classify(ctx, err))
	}
	return Capabilities{Version: link.version, InsecureRoot: insecure}, nil
}

// Version gives the engine's version as it was last seen, asking the engine
// only if it was never seen.
func (e *Engine) Version(ctx context.Context) (string, error) {
	if v := e.cache.version(); v != "" {
		return v, nil
	}
	link, err := e.connect(ctx, modules.Tree{}, nil)
	if err != nil {
		return "", err
	}
	defer link.Close()
	return link.version, nil
}

// Load gives the functions of the module at the given path of a tree. The
// answer comes from a cache, without an engine, if a module with the same
// content was loaded by the same version of the engine before. The module is
// shared and must not be changed.
//
// Errors are a [*TreeError] or [*LoadError] if the repository is at fault, or
// wrap [modules.ErrUnavailable] if the engine is.
func (e *Engine) Load(ctx context.Context, tree modules.Tree, path string) (*modules.Module, error) {
	a, err := assemble(ctx, tree.FS, path, tree.Dir != "")
	if err != nil {
		return nil, err
	}
	key, err := e.key(ctx, a, tree)
	if err != nil {
		return nil, err
	}
	if s := e.cache.get(key, e.cache.version()); s != nil {
		return &s.Module, nil
	}
	link, err := e.connect(ctx, tree, nil)
	if err != nil {
		return nil, err
	}
	defer link.Close()
	s, err := link.load(ctx, a, key)
	if err != nil {
		return nil, err
	}
	return &s.Module, nil
}

// key names a module's content in the cache. It is empty, which is never
// found, if the user's .env files have a say in the defaults.
func (e *Engine) key(ctx context.Context, a *assembly, tree modules.Tree) (string, error) {
	if tree.Dir != "" && (a.hasEnv() || envAbove(tree.Dir)) {
		return "", nil
	}
	return a.digest(ctx)
}
