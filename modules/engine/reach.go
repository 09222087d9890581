package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/franela/pocketci/modules"
)

// pingTimeout bounds one look at the engine's address.
const pingTimeout = 2 * time.Second

// Time limits for a session to connect: an engine that listens already answers
// within a fraction of a second; one that Docker provisions may have to be
// downloaded first.
const (
	connectTimeout   = 30 * time.Second
	provisionTimeout = 10 * time.Minute
)

// Ping reports whether something listens at the engine's address. It costs a
// connection, takes at most two seconds and starts nothing: the dagger program
// itself would wait for minutes for an engine that is not there. For an engine
// that Docker provisions it looks for Docker. Errors wrap [modules.ErrUnavailable].
func (e *Engine) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	if err := reach(ctx, e.cfg.Host); err != nil {
		return fmt.Errorf("%w: %w", modules.ErrUnavailable, err)
	}
	return nil
}

// listens reports whether the engine has to be there before a session starts.
func listens(host string) bool {
	return strings.HasPrefix(host, "unix://") || strings.HasPrefix(host, "tcp://")
}

func reach(ctx context.Context, host string) error {
	if !listens(host) {
		return reachProvisioner(ctx, host)
	}
	u, err := url.Parse(host)
	if err != nil {
		return fmt.Errorf("read runner host: %w", err)
	}
	address := u.Host
	if u.Scheme == "unix" {
		address = u.Path
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, u.Scheme, address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// reachProvisioner looks for what Dagger provisions an engine with. Of the
// other kinds of hosts (ssh, kube-pod, …) nothing can be told cheaply.
func reachProvisioner(ctx context.Context, host string) error {
	if host != "" && !strings.HasPrefix(host, "docker-") {
		return nil
	}
	socket := os.Getenv("DOCKER_HOST")
	if socket == "" {
		socket = "unix:///var/run/docker.sock"
	}
	if listens(socket) && reach(ctx, socket) == nil {
		return nil
	}
	for _, program := range []string{"podman", "nerdctl", "finch", "container"} {
		if _, err := exec.LookPath(program); err == nil {
			return nil
		}
	}
	return errors.New("no " + EnvRunnerHost + " is set and Docker does not answer")
}
