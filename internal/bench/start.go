package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/franela/pocketci/internal/gittest"
)

// small measures from a signed push to the start of the function, against a
// plain call of the same function on a ready checkout.
func (b *bench) small() (row, error) {
	times, err := b.starts("octo/small", func(r *gittest.Repo) {
		r.Commit("main", "A module and a little source",
			gittest.Write("ci/dagger.json", manifest), gittest.Write("ci/main.dang", beaconModule),
			gittest.Write("main.go", "package main\n\nfunc main() {}\n"), gittest.Write("README.md", "# Small\n"))
	}, func(r *repository, dir string) (begin time.Time, took time.Duration, err error) {
		if _, missing := os.Stat(dir); missing != nil {
			err = b.command("", "git", "clone", "--quiet", r.url, dir)
		} else {
			err = b.command(dir, "git", "pull", "--quiet")
		}
		if err != nil {
			return begin, 0, err
		}
		begin = time.Now()
		err = b.call(dir)
		return begin, time.Since(begin), err
	})
	return times.row("signed push to function start, small repository", "plain dagger call, ready checkout", 1.5), err
}

// large measures the same on a repository of many files, against a shallow
// clone and a plain call.
func (b *bench) large() (row, error) {
	times, err := b.starts("octo/large", func(r *gittest.Repo) {
		r.Large(gittest.LargeFiles, 20)
		r.Commit("main", "A module", gittest.Write("ci/dagger.json", manifest), gittest.Write("ci/main.dang", beaconModule))
	}, func(r *repository, dir string) (begin time.Time, took time.Duration, err error) {
		// The same path each time, which lets the engine reuse what it has
		// of it.
		if err := os.RemoveAll(dir); err != nil {
			return begin, 0, err
		}
		begin = time.Now()
		if err := b.command("", "git", "clone", "--quiet", "--depth", "1", r.url, dir); err != nil {
			return begin, 0, err
		}
		err = b.call(dir)
		return begin, time.Since(begin), err
	})
	return times.row(fmt.Sprintf("the same, %d files", gittest.LargeFiles), "git clone --depth 1, then plain dagger call", 0.5), err
}

// starts measures from push to function start and, in turns, what plain does.
// One push and one plain call before that make both sides warm: the mirror, the
// module and what the engine keeps of either tree.
func (b *bench) starts(name string, fill func(*gittest.Repo), plain func(r *repository, dir string) (time.Time, time.Duration, error)) (pairs, error) {
	var times pairs
	beacon, err := startBeacon(b.Stage)
	if err != nil {
		return times, err
	}
	git := gittest.NewServer(b)
	r := &repository{Repo: git.Repo(name), name: name, url: git.CloneURL(name), beacon: beacon}
	fill(r.Repo)
	r.tip = r.SHA("main")
	a, err := b.startAgent()
	if err != nil {
		return times, err
	}
	dir := filepath.Join(b.TempDir(), "checkout")
	ours := func() error {
		path, payload, err := r.push()
		if err != nil {
			return err
		}
		sent, p, err := a.deliver(payload)
		if err != nil {
			return err
		}
		at, err := beacon.seen(path)
		if err != nil {
			return err
		}
		times.ours = append(times.ours, at.Sub(sent))
		b.note("push: acknowledged %s, planned %s, called %s, function runs %s, ended %s",
			ms(p.acknowledged), ms(p.planned), ms(p.called), ms(at.Sub(sent)), ms(p.ended))
		return nil
	}
	theirs := func() error {
		path, _, err := r.push()
		if err != nil {
			return err
		}
		begin, took, err := plain(r, dir)
		if err != nil {
			return err
		}
		at, err := beacon.seen(path)
		if err != nil {
			return err
		}
		times.theirs = append(times.theirs, took)
		times.starts = append(times.starts, at.Sub(begin))
		b.note("plain: function runs %s, ended %s", ms(at.Sub(begin)), ms(took))
		return nil
	}
	err = b.alternate(&times, ours, theirs)
	return times, err
}

// call calls the function as a person would in a checkout.
func (b *bench) call(dir string) error {
	return b.command(dir, b.dagger, "call", "-m", "./ci", "on-github-push", "--src", ".")
}

func (b *bench) command(dir, name string, args ...string) error {
	cmd := exec.CommandContext(b.ctx, name, args...)
	cmd.Dir = dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(name), err, bytes.TrimSpace(out.Bytes()))
	}
	return nil
}

func (b *bench) note(format string, args ...any) {
	if b.verbose {
		fmt.Fprintf(os.Stderr, format+"\n", args...)
	}
}
