package host

import (
	"context"
	"os/exec"
	"time"
)

// dockerTimeout bounds the question whether Docker is there: a daemon that
// hangs is as good as none.
const dockerTimeout = 3 * time.Second

// DockerAnswers reports whether a Docker daemon answers, in which case the
// Dagger SDK provisions its engine by itself.
func DockerAnswers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, dockerTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "docker", "info", "--format", "{{.ServerVersion}}")
	cmd.WaitDelay = time.Second
	return cmd.Run() == nil
}
