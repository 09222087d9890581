package engine_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/franela/pocketci/internal/enginetest"
	"github.com/franela/pocketci/modules"
)

// The engine asks the session for credentials when a dependency wants some.
// Those of the host's user are for the user's own modules only.
func TestCredentialsOfTheHost(t *testing.T) {
	for name, c := range map[string]struct {
		own, want bool
	}{
		"are not for a module of others": {own: false, want: false},
		"are for the user's own":         {own: true, want: true},
	} {
		t.Run(name, func(t *testing.T) {
			var asked, authorized atomic.Bool
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked.Store(true)
				// Left alone, the engine's git sends the question itself as
				// the name.
				if user, password, _ := r.BasicAuth(); user == "the-user" || password == "the-password" {
					authorized.Store(true)
				}
				w.Header().Set("WWW-Authenticate", `Basic realm="private"`)
				w.WriteHeader(http.StatusUnauthorized)
			}))
			// Dagger drops the port of such an address, so that it has to be
			// the usual one.
			listener, err := net.Listen("tcp", "127.0.0.77:80")
			if err != nil {
				t.Fatal(err)
			}
			_ = server.Listener.Close()
			server.Listener = listener
			server.Start()
			defer server.Close()
			home := t.TempDir()
			marker := filepath.Join(home, "marker")
			write(t, filepath.Join(home, ".gitconfig"),
				"[credential]\n\thelper = \"!f() { touch "+marker+"; echo username=the-user; echo password=the-password; }; f\"\n")
			t.Setenv("HOME", home)
			t.Setenv("XDG_CONFIG_HOME", "")
			e := enginetest.Start(t)
			dir := repository(t, nil, map[string]string{
				"m/dagger.json": `{"name": "m", "engineVersion": "v0.21.8", "sdk": "dang", "dependencies": [{"name": "dep", "source": "http://` + listener.Addr().(*net.TCPAddr).IP.String() + `/priv/dep.git@main"}]}`,
				"m/main.dang":   "type M {\n  pub onPush: String! { \"x\" }\n}\n",
			})
			tree := enginetest.Tree(dir)
			if c.own {
				tree = modules.Tree{FS: tree.FS, Dir: dir}
			}
			_, err = e.Load(t.Context(), tree, "m")
			if !errors.Is(err, modules.ErrModule) {
				t.Errorf("got %v, want an error about the module", err)
			}
			if !asked.Load() {
				t.Errorf("the dependency was never asked for: %v", err)
			}
			_, err = os.Stat(marker)
			if ran := err == nil; ran != c.want || authorized.Load() != c.want {
				t.Errorf("the helper was asked: %t, its answer was used: %t; want %t", ran, authorized.Load(), c.want)
			}
		})
	}
}
