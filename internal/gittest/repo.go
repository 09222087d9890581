package gittest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// epoch is the date of the first commit of every repository; each further one
// is a minute later.
var epoch = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// Repo is a bare repository on disk. It is not safe for use from several
// goroutines.
type Repo struct {
	// Dir is the absolute path of the bare repository.
	Dir string

	t       T
	commits int
}

// Repo creates an empty repository with the given full name, such as
// acme/shop, whose default branch is main.
func (s *Server) Repo(fullName string) *Repo {
	s.t.Helper()
	return newRepo(s.t, filepath.Join(s.Root, filepath.FromSlash(fullName)+".git"))
}

// NewRepo creates an empty repository in a temporary folder, for tests that
// need no server.
func NewRepo(t T) *Repo {
	t.Helper()
	return newRepo(t, filepath.Join(t.TempDir(), "repo.git"))
}

func newRepo(t T, dir string) *Repo {
	t.Helper()
	r := &Repo{Dir: dir, t: t}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		t.Fatalf("create repository: %v", err)
	}
	run(t, nil, "", "init", "--quiet", "--bare", "--template=", "--initial-branch=main", dir)
	r.Git("config", "http.receivepack", "true")
	return r
}

// Edit is one change that a commit makes.
type Edit struct{ command, content string }

// Write adds or replaces a file.
func Write(path, content string) Edit { return write("100644", path, content) }

// Executable is Write for a file with the executable bit.
func Executable(path, content string) Edit { return write("100755", path, content) }

// Symlink adds or replaces a symbolic link.
func Symlink(path, target string) Edit { return write("120000", path, target) }

// Submodule records a commit of another repository at path.
func Submodule(path, sha string) Edit {
	return Edit{command: fmt.Sprintf("M 160000 %s %s\n", sha, quote(path))}
}

// Delete removes a file or a folder.
func Delete(path string) Edit { return Edit{command: fmt.Sprintf("D %s\n", quote(path))} }

// Rename moves a file or a folder.
func Rename(from, to string) Edit {
	return Edit{command: fmt.Sprintf("R %s %s\n", quote(from), quote(to))}
}

func write(mode, path, content string) Edit {
	return Edit{command: fmt.Sprintf("M %s inline %s\n", mode, quote(path)), content: content}
}

// quote writes a path as git fast-import reads it.
func quote(path string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range []byte(path) {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < 0x20 || c >= 0x7f:
			fmt.Fprintf(&b, "\\%03o", c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// Commit adds a commit to the branch, which it creates without a parent if it
// does not exist, and returns the sha. The branch may also be a full ref
// (refs/pull/1/head).
func (r *Repo) Commit(branch, message string, edits ...Edit) string {
	r.t.Helper()
	return r.commit(branch, message, nil, edits)
}

// Merge is Commit with the given shas as further parents.
func (r *Repo) Merge(branch, message string, parents []string, edits ...Edit) string {
	r.t.Helper()
	return r.commit(branch, message, parents, edits)
}

func (r *Repo) commit(branch, message string, parents []string, edits []Edit) string {
	r.t.Helper()
	ref := fullRef(branch)
	var in bytes.Buffer
	when := epoch.Add(time.Duration(r.commits) * time.Minute).Unix()
	r.commits++
	fmt.Fprintf(&in, "commit %s\ncommitter Test <test@example.com> %d +0000\ndata %d\n%s\n", ref, when, len(message), message)
	if tip := r.find(ref); tip != "" {
		fmt.Fprintf(&in, "from %s\n", tip)
	}
	for _, p := range parents {
		fmt.Fprintf(&in, "merge %s\n", p)
	}
	for _, e := range edits {
		in.WriteString(e.command)
		if strings.Contains(e.command, " inline ") {
			fmt.Fprintf(&in, "data %d\n%s\n", len(e.content), e.content)
		}
	}
	in.WriteString("\n")
	run(r.t, in.Bytes(), "", "--git-dir", r.Dir, "fast-import", "--quiet", "--force", "--date-format=raw-permissive")
	return r.SHA(ref)
}

// Branch creates or moves a branch (or full ref) to a sha, whatever it held
// before, and returns the sha.
func (r *Repo) Branch(name, sha string) string {
	r.t.Helper()
	r.Git("update-ref", fullRef(name), sha)
	return sha
}

// Tag creates a lightweight tag.
func (r *Repo) Tag(name, sha string) {
	r.t.Helper()
	r.Git("update-ref", "refs/tags/"+name, sha)
}

// AnnotatedTag creates an annotated tag and returns the sha of the tag itself.
func (r *Repo) AnnotatedTag(name, sha, message string) string {
	r.t.Helper()
	r.Git("tag", "-a", "-f", "-m", message, name, sha)
	return r.SHA("refs/tags/" + name)
}

// Delete removes a branch or full ref. Its commits stay in the repository
// until Prune.
func (r *Repo) Delete(branch string) {
	r.t.Helper()
	r.Git("update-ref", "-d", fullRef(branch))
}

// Prune removes all objects that no ref reaches, as a forge does some time
// after a forced push.
func (r *Repo) Prune() {
	r.t.Helper()
	r.Git("repack", "-q", "-a", "-d")
	r.Git("prune", "--expire=now")
}

// SHA resolves a revision.
func (r *Repo) SHA(rev string) string {
	r.t.Helper()
	return r.Git("rev-parse", "--verify", "--end-of-options", rev)
}

// Git runs git in the repository and returns what it printed, without white
// space around it. The test fails if git does.
func (r *Repo) Git(args ...string) string {
	r.t.Helper()
	return run(r.t, nil, r.Dir, args...)
}

// Clone makes a work tree of the branch in a temporary folder and returns its
// path.
func (r *Repo) Clone(branch string) string {
	r.t.Helper()
	dir := filepath.Join(r.t.TempDir(), "clone")
	run(r.t, nil, "", "clone", "--quiet", "--branch", branch, r.Dir, dir)
	return dir
}

// Git runs git in dir with the tests' own identity and none of the machine's
// configuration, and returns what it printed, without white space around it.
func Git(t T, dir string, args ...string) string {
	t.Helper()
	return run(t, nil, dir, args...)
}

func (r *Repo) find(ref string) string {
	cmd := command("", "--git-dir", r.Dir, "rev-parse", "--verify", "--quiet", ref)
	out, _ := cmd.Output()
	return strings.TrimSpace(string(out))
}

func fullRef(branch string) string {
	if strings.HasPrefix(branch, "refs/") {
		return branch
	}
	return "refs/heads/" + branch
}

func run(t T, stdin []byte, dir string, args ...string) string {
	t.Helper()
	cmd := command(dir, args...)
	cmd.Stdin = bytes.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSpace(stdout.String())
}

func command(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	date := strconv.FormatInt(epoch.Unix(), 10) + " +0000"
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "GIT_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env,
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Test", "GIT_AUTHOR_EMAIL=test@example.com", "GIT_AUTHOR_DATE="+date,
		"GIT_COMMITTER_NAME=Test", "GIT_COMMITTER_EMAIL=test@example.com", "GIT_COMMITTER_DATE="+date)
	return cmd
}
