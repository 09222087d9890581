package doctest_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const modulePage = "docs/pocketci-module.md"

// statuses is a forge's API that takes commit statuses. Functions reach it from
// their containers.
type statuses struct {
	url string
	mu  sync.Mutex
	got []string
}

func startStatuses(t *testing.T) *statuses {
	t.Helper()
	listener, err := net.Listen("tcp4", ":0")
	if err != nil {
		t.Fatal(err)
	}
	s := &statuses{}
	server := &http.Server{Handler: s}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range addresses {
		if ip, ok := address.(*net.IPNet); ok && ip.IP.To4() != nil && !ip.IP.IsLoopback() {
			s.url = fmt.Sprintf("http://%s", net.JoinHostPort(ip.IP.String(), fmt.Sprint(listener.Addr().(*net.TCPAddr).Port)))
			return s
		}
	}
	t.Fatal("the machine has no address that containers could reach")
	return nil
}

func (s *statuses) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body map[string]string
	err := json.NewDecoder(r.Body).Decode(&body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = append(s.got, fmt.Sprint(r.Method, " ", r.URL.Path, " ", r.Header.Get("Authorization"), " ", body, " ", err))
	w.WriteHeader(http.StatusCreated)
}

// The example of the page about the module, word for word on the real engine,
// but for the two addresses in it that are not reached from here. Its tables
// name everything that the module serves.
func TestModulePage(t *testing.T) {
	if testing.Short() {
		t.Skip("needs an engine")
	}
	api := startStatuses(t)
	s := newShell(t)
	s.env = append(s.env, "GITHUB_TOKEN=tok-of-the-example")
	var scripts, files []string
	for _, b := range readPage(t, modulePage).blocks {
		switch {
		case b.section != "A complete example":
		case b.language == "sh":
			scripts = append(scripts, b.text)
		default:
			files = append(files, b.text)
		}
	}
	if len(scripts) != 2 || len(files) != 2 {
		t.Fatalf("%s has %d scripts and %d files, want 2 and 2", modulePage, len(scripts), len(files))
	}
	const published = "github.com/franela/pocketci/pocketci-module"
	if !strings.Contains(scripts[0], published) || !strings.Contains(files[1], "https://git.example.com/api/v1") {
		t.Fatal("the example has other addresses")
	}
	before, _, _ := strings.Cut(scripts[0], "dagger install")
	s.must("", before)
	if err := os.CopyFS(filepath.Join(s.dir, "hello", "pocketci-module"), os.DirFS(filepath.Join(root, "pocketci-module"))); err != nil {
		t.Fatal(err)
	}
	s.must("hello", strings.ReplaceAll(scripts[0][len(before):], published, "./pocketci-module"))
	for name, text := range map[string]string{
		"ci/main.go":    files[0],
		"pocketci.yaml": strings.ReplaceAll(files[1], "https://git.example.com/api/v1", api.url),
	} {
		if err := os.WriteFile(filepath.Join(s.dir, "hello", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out := s.must("hello", scripts[1])
	for _, want := range []string{"Mona Lisa: Say hello", "hello:1.2.3", "staging"} {
		if !strings.Contains(out, "\n"+want+"\n") && !strings.Contains(out, " "+want+"\n") {
			t.Errorf("it printed no %q:\n%s", want, out)
		}
	}

	t.Run("a pull request", func(t *testing.T) {
		const script = `pocketci run --event pull_request --payload - <<END
{
  "action": "opened", "number": 1,
  "pull_request": {
    "number": 1, "title": "Greet", "head": {"ref": "greet", "sha": "$(git rev-parse HEAD)", "repo": {"full_name": "you/hello"}},
    "base": {"ref": "main", "sha": "$(git rev-parse HEAD)", "repo": {"full_name": "you/hello"}}
  },
  "repository": {"full_name": "you/hello", "clone_url": "https://github.com/you/hello.git", "default_branch": "main"}
}
END
`
		// Twice, as a restart would: the second status is posted as well.
		for range 2 {
			if out := s.must("hello", script); !strings.Contains(out, "Greet: ") {
				t.Errorf("it returned no title:\n%s", out)
			}
		}
		sha := strings.TrimSpace(s.must("hello", "git rev-parse HEAD"))
		count := strings.TrimSpace(s.must("hello", "find . -name '*.go' | wc -l"))
		post := "POST /repos/you/hello/statuses/" + sha + " Bearer tok-of-the-example map[context:size description:" + count + " Go files state:success] <nil>"
		if diff := cmp.Diff([]string{post, post}, api.got); diff != "" {
			t.Errorf("statuses (-want +got):\n%s", diff)
		}
	})
	t.Run("the tables", func(t *testing.T) {
		page := readPage(t, modulePage)
		var described []string
		for section, first := range map[string]string{"What every event has": "field", "What some events are about": "function", "Helpers": "function"} {
			for _, row := range page.table(t, section, first).rows {
				name, _, _ := strings.Cut(strings.Trim(row[0], "`"), "(")
				described = append(described, name)
			}
		}
		var served []string
		for line := range strings.Lines(s.must("hello", "dagger functions -m ./pocketci-module")) {
			name, _, row := strings.Cut(line, " ")
			if !row || name[0] < 'a' || name[0] > 'z' {
				continue // a heading or a remark
			}
			words := strings.Split(name, "-")
			for i, word := range words[1:] {
				words[i+1] = strings.ToUpper(word[:1]) + word[1:]
			}
			served = append(served, strings.Join(words, ""))
		}
		slices.Sort(described)
		slices.Sort(served)
		if diff := cmp.Diff(served, described); diff != "" {
			t.Errorf("functions (-module +page):\n%s", diff)
		}
	})
}
