package server_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Of a delivery's headers those are kept that people may read; what proves it, or lets
// somebody in, is not.
func TestHeadersThatAreKept(t *testing.T) {
	t.Parallel()
	in := start(t, nil)
	r := delivery(t, in.url+"/webhooks/github", "push", payload(t, "push"))
	r.Header.Set("User-Agent", strings.Repeat("x", 300))
	r.Header.Set("X-GitHub-Hook-ID", "7")
	for _, name := range []string{"Authorization", "Cookie", "Proxy-Authorization", "X-Hub-Signature", "X-Gitlab-Token", "X-Api-Key", "X-Forwarded-For"} {
		r.Header.Set(name, "hidden")
	}
	send(t, r)
	if len(in.sink.deliveries) != 1 {
		t.Fatalf("%d deliveries were accepted", len(in.sink.deliveries))
	}
	want := map[string]string{
		"Content-Type": "application/json", "User-Agent": strings.Repeat("x", 200) + "…", "X-Github-Event": "push",
		"X-Github-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958", "X-Github-Hook-Id": "7",
	}
	if diff := cmp.Diff(want, in.sink.deliveries[0].Headers); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
}
