//go:build linux

package sdkimage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/franela/pocketci/ci/engine/internal/tools"
)

const (
	certificates = "/etc/ssl/certs/ca-certificates.crt"
	gitLibexec   = "/usr/lib/git-core"
)

// gitHelpers are the programs beside git that fetching needs.
var gitHelpers = []string{"git-remote-http", "git-sh-setup"}

// makeRoot fills dir with a small Linux: busybox, git, certificates, the Go
// toolchain and codegen.
func makeRoot(ctx context.Context, dir string, set tools.Set) error {
	for _, name := range []string{
		"bin", "dev", "etc/ssl/certs", "proc", "root", "run", "sys", "usr/bin", "usr/local/bin", "usr/lib", "var/tmp",
		goPath + "/bin", goPath + "/src", modCache, buildCache,
	} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
			return err
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "tmp"), 0o755); err != nil {
		return err
	}
	if err := os.Chmod(filepath.Join(dir, "tmp"), 0o1777); err != nil {
		return err
	}
	for name, content := range map[string]string{
		"etc/passwd":        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
		"etc/group":         "root:x:0:\nnobody:x:65534:\n",
		"etc/nsswitch.conf": "hosts: files dns\n",
		"etc/gitconfig":     "[safe]\n\tdirectory = *\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	if err := copyFile(hostCertificates(), filepath.Join(dir, certificates)); err != nil {
		return err
	}
	if err := copyFile(set.Program("codegen"), filepath.Join(dir, "usr/local/bin/codegen")); err != nil {
		return err
	}
	if err := installBusybox(ctx, dir); err != nil {
		return err
	}
	if err := installGit(ctx, dir); err != nil {
		return err
	}
	if err := copyToolchain(set.Go.GOROOT, filepath.Join(dir, goRoot)); err != nil {
		return fmt.Errorf("copy the Go toolchain: %w", err)
	}
	return nil
}

// hostCertificates is the bundle that this machine trusts, which on some
// networks is not the distribution's.
func hostCertificates() string {
	if name := os.Getenv("SSL_CERT_FILE"); name != "" {
		if _, err := os.Stat(name); err == nil {
			return name
		}
	}
	return certificates
}

func installBusybox(ctx context.Context, dir string) error {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return err
	}
	if err := copyFile(busybox, filepath.Join(dir, "bin/busybox")); err != nil {
		return err
	}
	list, err := exec.CommandContext(ctx, busybox, "--list").Output()
	if err != nil {
		return fmt.Errorf("ask busybox for its programs: %w", err)
	}
	for _, name := range strings.Fields(string(list)) {
		if name == "busybox" {
			continue
		}
		if err := os.Symlink("busybox", filepath.Join(dir, "bin", name)); err != nil {
			return err
		}
	}
	return nil
}

func installGit(ctx context.Context, dir string) error {
	git, err := exec.LookPath("git")
	if err != nil {
		return err
	}
	programs := map[string]string{git: "/usr/bin/git"}
	for _, name := range gitHelpers {
		programs[filepath.Join(gitLibexec, name)] = filepath.Join(gitLibexec, name)
	}
	for source, target := range programs {
		if err := copyFile(source, filepath.Join(dir, target)); err != nil {
			return err
		}
		if err := copyLibraries(ctx, source, dir); err != nil {
			return err
		}
	}
	return os.Symlink("git-remote-http", filepath.Join(dir, gitLibexec, "git-remote-https"))
}

// copyLibraries copies the shared libraries of a program, and the loader, to
// the paths under which the program asks for them.
func copyLibraries(ctx context.Context, program, dir string) error {
	out, err := exec.CommandContext(ctx, "ldd", program).Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil // a script
	} else if err != nil {
		return fmt.Errorf("list the libraries of %s: %w", program, err)
	}
	for line := range strings.Lines(string(out)) {
		for _, field := range strings.Fields(line) {
			if !strings.HasPrefix(field, "/") {
				continue
			}
			if err := copyFile(field, filepath.Join(dir, field)); err != nil {
				return err
			}
		}
	}
	return nil
}

// leftOut says which parts of a Go toolchain no module needs.
func leftOut(name string, entry fs.DirEntry) bool {
	if entry.IsDir() {
		switch name {
		case "api", "doc", "misc", "test", "pkg/obj", "pkg/bootstrap", ".git":
			return true
		}
		return entry.Name() == "testdata"
	}
	return strings.HasSuffix(name, "_test.go")
}

func copyToolchain(from, to string) error {
	// Debian's own packages lay a GOROOT out as links into other directories.
	from, err := filepath.EvalSymlinks(from)
	if err != nil {
		return err
	}
	return filepath.WalkDir(from, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		switch {
		case relative != "." && leftOut(relative, entry):
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir():
			return os.MkdirAll(target, 0o755)
		case entry.Type()&fs.ModeSymlink != 0:
			if info, err := os.Stat(name); err == nil && info.IsDir() {
				return copyToolchain(name, target)
			}
			return copyFile(name, target)
		default:
			return copyFile(name, target)
		}
	})
}

// copyFile copies what from is or links to, with its permissions, and makes
// the directories above to.
func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	info, err := source.Stat()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	target, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, info.Mode().Perm())
	if err != nil {
		return err
	}
	if _, err := io.Copy(target, source); err != nil {
		target.Close()
		return fmt.Errorf("copy %s: %w", from, err)
	}
	return target.Close()
}
