package engine

import (
	"context"
	"errors"
	"strings"

	"dagger.io/dagger"
)

// probeInsecure tries to run a container with all privileges of the host. The
// program in it is an empty file, so nothing runs either way; an engine whose
// configuration forbids such containers says so before it tries.
func probeInsecure(ctx context.Context, client *dagger.Client) (bool, error) {
	_, err := client.Container().
		WithNewFile("/probe", "").
		WithExec([]string{"/probe"}, dagger.ContainerWithExecOpts{InsecureRootCapabilities: true}).
		Sync(ctx)
	var exec *dagger.ExecError
	switch {
	case err == nil:
		return true, nil
	case strings.Contains(err.Error(), "security.insecure is not allowed"):
		return false, nil
	case errors.As(err, &exec):
		return true, nil
	}
	return false, err
}
