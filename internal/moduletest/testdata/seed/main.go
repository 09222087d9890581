// The functions of the original's README, as they are written there: they are
// in dispatch.go and on.go. Here is what they call.
package main

import (
	"context"

	"dagger/ci/internal/dagger"
)

type Ci struct{}

// Test runs in a container. No image can be pulled where the tests run, so that
// its root file system is the directory rootfs of the repository.
func (m *Ci) Test(ctx context.Context, src *dagger.Directory, ghUsername, ghPassword *dagger.Secret) *dagger.Container {
	return busybox(src).
		WithSecretVariable("USERNAME", ghUsername).
		WithSecretVariable("PASSWORD", ghPassword).
		WithMountedFile("/README.md", src.File("README.md")).
		WithExec([]string{"/bin/busybox", "sh", "-c", `echo "tested $(/bin/busybox cat /README.md)"`})
}

// Publish says where it would publish to.
func (m *Ci) Publish(ctx context.Context, src *dagger.Directory, address, username string, ghPassword *dagger.Secret) (string, error) {
	return busybox(src).
		WithEnvVariable("ADDRESS", address).
		WithEnvVariable("USERNAME", username).
		WithSecretVariable("PASSWORD", ghPassword).
		WithExec([]string{"/bin/busybox", "sh", "-c", `test "$PASSWORD" && echo "published $ADDRESS"`}).
		Stdout(ctx)
}

func busybox(src *dagger.Directory) *dagger.Container {
	return dag.Container().WithRootfs(src.Directory("rootfs"))
}
