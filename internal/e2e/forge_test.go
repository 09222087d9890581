package e2e_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/gittest"
)

// forge is a git server that wants a password, with one repository.
type forge struct {
	*gittest.Server
	repo        *gittest.Repo
	user, token string
}

func newForge(t *testing.T) *forge {
	t.Helper()
	f := &forge{Server: gittest.NewServer(t), user: "ci-bot", token: "tok-" + rand.Text()}
	f.Auth(f.user, f.token)
	f.repo = f.Repo(fullName)
	return f
}

// rootfs is a root file system for containers, as no image can be pulled where
// the tests run: Debian's static busybox.
func rootfs(t *testing.T) []gittest.Edit {
	t.Helper()
	busybox, err := os.ReadFile("/bin/busybox")
	if err != nil {
		t.Fatalf("no busybox: install busybox-static: %v", err)
	}
	edits := []gittest.Edit{gittest.Executable("rootfs/bin/busybox", string(busybox))}
	for _, name := range []string{"sh", "sleep", "cat", "echo", "base64", "sha256sum", "printf"} {
		edits = append(edits, gittest.Symlink("rootfs/bin/"+name, "busybox"))
	}
	return edits
}

// dang is a module in Dang with the given functions, which can use
// shell(src, script): a container that runs the script, and does so anew for
// every module because of a number that no other has.
func dang(functions string) []gittest.Edit {
	source := `type Ci {
  let shell(src: Directory!, script: String!): Container! {
    container
      .withRootfs(src.directory("rootfs"))
      .withEnvVariable("NONCE", "` + rand.Text() + `")
      .withExec(["/bin/sh", "-c", script])
  }
` + functions + "\n}\n"
	return []gittest.Edit{
		gittest.Write("ci/dagger.json", manifest("ci", "dang")),
		gittest.Write("ci/main.dang", source),
	}
}

func manifest(name, sdk string) string {
	return `{"name": "` + name + `", "engineVersion": "v0.21.8", "sdk": {"source": "` + sdk + `"}}` + "\n"
}

// files is the directory of a sample module as edits below path.
func files(t *testing.T, dir, path string) []gittest.Edit {
	t.Helper()
	var edits []gittest.Edit
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !entry.Type().IsRegular() {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		edits = append(edits, gittest.Write(path+"/"+entry.Name(), string(data)))
	}
	return edits
}

// join makes one list of edits of several.
func join(lists ...[]gittest.Edit) []gittest.Edit {
	var all []gittest.Edit
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

// yaml is a pocketci.yaml with the given lines.
func yaml(lines ...string) []gittest.Edit {
	return []gittest.Edit{gittest.Write("pocketci.yaml", strings.Join(lines, "\n")+"\n")}
}
