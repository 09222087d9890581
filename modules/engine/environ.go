package engine

import "os"

// passed are the variables of this process that a session on a server gets.
// They say where programs, certificates, proxies and registry logins are, and
// what of Dagger's own behaviour the operator has chosen. Everything else
// stays here: secrets that this process may hold are not for code that other
// people wrote.
var passed = []string{
	"PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR",
	"XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME",
	"SSL_CERT_FILE", "SSL_CERT_DIR",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
	"DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY", "KUBECONFIG",
	"DO_NOT_TRACK", "NO_COLOR",
	"_EXPERIMENTAL_DAGGER_GPU_SUPPORT", "_EXPERIMENTAL_DAGGER_MIN_LOG_LEVEL",
}

// anonymousGit keeps git from the configuration of the host's user. The engine
// asks the session for credentials of repositories that a dagger.json names,
// and the user's credential helpers are not for those of other people.
var anonymousGit = []string{"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0"}

// serverEnv is the environment of a session that runs other people's code.
func (e *Engine) serverEnv() []string {
	env := make([]string, 0, len(passed)+len(e.cfg.Env)+8)
	for _, name := range passed {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return e.addOwn(append(env, anonymousGit...))
}

// laptopEnv is the environment of a session that runs the user's own code: as
// with dagger call, everything is there.
func (e *Engine) laptopEnv() []string { return e.addOwn(os.Environ()) }

func (e *Engine) addOwn(env []string) []string {
	if e.cfg.Host != "" {
		env = append(env, EnvRunnerHost+"="+e.cfg.Host)
	}
	env = append(env, "DAGGER_NO_NAG=1", "DAGGER_NO_UPDATE_CHECK=1")
	return append(env, e.cfg.Env...)
}
