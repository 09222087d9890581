package doctest_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// programs is the directory of the two programs, built once for all tests.
var programs = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "pocketci-doctest-")
	if err != nil {
		return "", err
	}
	command := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "./cmd/...")
	command.Dir = root
	command.Stderr = os.Stderr
	return dir, command.Run()
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, _ := programs(); dir != "" {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

func program(t testing.TB, name string) string {
	t.Helper()
	dir, err := programs()
	if err != nil {
		t.Fatalf("build the programs: %v", err)
	}
	return filepath.Join(dir, name)
}

// help returns what a program prints with --help.
func help(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program(t, name), append(args, "--help")...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s --help: %v\n%s", name, args, err, out)
	}
	return string(out)
}

var flagPattern = regexp.MustCompile(`(?m)^\s+(?:-\w, )?--([a-z][a-z-]*)`)

// flagsIn returns the flags that a help text lists, sorted, with help itself.
func flagsIn(text string) []string {
	list := []string{"help"}
	for _, m := range flagPattern.FindAllStringSubmatch(text, -1) {
		list = append(list, m[1])
	}
	slices.Sort(list)
	return slices.Compact(list)
}

var mentionPattern = regexp.MustCompile(`(?:^|\s)--([a-z][a-z-]*)`)

// mentioned returns the flags in a page's inline code, sorted.
func mentioned(p *page) []string {
	var list []string
	for _, text := range code(p.prose) {
		for _, m := range mentionPattern.FindAllStringSubmatch(text, -1) {
			list = append(list, m[1])
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// described returns the flags in the first column of tables, sorted, with help.
func described(t testing.TB, p *page, sections ...string) []string {
	t.Helper()
	list := []string{"help"}
	for _, section := range sections {
		for _, row := range p.table(t, section, "flag").rows {
			list = append(list, flagOf(t, row[0]))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func flagOf(t testing.TB, cell string) string {
	t.Helper()
	m := mentionPattern.FindStringSubmatch(one(t, cell))
	if m == nil {
		t.Fatalf("%q is no flag", cell)
	}
	return m[1]
}

func TestAgentFlags(t *testing.T) {
	text := help(t, "agent")
	page := readPage(t, "docs/agent.md")
	if diff := cmp.Diff(flagsIn(text), described(t, page, "Configuration")); diff != "" {
		t.Errorf("flags (-agent --help +docs/agent.md):\n%s", diff)
	}
	if diff := cmp.Diff(flagsIn(text), mentioned(page)); diff != "" {
		t.Errorf("flags (-agent --help +mentioned in docs/agent.md):\n%s", diff)
	}

	for _, row := range page.table(t, "Configuration", "flag").rows {
		name := flagOf(t, row[0])
		if name == "help" || name == "version" {
			continue
		}
		// What the agent says about the flag, up to the next one.
		_, about, _ := strings.Cut(text, "  --"+name+" ")
		about, _, _ = strings.Cut(about, "\n  --")
		if variable := one(t, row[1]); !strings.Contains(about, "("+variable+")") {
			t.Errorf("--%s has not got the variable %s:\n%s", name, variable, about)
		}
		_, value, _ := strings.Cut(about, "(default ")
		value = strings.TrimSuffix(strings.TrimSpace(value), ")")
		if name == "data-dir" {
			// The default depends on who asks; the page says how.
			continue
		}
		want := strings.Trim(row[2], "`")
		if want == "off" {
			want = ""
		}
		if !sameValue(want, value) {
			t.Errorf("--%s is %q without a value, docs/agent.md says %q", name, value, want)
		}
	}
}

// sameValue compares text, and durations by what they mean.
func sameValue(a, b string) bool {
	x, errX := time.ParseDuration(a)
	y, errY := time.ParseDuration(b)
	return a == b || errX == nil && errY == nil && x == y
}

// Every variable that the agent's help names is described.
func TestAgentVariables(t *testing.T) {
	page := readPage(t, "docs/agent.md")
	var described []string
	for _, row := range page.table(t, "Configuration", "variable").rows {
		described = append(described, code(row[0])...)
	}
	for _, row := range page.table(t, "Configuration", "flag").rows {
		described = append(described, code(row[1])...)
	}
	found := regexp.MustCompile(`\b(POCKETCI|GITHUB|DAGGER|X_HUB)_[A-Z_]+|\b_EXPERIMENTAL_[A-Z_]+`).FindAllString(help(t, "agent"), -1)
	for _, variable := range found {
		if !slices.Contains(described, variable) {
			t.Errorf("docs/agent.md does not describe %s", variable)
		}
	}
	if len(found) == 0 {
		t.Error("the help names no variable")
	}
}

func TestCommandLineFlags(t *testing.T) {
	page := readPage(t, "docs/cli.md")
	for command, sections := range map[string][]string{
		"plan":        {"The event", "The repository"},
		"run":         {"The event", "The repository"},
		"call":        {"The repository", "The agent", "Waiting", "call"},
		"functions":   {"The repository", "The agent", "functions"},
		"events show": {"The agent", "events show"},
		"logs":        {"The agent", "logs"},
		"keys create": {"The agent", "keys"},
		"schema":      nil,

		"converge":       {"converge"},
		"converge apply": {"converge apply"},
		"converge lint":  {"converge lint"},
		"hook install":   {"hook", "hook install"},
		"hook list":      {"hook"},
		"hook redeliver": {"hook", "hook redeliver"},
	} {
		if diff := cmp.Diff(flagsIn(help(t, "pocketci", strings.Fields(command)...)), described(t, page, sections...)); diff != "" {
			t.Errorf("flags (-pocketci %s --help +docs/cli.md):\n%s", command, diff)
		}
	}

	all := []string{"no-descriptions"} // of completion
	all = append(all, commandFlags(t)...)
	slices.Sort(all)
	if diff := cmp.Diff(slices.Compact(all), mentioned(page)); diff != "" {
		t.Errorf("flags (-pocketci --help +mentioned in docs/cli.md):\n%s", diff)
	}
}

// commandFlags are the flags of all commands and of those below them.
func commandFlags(t testing.TB, command ...string) []string {
	t.Helper()
	list := flagsIn(help(t, "pocketci", command...))
	if len(command) > 0 && command[0] == "completion" {
		return list // its shells have the flags of completion scripts
	}
	for _, name := range commands(t, command...) {
		list = append(list, commandFlags(t, append(slices.Clone(command), name)...)...)
	}
	return list
}

// commands are those that the command line has, or those below one.
func commands(t testing.TB, command ...string) []string {
	t.Helper()
	_, list, _ := strings.Cut(help(t, "pocketci", command...), "Available Commands:\n")
	list, _, _ = strings.Cut(list, "\n\n")
	var names []string
	for line := range strings.Lines(list) {
		if fields := strings.Fields(line); len(fields) > 0 {
			names = append(names, fields[0])
		}
	}
	return names
}

func TestCommands(t *testing.T) {
	var described []string
	for _, row := range readPage(t, "docs/cli.md").table(t, "The command line", "command").rows {
		described = append(described, strings.Fields(one(t, row[0]))[1])
	}
	slices.Sort(described)
	if diff := cmp.Diff(commands(t), described); diff != "" {
		t.Errorf("commands (-pocketci --help +docs/cli.md):\n%s", diff)
	}
}

// Nowhere else is a flag named that neither program has.
func TestFlagsElsewhere(t *testing.T) {
	known := append(flagsIn(help(t, "agent")), "no-descriptions")
	known = append(known, commandFlags(t)...)
	for _, p := range pages(t) {
		for _, name := range mentioned(p) {
			if !slices.Contains(known, name) {
				t.Errorf("%s: neither program has a flag --%s", p.name, name)
			}
		}
	}
}

// The names that schema takes are described, and give the copies in docs.
func TestSchemaNames(t *testing.T) {
	text := help(t, "pocketci", "schema")
	first, _, _ := strings.Cut(text, "\n")
	_, names, _ := strings.Cut(first, ": ")
	page := readPage(t, "docs/cli.md")
	for name := range strings.SplitSeq(names, ", ") {
		if !slices.Contains(code(page.prose), name) {
			t.Errorf("docs/cli.md does not name the schema %s", name)
		}
		printed, err := exec.CommandContext(t.Context(), program(t, "pocketci"), "schema", name).Output()
		if err != nil {
			t.Errorf("pocketci schema %s: %v", name, err)
			continue
		}
		copied, err := os.ReadFile(filepath.Join(root, "docs", strings.TrimSuffix(name, ".yaml")+".schema.json"))
		if err != nil {
			t.Error(err)
			continue
		}
		if !bytes.Equal(bytes.TrimSpace(printed), bytes.TrimSpace(copied)) {
			t.Errorf("pocketci schema %s prints something else than the copy in docs", name)
		}
	}
}
