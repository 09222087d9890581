package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/franela/pocketci/internal/gittest"
)

// sleepers is how many functions sleep at the same time.
const sleepers = 10

// busyboxPath is where Debian's busybox-static puts the one program that the
// containers need. Where it is missing, they pull an image.
const busyboxPath = "/bin/busybox"

// parallel measures a push that calls ten functions, each of which sleeps for
// three seconds in a container, against a push that calls one.
func (b *bench) parallel() (row, error) {
	var times pairs
	beacon, err := startBeacon(b.Stage)
	if err != nil {
		return row{}, err
	}
	git := gittest.NewServer(b)
	a, err := b.startAgent()
	if err != nil {
		return row{}, err
	}
	pushTo := func(functions int, kept *[]time.Duration) func() error {
		name := fmt.Sprintf("octo/sleep%d", functions)
		r := &repository{Repo: git.Repo(name), name: name, url: git.CloneURL(name), beacon: beacon}
		r.tip = r.Commit("main", "Sleepers", sleepModule(functions)...)
		return func() error {
			_, payload, err := r.push()
			if err != nil {
				return err
			}
			_, p, err := a.deliver(payload)
			if err != nil {
				return err
			}
			*kept = append(*kept, p.ended)
			b.note("%d sleepers: %s", functions, ms(p.ended))
			return nil
		}
	}
	err = b.alternate(&times, pushTo(sleepers, &times.ours), pushTo(1, &times.theirs))
	return times.row(fmt.Sprintf("%d functions that sleep 3 s in a container, push to end of run", sleepers), "one of them", 1.6), err
}

// sleepModule is a repository with a module of the given number of sleepers.
// Each has a step of its own, that no earlier commit made and no other call
// shares.
func sleepModule(functions int) []gittest.Edit {
	root := `Dagger.container.from("busybox:stable")`
	var edits []gittest.Edit
	if busybox, err := os.ReadFile(busyboxPath); err == nil {
		root = `Dagger.container.withRootfs(src.directory("rootfs"))`
		edits = append(edits, gittest.Executable("rootfs/bin/busybox", string(busybox)), gittest.Symlink("rootfs/bin/sh", "busybox"), gittest.Symlink("rootfs/bin/sleep", "busybox"))
	}
	var module strings.Builder
	module.WriteString("type Ci {\n")
	for i := range functions {
		fmt.Fprintf(&module, "  pub sleep%dOnGithubPush(src: Directory!): Container! {\n    %s.withMountedFile(\"/beacon\", src.file(\"beacon\")).withExec([\"sh\", \"-c\", \"sleep 3; exit 0 # %d\"])\n  }\n", i, root, i)
	}
	module.WriteString("}\n")
	return append(edits, gittest.Write("ci/dagger.json", manifest), gittest.Write("ci/main.dang", module.String()))
}
