package secrets

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// What a Dagger session needs of the environment. The SDK hands the whole
// environment of the agent to the session's process, and a session reads
// secrets, sockets and settings from there; so the list is of what is allowed,
// and everything else goes:
//
//   - PATH finds the dagger, git and docker commands; HOME, USER, LOGNAME and
//     XDG_* find caches and configuration; TMPDIR, TMP and TEMP are for
//     temporary files; LANG, LC_*, LANGUAGE and TZ shape text; TERM and
//     NO_COLOR the terminal; LD_LIBRARY_PATH lets commands start that need it.
//   - Proxies and certificates, without which nothing can be fetched.
//   - The _EXPERIMENTAL_DAGGER_* variables say which engine and command to
//     use. DAGGER_CLOUD_TOKEN and DAGGER_CLOUD_URL send traces to Dagger
//     Cloud, as the agent's documentation promises.
//   - DOCKER_*, CONTAINER_HOST, CONTAINERD_ADDRESS, KUBECONFIG and
//     KUBERNETES_SERVICE_* reach an engine in a container. DOCKER_CONFIG holds
//     a path. DOCKER_AUTH_CONFIG and the like hold credentials and are not
//     allowed.
//
// Left out on purpose: DAGGER_SESSION_PORT and DAGGER_SESSION_TOKEN (all runs
// would share one session), DAGGER_MODULE and DAGGER_WORKDIR (another module
// would be loaded), SSH_AUTH_SOCK (functions could use the agent's keys), OTEL_*
// and TRACEPARENT (pocketci sets its own per session), cloud and secret
// providers' variables (AWS_*, GOOGLE_*, VAULT_*, OP_*: their references would
// resolve), GIT_* and POCKETCI_* (for the agent alone).
var (
	neededNames = []string{
		"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TMP", "TEMP",
		"LANG", "LANGUAGE", "TZ", "TERM", "NO_COLOR", "LD_LIBRARY_PATH",
		"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
		"http_proxy", "https_proxy", "all_proxy", "no_proxy",
		"SSL_CERT_FILE", "SSL_CERT_DIR",
		"DAGGER_CLOUD_TOKEN", "DAGGER_CLOUD_URL", "DAGGER_NO_NAG", "DAGGER_NO_UPDATE_CHECK", "DAGGER_LEAVE_OLD_ENGINE",
		"DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY", "DOCKER_API_VERSION",
		"CONTAINER_HOST", "CONTAINERD_ADDRESS", "KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT",
	}
	neededPrefixes = []string{"LC_", "XDG_", "_EXPERIMENTAL_DAGGER_"}
)

func needed(name string) bool {
	return slices.Contains(neededNames, name) || slices.ContainsFunc(neededPrefixes, func(prefix string) bool {
		return strings.HasPrefix(name, prefix)
	})
}

// Scrub removes from the environment of the process everything that neither a
// Dagger session needs nor keep names, and returns the names of what it
// removed, sorted. It belongs after all reading of flags and secrets and before
// the first session. The values are also wiped from the memory that the system
// shows as the process's environment, where the platform has such a thing.
func Scrub(keep ...string) ([]string, error) {
	var gone []string
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if name != "" && !needed(name) && !slices.Contains(keep, name) {
			gone = append(gone, name)
		}
	}
	slices.Sort(gone)
	return gone, remove(gone)
}

// WipeError says that variables are gone from the environment, but that their
// values could not be wiped from the memory that the system shows to other
// processes of the same user as the environment that this one started with. It
// is worth a warning.
type WipeError struct {
	Err error
}

func (e *WipeError) Error() string {
	return "secrets may still show in /proc/self/environ: " + e.Err.Error()
}

// Unwrap returns the reason.
func (e *WipeError) Unwrap() error { return e.Err }

func remove(names []string) error {
	for _, name := range names {
		if err := os.Unsetenv(name); err != nil {
			return fmt.Errorf("unset %s: %w", name, err)
		}
	}
	if err := wipe(names); err != nil {
		return &WipeError{err}
	}
	return nil
}
