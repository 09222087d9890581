package e2e_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/store/pgtest"
	"github.com/franela/pocketci/internal/web/browsertest"
)

// patience is how long a test waits for any one thing. It is long because the
// first use of an engine compiles, and machines of continuous integration are
// slow; no test waits for it to pass.
const patience = 3 * time.Minute

// parallel is how many tests run at a time. Most of their time they wait for
// containers that sleep.
const parallel = 6

// binaries is where the programs are that the tests run.
var binaries string

func agentBinary() string    { return filepath.Join(binaries, "agent") }
func pocketciBinary() string { return filepath.Join(binaries, "pocketci") }

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		if err := flag.Set("test.parallel", fmt.Sprint(parallel)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	var err error
	if binaries, err = os.MkdirTemp("", "pocketci-e2e-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(binaries)
	build := exec.Command("go", "build", "-race", "-o", binaries+string(filepath.Separator), "../../cmd/...")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintf(os.Stderr, "build the programs: %v\n", err)
		return 1
	}
	code := m.Run()
	browsertest.Stop()
	if usesPostgres.Load() {
		if server, err := postgres(); err == nil {
			if err := server.Stop(); err != nil {
				fmt.Fprintln(os.Stderr, "stop PostgreSQL:", err)
				return 1
			}
		}
	}
	return code
}

// usesPostgres says that a test has asked for PostgreSQL.
var usesPostgres atomic.Bool

// postgres is the server that tests share. It is started by the first.
var postgres = sync.OnceValues(pgtest.Start)

// database makes an empty database and returns its address.
func database(t *testing.T) string {
	t.Helper()
	usesPostgres.Store(true)
	server, err := postgres()
	if errors.Is(err, pgtest.ErrMissing) && os.Getenv("CI") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	dsn, err := server.Database(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return dsn
}
