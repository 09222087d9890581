// Command demo shows pocketci at work: it starts an agent and a throw-away git
// server, sends it signed pushes and pull requests as GitHub would, kills it in
// between, asks it what it has done, looks at its pages, and prints what happens. It needs
// a Dagger engine (make engine) and nothing else. With STAY=1 the pages stay open for
// somebody to look at.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/franela/pocketci/events/github"
	"github.com/franela/pocketci/internal/gittest"
)

// patience is how long the demo waits for any one thing: the first use of an
// engine unpacks and compiles.
const patience = 5 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	d := &demo{Stage: &gittest.Stage{Name: "demo"}, ctx: ctx}
	err := d.play()
	d.Close()
	if err != nil {
		fmt.Fprintf(os.Stderr, "\ndemo: %v\n", err)
		os.Exit(1)
	}
}

// heading separates the acts.
func heading(format string, args ...any) {
	fmt.Printf("\n\033[1m== %s\033[0m\n", fmt.Sprintf(format, args...))
}

// demo is a run of the demo.
type demo struct {
	*gittest.Stage
	ctx context.Context
}

func (d *demo) play() error {
	heading("Build the agent and the command line")
	bin := d.TempDir()
	build := exec.CommandContext(d.ctx, "go", "build", "-o", bin+"/", "./cmd/...")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build: %w", err)
	}

	heading("Serve a git repository, with a password, on loopback")
	git := gittest.NewServer(d)
	const user, token = "demo-user", "demo-token-not-a-secret"
	git.Auth(user, token)
	repo := git.Repo(fullName)
	first := repo.Commit("main", "Greet people", files()...)
	// Another content each time, lest the engine answers from its cache and
	// there is nothing to watch.
	second := repo.Commit("main", "Greet the whole world",
		gittest.Write("greet.sh", "#!/bin/sh\necho \"hello, whole $1\"\n"),
		gittest.Write("CHANGES", time.Now().Format(time.RFC1123)+"\n"))
	repo.Branch("docs", second)
	docs := repo.Commit("docs", "Say what this is", gittest.Write("README.md", "# Hello\n"))
	fmt.Printf("%s: %s, with a Dagger module in ci/\n", git.CloneURL(fullName), short(second))

	heading("Start the agent")
	data := d.TempDir()
	a, err := d.start(filepath.Join(bin, "agent"), data, git.URL, user, token)
	if err != nil {
		return err
	}

	heading("Ask the command line what a push to main would call")
	push := pushPayload(git.CloneURL(fullName), "main", first, second)
	payload := filepath.Join(d.TempDir(), "push.json")
	if err := os.WriteFile(payload, push, 0o600); err != nil {
		return fmt.Errorf("write payload: %w", err)
	}
	clone := repo.Clone("main")
	plan := exec.CommandContext(d.ctx, filepath.Join(bin, "pocketci"), "plan", "--dir", clone, "--event", "push", "--payload", payload)
	plan.Stdout, plan.Stderr = os.Stdout, os.Stderr
	if err := plan.Run(); err != nil {
		return fmt.Errorf("pocketci plan: %w", err)
	}

	heading("Send the push, signed, and watch the calls")
	if err := a.deliver("push", push); err != nil {
		return err
	}

	heading("A pull request that only touches documentation calls nothing")
	if err := a.deliver("pull_request", pullPayload(git.CloneURL(fullName), 1, docs, second)); err != nil {
		return err
	}

	heading("A pull request that touches a script is tested")
	repo.Branch("script", second)
	script := repo.Commit("script", "Be polite", gittest.Write("greet.sh", "#!/bin/sh\necho \"good day, $1\"\n"))
	if err := a.deliver("pull_request", pullPayload(git.CloneURL(fullName), 2, script, second)); err != nil {
		return err
	}

	heading("A webhook that is not signed is refused")
	if err := a.refused(push); err != nil {
		return err
	}

	heading("Kill the agent right after it has acknowledged a push; the next one runs it")
	third := repo.Commit("main", "Greet the universe", gittest.Write("greet.sh", "#!/bin/sh\necho \"hello, universe of $1\"\n"))
	last := pushPayload(git.CloneURL(fullName), "main", second, third)
	status, err := a.post("push", last, github.Sign(a.secret, last))
	if err != nil {
		return err
	}
	if status != http.StatusAccepted {
		return fmt.Errorf("the agent answered %d, want 202", status)
	}
	a.kill()
	if a, err = d.start(filepath.Join(bin, "agent"), data, git.URL, user, token); err != nil {
		return err
	}
	if err := a.succeeds(); err != nil {
		return err
	}

	heading("Ask the agent what it has done, with a key that is made beside its data")
	key, err := d.pocketci(bin, nil, "keys", "create", "demo", "--data-dir", data)
	if err != nil {
		return err
	}
	fmt.Println("pocketci keys create demo --data-dir …: a key that is shown this once")
	env := []string{"POCKETCI_SERVER=" + a.url, "POCKETCI_KEY=" + strings.TrimSpace(key)}
	for _, args := range [][]string{{"runs", "list"}, {"runs", "show", "4"}, {"restart", "4", "--fail"}} {
		fmt.Printf("\n$ pocketci %s\n", strings.Join(args, " "))
		out, err := d.pocketci(bin, env, args...)
		if err != nil {
			return err
		}
		fmt.Print(out)
	}
	if err := a.succeeds(); err != nil { // the run that was restarted
		return err
	}
	if err := d.clock(a, repo, third, git.CloneURL(fullName), bin, env); err != nil {
		return err
	}

	if err := d.images(a, bin, env); err != nil {
		return err
	}
	if err := d.pages(a, strings.TrimSpace(key)); err != nil {
		return err
	}

	heading("What to try next")
	fmt.Println(strings.TrimSpace(`
* README.md: a first module of your own, in five minutes
* go run ./cmd/pocketci plan --event push --payload testdata/payloads/github/push.json
  answers what this repository would call, and why not the rest
* go run ./cmd/agent --help
* make engine-stop stops the Dagger engine that this demo left running`))
	return nil
}

// pocketci runs the command line and returns what it prints.
func (d *demo) pocketci(bin string, env []string, args ...string) (string, error) {
	cmd := exec.CommandContext(d.ctx, filepath.Join(bin, "pocketci"), args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("pocketci %s: %w", args[0], err)
	}
	return string(out), nil
}
