package secrets_test

import (
	"errors"
	"os"
	"os/exec"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/internal/secrets"
)

// on is what happens in these tests if nothing else is said.
var on = secrets.Scope{Repository: "acme/shop", Event: "push", Ref: "refs/heads/main", Trusted: true}

func TestResolve(t *testing.T) {
	policy, err := secrets.Allow("API_TOKEN", "UNSET", "EMPTY", "SHORT", "PADDED", "MULTI")
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"GITHUB_USERNAME": "octocat", "GITHUB_TOKEN": "ghp_0123456789", "API_TOKEN": "api-token-value", "EMPTY": "", "SHORT": "abc",
		"PADDED": "  ab\n", "MULTI": "one line\ntwo\n", "AWS_SECRET_ACCESS_KEY": "not for repositories", "X_HUB_SIGNATURE": "webhook secret",
	} {
		t.Setenv(name, value)
	}
	vault := secrets.Read(policy, "X_HUB_SIGNATURE")
	grant := vault.For(on)
	const unset = "is not set in the agent's environment, or empty"
	for _, tc := range []struct {
		ref, want string
		err       error // compared by type
		mentions  []string
	}{
		{"env://GITHUB_USERNAME", "octocat", nil, nil},
		{"env://GITHUB_TOKEN", "ghp_0123456789", nil, nil},
		{"env://API_TOKEN", "api-token-value", nil, nil},
		{"env://MULTI", "one line\ntwo\n", nil, nil},
		{"env://AWS_SECRET_ACCESS_KEY", "", &secrets.RefusedError{}, []string{"AWS_SECRET_ACCESS_KEY", "--allow-secret-env AWS_SECRET_ACCESS_KEY", "a rule for acme/shop", "agent.yaml"}},
		{"env://X_HUB_SIGNATURE", "", &secrets.RefusedError{}, []string{"X_HUB_SIGNATURE"}},
		{"env://github_token", "", &secrets.RefusedError{}, nil},
		{"env://UNSET", "", &secrets.MissingError{}, []string{"the variable UNSET " + unset}},
		{"env://EMPTY", "", &secrets.MissingError{}, []string{"the variable EMPTY " + unset}},
		{"env://SHORT", "", &secrets.ShortError{}, []string{"the variable SHORT", "4 bytes"}},
		{"env://PADDED", "", &secrets.ShortError{}, nil},
		{"agent://deploy-key", "", &secrets.RefusedError{}, []string{"the secret deploy-key", "a rule for acme/shop", "under named"}},
		{"op://infra/db/password", "", &secrets.RefusedError{}, []string{"op://infra/db/password", "under providers"}},
		{"GITHUB_TOKEN", "", &secrets.ReferenceError{}, []string{"env://NAME"}},
		{"env://", "", &secrets.ReferenceError{}, nil},
		{"env://A=B", "", &secrets.ReferenceError{}, nil},
		{"agent://", "", &secrets.ReferenceError{}, nil},
		{"agent://a/b", "", &secrets.ReferenceError{}, nil},
		{"file:///etc/passwd", "", &secrets.ReferenceError{}, nil},
		{"cmd://id", "", &secrets.ReferenceError{}, nil},
		{"vault://a/../b.c", "", &secrets.ReferenceError{}, nil},
		{"", "", &secrets.ReferenceError{}, nil},
	} {
		t.Run(tc.ref, func(t *testing.T) {
			got, err := grant.Resolve(t.Context(), tc.ref)
			if got != tc.want {
				t.Errorf("got %q", got)
			}
			if reflect.TypeOf(err) != reflect.TypeOf(tc.err) {
				t.Errorf("got %T %v, want %T", err, err, tc.err)
			}
			if diff := cmp.Diff(err, grant.Check(tc.ref)); diff != "" {
				t.Error(diff)
			}
			for _, word := range tc.mentions {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%q does not mention %q", err, word)
				}
			}
		})
	}
	if value, ok := vault.Value("X_HUB_SIGNATURE"); !ok || value != "webhook secret" {
		t.Errorf("the agent's own variable: %q, %v", value, ok)
	}
	if _, ok := vault.Value("UNSET"); ok {
		t.Error("a variable that is not set has a value")
	}
	if _, ok := vault.Value("AWS_SECRET_ACCESS_KEY"); ok {
		t.Error("a variable was read that nobody may use")
	}
	t.Setenv("GITHUB_TOKEN", "changed afterwards")
	if got, _ := grant.Resolve(t.Context(), secrets.Ref("GITHUB_TOKEN")); got != "ghp_0123456789" {
		t.Errorf("got %q after the environment changed", got)
	}
}

func TestAllow(t *testing.T) {
	for _, name := range []string{"", "A=B", "1A", "A B", "$A", "ä", "A*"} {
		if _, err := secrets.Allow("OK", name); err == nil {
			t.Errorf("%q accepted", name)
		}
	}
}

func TestAddToMasks(t *testing.T) {
	t.Setenv("GITHUB_USERNAME", "octocat")
	t.Setenv("GITHUB_TOKEN", "ghp_0123456789")
	t.Setenv("HOOK", "hook secret")
	t.Setenv("HTTPS_PROXY", "http://proxyuser:proxypass@proxy:3128")
	t.Setenv("DAGGER_CLOUD_TOKEN", "dag_cloud_token")
	var m secrets.Masker
	secrets.Read(secrets.Policy{}, "HOOK").AddTo(&m)
	got := m.String("octocat ghp_0123456789 hook secret proxyuser:proxypass@proxy dag_cloud_token")
	if want := "octocat *** *** proxyuser:***@proxy ***"; got != want {
		t.Errorf("got %q", got)
	}
}

// Take and Scrub change the whole process, so the test starts another one. It
// is this test binary, told by the variable to do something else.
func TestMain(m *testing.M) {
	if os.Getenv("POCKETCI_TEST_SCRUB") != "" {
		scrubbed()
		return
	}
	os.Exit(m.Run())
}

func scrubbed() {
	fail := func(err error) {
		if err != nil {
			os.Stdout.WriteString("error: " + err.Error() + "\n")
			os.Exit(1)
		}
	}
	policy, err := secrets.Allow("API_TOKEN", "DOCKER_HOST")
	fail(err)
	vault, err := secrets.Take(policy, "X_HUB_SIGNATURE")
	fail(err)
	for _, name := range []string{"GITHUB_TOKEN", "API_TOKEN", "X_HUB_SIGNATURE"} {
		if _, set := os.LookupEnv(name); set {
			fail(errors.New(name + " is still set after Take"))
		}
		if value, ok := vault.Value(name); !ok || !strings.HasPrefix(value, "value of ") {
			fail(errors.New(name + " is not in the vault"))
		}
	}
	gone, err := secrets.Scrub("KEPT")
	fail(err)
	os.Stdout.WriteString("gone: " + strings.Join(gone, " ") + "\n")
	if runtime.GOOS == "linux" {
		block, err := os.ReadFile("/proc/self/environ")
		fail(err)
		if !strings.Contains(string(block), "value of DOCKER_HOST") {
			fail(errors.New("the environment's memory is not what it should be"))
		}
		for _, name := range []string{"GITHUB_TOKEN", "API_TOKEN", "X_HUB_SIGNATURE", "AWS_SECRET_ACCESS_KEY", "SSH_AUTH_SOCK"} {
			if strings.Contains(string(block), "value of "+name) {
				fail(errors.New(name + " still shows in /proc/self/environ"))
			}
		}
	}
	// What a session would get.
	child := exec.Command("env")
	child.Stdout = os.Stdout
	fail(child.Run())
}

func TestTakeAndScrub(t *testing.T) {
	stay := []string{"PATH", "HOME", "LC_ALL", "XDG_CACHE_HOME", "https_proxy", "SSL_CERT_FILE", "_EXPERIMENTAL_DAGGER_RUNNER_HOST", "DAGGER_CLOUD_TOKEN", "DOCKER_HOST", "KEPT"}
	leave := []string{
		"AWS_SECRET_ACCESS_KEY", "DAGGER_MODULE", "DAGGER_SESSION_PORT", "DAGGER_SESSION_TOKEN", "DOCKER_AUTH_CONFIG", "DOCKER_PASSWORD",
		"OTEL_EXPORTER_OTLP_HEADERS", "POCKETCI_DATA_DIR", "POCKETCI_TEST_SCRUB", "SSH_AUTH_SOCK", "TRACEPARENT", "VAULT_TOKEN",
	}
	taken := []string{"GITHUB_USERNAME", "GITHUB_TOKEN", "API_TOKEN", "X_HUB_SIGNATURE"}
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), executable)
	for _, name := range slices.Concat(stay, leave, taken) {
		value := "value of " + name
		if name == "PATH" {
			value = os.Getenv("PATH")
		}
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if want := "gone: " + strings.Join(leave, " "); lines[0] != want {
		t.Errorf("got  %s\nwant %s", lines[0], want)
	}
	var left []string
	for _, line := range lines[1:] {
		name, _, _ := strings.Cut(line, "=")
		left = append(left, name)
	}
	slices.Sort(left)
	slices.Sort(stay)
	if diff := cmp.Diff(stay, left); diff != "" {
		t.Error(diff)
	}
}
