// Package main is pocketci's own continuous integration: a Dagger module whose
// functions pocketci calls on the events that their names say.
//
// Arguments named toolchain, modules and packages are optional, so that
// pocketci leaves them out; they let the functions run where no image can be
// pulled and no module downloaded.
package main

import (
	"context"

	"dagger/ci/internal/dagger"
)

// image is what the functions run in unless they are given a toolchain.
const image = "golang:1.26"

// Ci is the module's main object.
type Ci struct{}

// TestOnGithubPullRequest runs the tests of the packages that need neither a
// Dagger engine nor a network.
func (*Ci) TestOnGithubPullRequest(
	ctx context.Context,
	src *dagger.Directory,
	// The packages to test.
	// +default=["./dispatcher/...", "./events/...", "./modules", "./internal/config/...", "./internal/globs/...", "./internal/report/..."]
	packages []string,
	// A root file system with Go in /usr/local/go and a shell.
	// +optional
	toolchain *dagger.Directory,
	// A GOPROXY as files.
	// +optional
	modules *dagger.Directory,
) (string, error) {
	return golang(src, toolchain, modules).
		WithExec(append([]string{"go", "test"}, packages...)).
		Stdout(ctx)
}

// LintOnGithubPullRequest checks that all Go files are formatted and that go
// vet finds nothing. It fails with the names of the files that are not.
func (*Ci) LintOnGithubPullRequest(
	ctx context.Context,
	src *dagger.Directory,
	// Nothing else can change what the linters say.
	// +default="**/*.go,go.*,.ci/**"
	onChanges string,
	// The packages to vet.
	// +default=["./..."]
	packages []string,
	// A root file system with Go in /usr/local/go and a shell.
	// +optional
	toolchain *dagger.Directory,
	// A GOPROXY as files.
	// +optional
	modules *dagger.Directory,
) (string, error) {
	return golang(src, toolchain, modules).
		WithExec([]string{"sh", "-c", `files=$(gofmt -l .) && [ -z "$files" ] || { printf 'not formatted:\n%s\n' "$files" >&2; exit 1; }`}).
		WithExec(append([]string{"go", "vet"}, packages...)).
		WithExec([]string{"echo", "lint: ok"}).
		Stdout(ctx)
}

// OnGithubPushMain builds the agent and the command line.
func (*Ci) OnGithubPushMain(
	src *dagger.Directory,
	// A root file system with Go in /usr/local/go and a shell.
	// +optional
	toolchain *dagger.Directory,
	// A GOPROXY as files.
	// +optional
	modules *dagger.Directory,
) *dagger.Directory {
	return golang(src, toolchain, modules).
		WithEnvVariable("CGO_ENABLED", "0").
		WithExec([]string{"go", "build", "-trimpath", "-o", "/out/", "./cmd/..."}).
		Directory("/out")
}

// golang is a container with Go, the source as its work directory, and caches
// that later calls share.
func golang(src, toolchain, modules *dagger.Directory) *dagger.Container {
	container := dag.Container()
	if toolchain == nil {
		container = container.From(image)
	} else {
		container = container.WithRootfs(toolchain).
			WithEnvVariable("PATH", "/usr/local/go/bin:/usr/local/bin:/usr/bin:/bin").
			WithEnvVariable("HOME", "/root")
	}
	container = container.
		WithEnvVariable("GOTOOLCHAIN", "local").
		WithEnvVariable("GOFLAGS", "-buildvcs=false").
		WithEnvVariable("GOMODCACHE", "/go/pkg/mod").
		WithEnvVariable("GOCACHE", "/go/build").
		WithMountedCache("/go/pkg/mod", dag.CacheVolume("pocketci-ci-modules")).
		WithMountedCache("/go/build", dag.CacheVolume("pocketci-ci-build"))
	if modules != nil {
		// What is missing in the files is missing: no other source is asked.
		container = container.
			WithMountedDirectory("/go/proxy", modules).
			WithEnvVariable("GOPROXY", "file:///go/proxy").
			WithEnvVariable("GONOSUMDB", "*")
	}
	return container.WithMountedDirectory("/src", src).WithWorkdir("/src")
}
