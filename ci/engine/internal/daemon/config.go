//go:build linux

package daemon

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dagger/dagger/engine/distconsts"

	"github.com/franela/pocketci/ci/engine/internal/sandbox"
)

const (
	// cacheLimit is how much disk the engine may use.
	cacheLimit = "20GB"
	// networkPool is how many container networks are kept ready. The engine's
	// own default, 128, costs a fork storm at every start.
	networkPool = "8"
)

// passedOn are the variables of the caller that the engine needs to reach the
// outside: proxies and the certificates to trust. It gets no others.
var passedOn = []string{
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO",
}

// engineConfig is the engine's own configuration file.
func engineConfig() (string, error) {
	config := map[string]any{
		// At the next level every field of every query is two lines.
		"logLevel": "warn",
		"gc":       map[string]any{"maxUsedSpace": cacheLimit},
		// Other people's code must not become root on this machine.
		"security": map[string]any{"insecureRootCapabilities": false},
	}
	encoded, err := json.Marshal(config)
	return string(encoded), err
}

// cgroupParent is where the engine's containers are accounted.
func (e Engine) cgroupParent() string { return "pocketci-" + e.Name }

func (e Engine) buildkitConfig() string {
	return fmt.Sprintf("[worker.oci]\n  defaultCgroupParent = %q\n", e.cgroupParent())
}

func (e Engine) arguments() []string {
	return []string{
		"--root", e.root(),
		"--addr", "unix://" + e.Socket,
		"--network-name", e.Network,
		"--network-cidr", e.CIDR,
		"--oci-cni-binary-dir", sandbox.CNIDir,
		"--oci-cni-pool-size", networkPool,
	}
}

func (e Engine) engineEnvironment(imageDigest string) []string {
	env := append(e.baseEnvironment(),
		"PATH="+sandbox.BinDir+":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"TMPDIR="+filepath.Join(e.State, "tmp"),
		"_EXPERIMENTAL_DAGGER_ENGINE_NAME="+e.cgroupParent(),
		distconsts.GoSDKManifestDigestEnvName+"="+imageDigest,
	)
	for _, name := range passedOn {
		if value, set := os.LookupEnv(name); set {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// clientEnvironment is that of the session that proves a start.
func (e Engine) clientEnvironment(cli string) []string {
	return append(append(e.baseEnvironment(), "PATH="+os.Getenv("PATH")), e.variables(cli)...)
}

func (e Engine) baseEnvironment() []string {
	return []string{
		"HOME=" + filepath.Join(e.State, "home"),
		"DO_NOT_TRACK=1",
		"DAGGER_NO_NAG=1",
		"DAGGER_NO_UPDATE_CHECK=1",
	}
}
