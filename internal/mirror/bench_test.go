package mirror_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/gittest"
	"github.com/franela/pocketci/internal/mirror"
	"github.com/franela/pocketci/modules"
	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// BenchmarkTransport compares the two ways to fetch: all of an 11,000-file
// repository with 300 commits, and then the newest 10 commits of it.
func BenchmarkTransport(b *testing.B) {
	server := gittest.NewServer(b)
	shas := server.Repo("acme/large").Large(gittest.LargeFiles, 300)
	url := server.CloneURL("acme/large")
	old, head := shas[len(shas)-11], shas[len(shas)-1]
	ways := map[string]func(dir, sha string) error{
		"git": func(dir, sha string) error {
			return exec.CommandContext(b.Context(), "git", "-C", dir, "fetch", "--quiet", "--no-tags", url, sha+":refs/pocketci/"+sha).Run()
		},
		"go-git": func(dir, sha string) error {
			repo, err := git.PlainOpen(dir)
			if err != nil {
				return err
			}
			// go-git cannot ask for a sha that the server does not advertise,
			// so it gets the branch, which is the same commit here.
			remote := git.NewRemote(repo.Storer, &config.RemoteConfig{Name: "origin", URLs: []string{url}})
			return remote.FetchContext(b.Context(), &git.FetchOptions{
				RefSpecs: []config.RefSpec{config.RefSpec("refs/heads/main:refs/pocketci/" + sha)}, Tags: git.NoTags,
			})
		},
	}
	for _, way := range []string{"git", "go-git"} {
		fetch := ways[way]
		b.Run("full/"+way, func(b *testing.B) {
			for b.Loop() {
				dir := filepath.Join(b.TempDir(), "m")
				gittest.Git(b, "", "init", "--quiet", "--bare", dir)
				if err := fetch(dir, head); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("incremental/"+way, func(b *testing.B) {
			dir := filepath.Join(b.TempDir(), "seed")
			gittest.Git(b, "", "init", "--quiet", "--bare", dir)
			if err := ways["git"](dir, old); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				b.StopTimer()
				work := filepath.Join(b.TempDir(), "m")
				if err := os.CopyFS(work, os.DirFS(dir)); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				if err := fetch(work, head); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkMergeBase compares the two ways to find the merge base of two
// branches that are 100 commits long after 17,000 common ones.
func BenchmarkMergeBase(b *testing.B) {
	repo := gittest.NewRepo(b)
	shas := repo.Large(50, 17000)
	x, y := shas[len(shas)-1], shas[len(shas)-101]
	y = repo.Branch("side", y)
	for i := range 100 {
		y = repo.Commit("side", "side", gittest.Write("side.txt", fmt.Sprint(i)))
	}
	b.Run("git", func(b *testing.B) {
		for b.Loop() {
			if out, err := exec.Command("git", "-C", repo.Dir, "merge-base", x, y).Output(); err != nil {
				b.Fatal(err, out)
			}
		}
	})
	b.Run("go-git", func(b *testing.B) {
		for b.Loop() {
			r, err := git.PlainOpen(repo.Dir)
			if err != nil {
				b.Fatal(err)
			}
			cx, err := r.CommitObject(plumbing.NewHash(x))
			if err != nil {
				b.Fatal(err)
			}
			cy, err := r.CommitObject(plumbing.NewHash(y))
			if err != nil {
				b.Fatal(err)
			}
			if bases, err := cx.MergeBase(cy); err != nil || len(bases) != 1 {
				b.Fatal(bases, err)
			}
		}
	})
}

// BenchmarkDiff compares the two ways to list 5,000 changed files of 11,000.
func BenchmarkDiff(b *testing.B) {
	repo := gittest.NewRepo(b)
	x := repo.Large(gittest.LargeFiles, 0)[0]
	var edits []gittest.Edit
	for i := range 5000 {
		edits = append(edits, gittest.Write(fmt.Sprintf("area%02d/package%03d/file%05d.go", i%20, i%400, i), fmt.Sprint(i)))
	}
	y := repo.Commit("main", "5,000", edits...)
	b.Run("git", func(b *testing.B) {
		for b.Loop() {
			out, err := exec.Command("git", "-C", repo.Dir, "diff-tree", "-r", "-z", "--name-only", "--no-renames", x, y).Output()
			if n := bytes.Count(out, []byte{0}); err != nil || n != 5000 {
				b.Fatal(n, err)
			}
		}
	})
	b.Run("go-git", func(b *testing.B) {
		for b.Loop() {
			r, err := git.PlainOpen(repo.Dir)
			if err != nil {
				b.Fatal(err)
			}
			var trees [2]*object.Tree
			for i, sha := range []string{x, y} {
				c, err := r.CommitObject(plumbing.NewHash(sha))
				if err != nil {
					b.Fatal(err)
				}
				if trees[i], err = c.Tree(); err != nil {
					b.Fatal(err)
				}
			}
			changes, err := object.DiffTreeWithOptions(b.Context(), trees[0], trees[1], nil)
			if err != nil || len(changes) != 5000 {
				b.Fatal(len(changes), err)
			}
		}
	})
}

// BenchmarkSnapshot measures what an event costs: the first one of an
// 11,000-file repository, one more push, and one whose commits are there.
func BenchmarkSnapshot(b *testing.B) {
	server := gittest.NewServer(b)
	shas := server.Repo(fullName).Large(gittest.LargeFiles, 300)
	event := func(i int) *events.Event {
		return &events.Event{
			Vendor: events.VendorGithub, Name: events.NamePush, Ref: "refs/heads/main", Branch: "main", Before: shas[i-1], SHA: shas[i],
			Repository: &events.Repository{FullName: fullName, CloneURL: server.CloneURL(fullName), DefaultBranch: "main"},
		}
	}
	open := func(b *testing.B) *mirror.Mirrors {
		m, err := mirror.New(mirror.Options{Dir: b.TempDir(), Schemes: []string{"http"}})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = m.Close() })
		return m
	}
	take := func(b *testing.B, m *mirror.Mirrors, i int) *mirror.Snapshot {
		snap, err := m.Snapshot(b.Context(), event(i))
		if err != nil {
			b.Fatal(err)
		}
		return snap
	}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			take(b, open(b), 250)
		}
	})
	b.Run("next", func(b *testing.B) {
		m := open(b)
		take(b, m, 200)
		i := 200
		for b.Loop() {
			if i++; i == len(shas) {
				b.Skip("more iterations than commits")
			}
			take(b, m, i)
		}
	})
	b.Run("known", func(b *testing.B) {
		m := open(b)
		take(b, m, 300)
		for b.Loop() {
			take(b, m, 300)
		}
	})
}

// BenchmarkCheckout compares the ways to put 11,000 files on disk.
func BenchmarkCheckout(b *testing.B) {
	server := gittest.NewServer(b)
	shas := server.Repo(fullName).Large(gittest.LargeFiles, 300)
	m, err := mirror.New(mirror.Options{Dir: b.TempDir(), Schemes: []string{"http"}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = m.Close() })
	tree := func(b *testing.B, i int) modules.Tree {
		snap, err := m.Snapshot(b.Context(), &events.Event{
			Vendor: events.VendorGithub, Name: events.NamePush, Ref: "refs/heads/main", Branch: "main", SHA: shas[i], Before: shas[i-1],
			Repository: &events.Repository{FullName: fullName, CloneURL: server.CloneURL(fullName), DefaultBranch: "main"},
		})
		if err != nil {
			b.Fatal(err)
		}
		return snap.Tree
	}
	checkout := func(b *testing.B, tree modules.Tree, git bool) {
		_, release, err := m.Checkout(b.Context(), tree, git)
		if err != nil {
			b.Fatal(err)
		}
		release()
	}
	head := tree(b, 300)
	b.Run("files", func(b *testing.B) {
		for b.Loop() {
			if err := mirror.Files(b.Context(), head, filepath.Join(b.TempDir(), "x")); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("archive and tar", func(b *testing.B) {
		for b.Loop() {
			if err := exec.Command("sh", "-c", `git --git-dir "$0" archive "$1" | tar -x -C "$2"`, head.GitDir, head.Commit, b.TempDir()).Run(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("go-git", func(b *testing.B) {
		for b.Loop() {
			if err := os.CopyFS(filepath.Join(b.TempDir(), "x"), head.FS); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("with git", func(b *testing.B) {
		for i := 200; b.Loop(); i++ {
			b.StopTimer()
			tree := tree(b, i)
			b.StartTimer()
			checkout(b, tree, true)
		}
	})
	b.Run("next commit in place", func(b *testing.B) {
		checkout(b, tree(b, 99), false)
		for i := 100; b.Loop(); i++ {
			b.StopTimer()
			tree := tree(b, i)
			b.StartTimer()
			checkout(b, tree, false)
		}
	})
	b.Run("one file", func(b *testing.B) {
		for b.Loop() {
			if err := mirror.Files(b.Context(), head, filepath.Join(b.TempDir(), "x"), "area00/package000"); err != nil {
				b.Fatal(err)
			}
		}
	})
}
