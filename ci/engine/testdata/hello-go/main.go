// Package main is the module that the engine's own tests call.
package main

import (
	"context"
	"os/exec"
	"strings"

	"dagger/hello-go/internal/dagger"
)

// HelloGo is the module's main object.
type HelloGo struct{}

// Greet shows that a function runs where git is.
func (*HelloGo) Greet(ctx context.Context, name string) (string, error) {
	version, err := exec.CommandContext(ctx, "git", "--version").Output()
	return "hello " + name + " from " + strings.TrimSpace(string(version)), err
}

// Step runs a shell command in a container made of a root file system.
func (*HelloGo) Step(ctx context.Context, root *dagger.Directory, command string) (string, error) {
	return container(root, command, dagger.ContainerWithExecOpts{}).Stdout(ctx)
}

// RootStep does the same with all capabilities of root.
func (*HelloGo) RootStep(ctx context.Context, root *dagger.Directory, command string) (string, error) {
	return container(root, command, dagger.ContainerWithExecOpts{InsecureRootCapabilities: true}).Stdout(ctx)
}

func container(root *dagger.Directory, command string, opts dagger.ContainerWithExecOpts) *dagger.Container {
	return dag.Container().WithRootfs(root).WithExec([]string{"/bin/busybox", "sh", "-c", command}, opts)
}
