package engine

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"dagger.io/dagger"
	"github.com/franela/pocketci/modules"
)

func TestMeasure(t *testing.T) {
	e, err := New(Config{Host: os.Getenv(EnvRunnerHost), CLI: os.Getenv(EnvCLI), Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	session := func(what string, f func(ctx context.Context, l *link) *dagger.Directory) {
		l, err := e.connect(t.Context(), modules.Tree{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		cpu := engineCPU()
		start := time.Now()
		d := f(t.Context(), l)
		a := time.Since(start)
		n, err := d.Digest(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println("   engine cpu", (engineCPU() - cpu).Round(10*time.Millisecond))
		fmt.Println(what, a.Round(time.Millisecond), "then digest", (time.Since(start) - a).Round(time.Millisecond), n[:12])
		l.Close()
	}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	wt := "/tmp/dagsrc/big/wt"
	sh := func(script string) {
		start := time.Now()
		out, err := exec.Command("sh", "-ec", script).CombinedOutput()
		if err != nil {
			t.Fatal(string(out))
		}
		fmt.Println("   ", script, time.Since(start).Round(time.Millisecond))
	}
	up := func(ctx context.Context, l *link) *dagger.Directory {
		d, err := l.client.Host().Directory(wt, dagger.HostDirectoryOpts{NoCache: true, Exclude: []string{".git"}}).Sync(ctx)
		must(err)
		return d
	}
	bare := "/tmp/dagsrc/big/bare.git"
	sha := func(rev string) string {
		out, err := exec.Command("git", "-C", bare, "rev-parse", rev).Output()
		must(err)
		return string(out[:40])
	}
	asgit := func(bare, rev string) func(ctx context.Context, l *link) *dagger.Directory {
		return func(ctx context.Context, l *link) *dagger.Directory {
			d, err := l.client.Host().Directory(bare, dagger.HostDirectoryOpts{NoCache: true}).AsGit().Commit(sha(rev)).Tree(dagger.GitRefTreeOpts{DiscardGitDir: true}).Sync(ctx)
			must(err)
			return d
		}
	}
	session("A warm same", up)
	sh("cd "+wt+"; echo x$(date +%N) > x; git add x; git -c user.name=a -c user.email=a@b commit -qm new; cp -r .git ../saved; rm -rf ../saved; git push -q ../bare.git main")
	session("A warm next commit", up)
	session("B next", asgit(bare, "main"))
	sh("cd "+wt+"; echo x$(date +%N) > x; git add x; git -c user.name=a -c user.email=a@b commit -qm new; git push -q ../bare.git main")
	session("B next again", asgit(bare, "main"))
	pack := func() {
		sh(`cd /tmp/dagsrc/big; rm -rf one.git; git init -q --bare one.git; rm -rf one.git/hooks; (git -C bare.git rev-parse main; git -C bare.git rev-list --objects --no-object-names main^{tree}) | git -C bare.git pack-objects -q --threads=2 $PWD/one.git/objects/pack/pack >/dev/null; git -C bare.git rev-parse main > one.git/shallow;  git -C bare.git rev-parse main > one.git/refs/heads/main`)
	}
	pack()
	session("C same commit", asgit("/tmp/dagsrc/big/one.git", "main"))
	sh("cd "+wt+"; echo x$(date +%N) > x; git add x; git -c user.name=a -c user.email=a@b commit -qm new; git push -q ../bare.git main")
	pack()
	session("C next", asgit("/tmp/dagsrc/big/one.git", "main"))
	sh("rm -rf /tmp/dagsrc/big/wt3; cp -r /tmp/dagsrc/big/wt /tmp/dagsrc/big/wt3")
	wt = "/tmp/dagsrc/big/wt3"
	session("A cold", up)
	session("A", up)
}

func engineCPU() time.Duration {
	out, _ := exec.Command("sh", "-c", "for p in $(pgrep -f 'engine.*dagger-engine|/engine ' ); do cat /proc/$p/stat; done").Output()
	var total time.Duration
	for _, line := range strings.Split(string(out), "\n") {
		f := strings.Fields(line)
		if len(f) > 16 {
			for _, i := range []int{13, 14, 15, 16} {
				n, _ := strconv.Atoi(f[i])
				total += time.Duration(n) * 10 * time.Millisecond
			}
		}
	}
	return total
}
