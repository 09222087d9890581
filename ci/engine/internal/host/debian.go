// Package host looks at the machine: is there Docker, is it Debian, what is
// missing on it.
package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/franela/pocketci/ci/engine/internal/progress"
)

// ErrUnsupported is returned on a machine that has neither Docker nor what it
// takes to build an engine.
var ErrUnsupported = errors.New("no engine can run here: Docker does not answer, and without it this needs root on Debian (or a derivative of it)")

// packages are what the engine needs from Debian. busybox-static and git also
// go into the image of the Go SDK.
var packages = []string{
	"runc", "tini", "dnsmasq-base", "iptables", "containernetworking-plugins",
	"git", "busybox-static", "ca-certificates",
}

// RequireDebianRoot returns ErrUnsupported with the reason unless the process
// is root on Debian.
func RequireDebianRoot() error {
	if runtime.GOOS != "linux" {
		return fmt.Errorf("%w; this is %s", ErrUnsupported, runtime.GOOS)
	}
	if _, err := os.Stat("/etc/debian_version"); err != nil {
		return fmt.Errorf("%w; this is not Debian", ErrUnsupported)
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w; this is user %d", ErrUnsupported, os.Geteuid())
	}
	return nil
}

// InstallPackages installs the Debian packages that are missing. Where none
// is, it costs one look-up and no network.
func InstallPackages(ctx context.Context, log *progress.Log) error {
	missing, err := missingPackages(ctx)
	if err != nil || len(missing) == 0 {
		return err
	}
	return log.Step(ctx, "install Debian packages "+strings.Join(missing, " "), func(ctx context.Context, _ func(string)) error {
		if err := aptGet(ctx, "update"); err != nil {
			return err
		}
		return aptGet(ctx, append([]string{"install", "--yes", "--no-install-recommends"}, missing...)...)
	})
}

func missingPackages(ctx context.Context) ([]string, error) {
	args := append([]string{"--show", "--showformat=${Package} ${db:Status-Status}\n"}, packages...)
	// dpkg-query fails when it does not know one of them, so only what it
	// printed counts.
	out, err := exec.CommandContext(ctx, "dpkg-query", args...).Output()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return nil, fmt.Errorf("ask dpkg for installed packages: %w", err)
	}
	installed := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		name, status, _ := strings.Cut(strings.TrimSpace(line), " ")
		installed[name] = status == "installed"
	}
	var missing []string
	for _, name := range packages {
		if !installed[name] {
			missing = append(missing, name)
		}
	}
	return missing, nil
}

func aptGet(ctx context.Context, args ...string) error {
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, "apt-get", append([]string{"--quiet"}, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("apt-get %s: %w\n%s", args[0], err, output.String())
	}
	return nil
}
