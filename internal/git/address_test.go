package git_test

import (
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/git"
)

func TestParseAddress(t *testing.T) {
	for raw, want := range map[string]string{
		"https://github.com/acme/shop.git":         "https://github.com/acme/shop.git",
		"HTTPS://GitHub.com:443/acme/shop.git":     "https://github.com/acme/shop.git",
		"http://git.lan:3000/acme/shop":            "http://git.lan:3000/acme/shop",
		"git@github.com:acme/shop.git":             "ssh://git@github.com/acme/shop.git",
		"ssh://github.com/acme/shop":               "ssh://git@github.com/acme/shop",
		"ssh://me@git.lan:2222/~me/x":              "ssh://me@git.lan:2222/~me/x",
		"ssh://git@[::1]:2222/x":                   "ssh://git@[::1]:2222/x",
		"file:///srv/git/shop.git":                 "file:///srv/git/shop.git",
		"https://me@github.com/acme/shop":          "",
		"https://me:hunter2@github.com/acme/shop":  "",
		"ssh://me:hunter2@github.com/acme/shop":    "",
		"https://github.com/":                      "",
		"https://github.com/x?hunter2":             "",
		"https:///x":                               "",
		"file://host/x":                            "",
		"ext::sh -c hunter2":                       "",
		"ftp://example.com/x":                      "",
		"--upload-pack=hunter2":                    "",
		"ssh://-oProxyCommand=hunter2/x":           "",
		"ssh://-ohunter2@github.com/x":             "",
		"/srv/git/shop.git":                        "",
		"https://github.com/acme/shop.git\nhunter": "",
		"": "",
	} {
		got, err := git.ParseAddress(raw)
		if (err != nil) != (want == "") || err == nil && got.String() != want {
			t.Errorf("%q is %q, %v; want %q", raw, got, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter") {
			t.Errorf("the error repeats what may be a secret: %v", err)
		}
	}
}

func TestAddressSame(t *testing.T) {
	for name, c := range map[string]struct {
		a, b string
		want bool
	}{
		"ssh and https":         {"git@github.com:acme/shop.git", "https://github.com/acme/shop.git", true},
		"capital letters":       {"https://GitHub.com/Acme/Shop", "https://github.com/acme/shop.git", true},
		"a slash at the end":    {"https://github.com/acme/shop/", "https://github.com/acme/shop", true},
		"another user":          {"ssh://me@github.com/acme/shop", "git@github.com:acme/shop", true},
		"ports of two schemes":  {"ssh://git@git.lan:2222/acme/shop.git", "https://git.lan:8443/acme/shop.git", true},
		"ports of one scheme":   {"https://git.lan:8443/acme/shop.git", "https://git.lan/acme/shop.git", false},
		"another host":          {"https://github.com/acme/shop", "https://github.com.evil.example/acme/shop", false},
		"another name":          {"https://github.com/acme/shop", "https://github.com/acme/shop2", false},
		"a name within another": {"https://github.com/acme/shop", "https://github.com/x/acme/shop", false},
		"files":                 {"file:///srv/shop.git", "file:///srv/shop.git/", true},
		"files by letters":      {"file:///srv/shop.git", "file:///srv/Shop.git", false},
		"a file and a server":   {"file:///acme/shop.git", "https://github.com/acme/shop.git", false},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := git.ParseAddress(c.a)
			if err != nil {
				t.Fatal(err)
			}
			b, err := git.ParseAddress(c.b)
			if err != nil {
				t.Fatal(err)
			}
			if a.Same(b) != c.want || b.Same(a) != c.want {
				t.Errorf("%s and %s: %v", a, b, a.Same(b))
			}
		})
	}
}

func FuzzParseAddress(f *testing.F) {
	f.Add("git@github.com:acme/shop.git")
	f.Add("https://git.lan:8443/acme/shop.git")
	f.Fuzz(func(t *testing.T, raw string) {
		a, err := git.ParseAddress(raw)
		if err != nil {
			return
		}
		again, err := git.ParseAddress(a.String())
		if err != nil || again != a || !a.Same(again) {
			t.Errorf("%q is %q, which is %q, %v", raw, a, again, err)
		}
		if strings.HasPrefix(a.String(), "-") {
			t.Errorf("git takes %q for an option", a)
		}
	})
}
