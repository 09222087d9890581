package server_test

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/franela/pocketci/internal/server"
)

func TestProxies(t *testing.T) {
	t.Parallel()
	proxies, err := server.ParseProxies([]string{"10.0.0.0/8", "192.0.2.7", "2001:db8::/32"})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		from      string
		forwarded []string
		want      string
	}{
		"no proxy":                        {"198.51.100.1:4711", nil, "198.51.100.1"},
		"somebody who says he is one":     {"198.51.100.1:4711", []string{"203.0.113.9"}, "198.51.100.1"},
		"a proxy":                         {"10.1.2.3:4711", []string{"203.0.113.9"}, "203.0.113.9"},
		"a proxy that is one address":     {"192.0.2.7:1", []string{"203.0.113.9"}, "203.0.113.9"},
		"its neighbour":                   {"192.0.2.8:1", []string{"203.0.113.9"}, "192.0.2.8"},
		"a client that writes it itself":  {"10.1.2.3:4711", []string{"1.1.1.1, 203.0.113.9"}, "203.0.113.9"},
		"two proxies":                     {"10.1.2.3:4711", []string{"1.1.1.1, 203.0.113.9, 10.9.9.9"}, "203.0.113.9"},
		"two headers":                     {"10.1.2.3:4711", []string{"203.0.113.9", "10.9.9.9"}, "203.0.113.9"},
		"nothing but proxies":             {"10.1.2.3:4711", []string{"10.4.4.4, 10.9.9.9"}, "10.4.4.4"},
		"a proxy that says nothing":       {"10.1.2.3:4711", nil, "10.1.2.3"},
		"what is no address":              {"10.1.2.3:4711", []string{"203.0.113.9, unknown"}, "10.1.2.3"},
		"with ports":                      {"10.1.2.3:4711", []string{"203.0.113.9:80"}, "203.0.113.9"},
		"version 6":                       {"[2001:db8::1]:4711", []string{"2a00::9"}, "2a00::9"},
		"version 4 in version 6":          {"[::ffff:10.1.2.3]:4711", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		"a connection without an address": {"@", []string{"203.0.113.9"}, "@"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &http.Request{RemoteAddr: tt.from, Header: http.Header{"X-Forwarded-For": tt.forwarded}}
			if got := proxies.Client(r); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
	for _, wrong := range []string{"", "localhost", "10.0.0.0/33", "10.0.0", "fe80::1%eth0", "10.0.0.1:80"} {
		if _, err := server.ParseProxies([]string{wrong}); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
}

func FuzzProxies(f *testing.F) {
	f.Add("10.1.2.3:4711", "1.1.1.1, 203.0.113.9")
	f.Add("[::1]:1", ",, ,")
	f.Fuzz(func(t *testing.T, from, forwarded string) {
		proxies := server.Proxies{netip.MustParsePrefix("10.0.0.0/8")}
		r := &http.Request{RemoteAddr: from, Header: http.Header{"X-Forwarded-For": {forwarded}}}
		got := proxies.Client(r)
		if bare := (server.Proxies)(nil).Client(r); got == bare {
			return
		}
		// What a header says is believed of a proxy alone, and only if it is an address.
		if _, err := netip.ParseAddr(got); err != nil {
			t.Errorf("%q of %q by %q", got, forwarded, from)
		}
	})
}
