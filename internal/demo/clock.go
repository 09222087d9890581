package main

import (
	"fmt"

	"github.com/franela/pocketci/internal/gittest"
)

// clock pushes a function with a schedule, waits until the clock has called it, and
// shows when it will again.
func (d *demo) clock(a *theAgent, repo *gittest.Repo, before, url, bin string, env []string) error {
	heading("Push a function with a schedule, and wait for the clock to call it")
	after := repo.Commit("main", "Greet every ten seconds",
		gittest.Write("pocketci.yaml", "module-path: ./ci\nfunctions:\n  greetOnTimeTickOften:\n    schedule: {every: 10s}\n"))
	if err := a.deliver("push", pushPayload(url, "main", before, after)); err != nil {
		return err
	}
	if err := a.succeeds(); err != nil {
		return err
	}
	fmt.Println("\n$ pocketci schedules list")
	out, err := d.pocketci(bin, env, "schedules", "list")
	fmt.Print(out)
	return err
}
