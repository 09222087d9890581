package events_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events"
)

// What depends on package events, the dispatcher above all, knows no HTTP.
func TestNoHTTP(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	if slices.Contains(strings.Fields(string(out)), "net/http") {
		t.Error("package events depends on net/http")
	}
}

func TestNewID(t *testing.T) {
	t.Parallel()
	var ids []string
	for range 10_000 {
		ids = append(ids, events.NewID())
	}
	if !slices.IsSorted(ids) {
		t.Error("ids do not sort by the time they were made")
	}
	if n := len(slices.Compact(slices.Clone(ids))); n != len(ids) {
		t.Errorf("%d of %d ids are unique", n, len(ids))
	}
	if id := ids[0]; len(id) != 36 || id[14] != '7' {
		t.Errorf("%s is not a version 7 UUID", id)
	}
}

func TestManual(t *testing.T) {
	t.Parallel()
	repo := &events.Repository{FullName: "octo/hello"}
	sha := strings.Repeat("ab", 20)
	want := events.Event{
		Vendor: "manual", Name: "run", Kind: "run", Repository: repo, Ref: "refs/tags/v1", Tag: "v1", SHA: sha,
		Sender: "mona", Trusted: true,
	}
	got := events.Manual(repo, "refs/tags/v1", sha, "mona")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("event (-want +got):\n%s", diff)
	}
	if got.FromForge() {
		t.Error("a manual run is taken for a forge's event")
	}
}

func TestHeaderValues(t *testing.T) {
	t.Parallel()
	header := map[string][]string{"X-Github-Event": {"push"}, "x-other": {"a"}, "X-OTHER": {"b"}}
	if got := events.HeaderValues(header, "X-GitHub-Event"); !slices.Equal(got, []string{"push"}) {
		t.Errorf("event %q", got)
	}
	if got := events.HeaderValues(header, "X-Other"); len(got) != 2 {
		t.Errorf("other %q", got)
	}
	if got := events.HeaderValues(header, "X-Missing"); got != nil {
		t.Errorf("missing %q", got)
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"line 2, column 7: ref: is a number": &events.MalformedError{Line: 2, Column: 7, Path: "ref", Reason: "is a number"},
		"repository: is missing":             &events.MalformedError{Path: "repository", Reason: "is missing"},
		"nothing to plan: it is a ping":      &events.NothingError{Ping: true, Reason: "it is a ping"},
		"no signature":                       &events.UnauthenticatedError{Reason: "no signature"},
	} {
		if err.Error() != want {
			t.Errorf("error %q, want %q", err, want)
		}
	}
}

func TestChecks(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		check func(string) error
		good  []string
		bad   []string
	}{
		{"sha", events.CheckSHA,
			[]string{strings.Repeat("a1", 20), strings.Repeat("a1", 32)},
			[]string{"", "HEAD", strings.Repeat("a1", 19), strings.Repeat("a1", 21), strings.Repeat("A1", 20), strings.Repeat("0", 40), strings.Repeat("0", 64)}},
		{"ref", events.CheckRef,
			[]string{"refs/heads/main", "refs/heads/feature/ünïcode", "refs/tags/v1.2-rc.1", "refs/pull/7/head", "refs/heads/a@b", "refs/heads/a-b"},
			[]string{"", "main", "HEAD", "refs/", "refs/heads/", "refs/heads/a..b", "refs/heads/a.lock", "refs/heads/.a", "refs/heads/a b",
				"refs/heads/a\\b", "refs/heads/a~1", "refs/heads/@{1}", "refs/heads//a", "refs/heads/a/", "refs/heads/-a", "refs/heads/a\u0085",
				"refs/heads/\xff", "refs/heads/" + strings.Repeat("a", 1024)}},
		{"full name", events.CheckFullName,
			[]string{"octo/hello", "octo/.github", "group/sub/project", "a_b/c.d-e", "octo/-"},
			[]string{"", "octo", "/octo", "octo/", "octo//hello", "octo/..", "octo/.", "../x", "-o/x", ".o/x", "octo/he llo", "octo/hellö",
				"octo\\x/y", "octo/x\x00", strings.Repeat("a", 200) + "/" + strings.Repeat("b", 200)}},
		{"clone url", events.CheckCloneURL,
			[]string{"https://github.com/octo/hello.git", "http://127.0.0.1:8080/octo/hello.git", "ssh://git@github.com/octo/hello.git", "git://h/x"},
			[]string{"", "octo/hello", "/srv/git/x", "file:///srv/git/x", "ext::sh -c id", "https:octo", "https:///x", "https://h", "https://h/",
				"https://u@h/x", "https://u:p@h/x", "ssh://u:p@h/x", "ssh://-o@h/x", "git@github.com:octo/hello.git", "https://h/\nx", "HTTPS//h/x",
				"https://h/" + strings.Repeat("x", 2048)}},
		{"web url", events.CheckWebURL,
			[]string{"", "https://github.com/octo/hello", "http://h"},
			[]string{"javascript:alert(1)", "//h/x", "https://", "https://u@h", "data:text/html,x", "https://h/" + strings.Repeat("x", 2048)}},
		{"text", events.CheckText,
			[]string{"", "opened", "dependabot[bot]", "wöchentlich neu"},
			[]string{"a\nb", "a\x00", "a\x1b[2J", "\xff", "a\u202eb", strings.Repeat("a", 256)}},
	}
	for _, test := range tests {
		for _, s := range test.good {
			if err := test.check(s); err != nil {
				t.Errorf("%s %q: %v", test.name, s, err)
			}
		}
		for _, s := range test.bad {
			if err := test.check(s); err == nil {
				t.Errorf("%s %.60q is accepted", test.name, s)
			} else if len(err.Error()) > 300 {
				t.Errorf("%s: error of %d bytes", test.name, len(err.Error()))
			}
		}
	}
}

// FuzzDecodeFile checks that whatever can be read as an event file can be
// written again and reads the same.
func FuzzDecodeFile(f *testing.F) {
	for _, c := range fileCases(f) {
		data, err := events.EncodeFile(&c.event, c.changes)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"version":1}`))
	f.Add([]byte(`{"version":2}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := events.DecodeFile(data)
		if err != nil {
			if _, ok := err.(*events.MalformedError); !ok {
				t.Errorf("error of type %T: %v", err, err)
			}
			return
		}
		e := events.Event{
			ID: file.ID, Delivery: file.Delivery, Vendor: file.Vendor, Name: file.Event, Filter: file.Filter,
			Kind: file.EventType, Repository: file.Repository, Ref: file.Ref, Branch: file.Branch, Tag: file.Tag,
			SHA: file.SHA, Before: file.Before, BaseRef: file.BaseRef, BaseSHA: file.BaseSHA, PullRequest: file.PRNumber,
			Sender: file.Sender, Trusted: file.Trusted, ReceivedAt: file.ReceivedAt, Payload: file.Payload,
			OccurredAt: file.OccurredAt, Cause: file.Cause, Depth: file.Depth,
		}
		again, err := events.EncodeFile(&e, file.Changes)
		if err != nil {
			t.Fatalf("a file that was read cannot be written: %v", err)
		}
		reread, err := events.DecodeFile(again)
		if err != nil {
			t.Fatalf("a file that was written cannot be read: %v\n%s", err, again)
		}
		// The zone is not kept, only the instant.
		file.ReceivedAt, file.OccurredAt, file.Version = file.ReceivedAt.UTC(), file.OccurredAt.UTC(), events.FileVersion
		if diff := cmp.Diff(file, reread); diff != "" {
			t.Errorf("file (-first +second):\n%s", diff)
		}
	})
}
