package mirror_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/gittest"
	"github.com/franela/pocketci/internal/mirror"
)

func TestChanges(t *testing.T) {
	missing := strings.Repeat("12", 20)
	tests := map[string]struct {
		// build makes the history and returns the event.
		build func(s *setup) *events.Event
		want  mirror.Changes
		// old servers serve no sha that is not the tip of a ref; skipOld
		// marks what cannot work with them.
		skipOld bool
	}{
		"a push is before to after": {
			build: func(s *setup) *events.Event {
				before := s.repo.Commit("main", "1", gittest.Write("a", "1"), gittest.Write("b", "1"))
				s.repo.Commit("main", "2", gittest.Write("a", "2"))
				return s.push("main", before, s.repo.Commit("main", "3", gittest.Write("c", "1")))
			},
			want: mirror.Changes{Files: []string{"a", "c"}},
		},
		"a pull request is merge base to head": {
			build: func(s *setup) *events.Event {
				fork := s.repo.Commit("main", "1", gittest.Write("a", "1"), gittest.Write("b", "1"))
				s.repo.Branch("topic", fork)
				head := s.repo.Commit("topic", "2", gittest.Write("topic", "1"))
				s.repo.Branch("refs/pull/1/head", head)
				return s.pull(s.repo.Commit("main", "3", gittest.Write("a", "2")), head)
			},
			want: mirror.Changes{Files: []string{"topic"}},
		},
		"a pull request that has merged its base": {
			build: func(s *setup) *events.Event {
				fork := s.repo.Commit("main", "1", gittest.Write("a", "1"))
				s.repo.Branch("topic", fork)
				s.repo.Commit("topic", "2", gittest.Write("topic", "1"))
				base := s.repo.Commit("main", "3", gittest.Write("a", "2"))
				head := s.repo.Merge("topic", "merge", []string{base}, gittest.Write("a", "2"))
				s.repo.Branch("refs/pull/1/head", head)
				return s.pull(base, head)
			},
			want: mirror.Changes{Files: []string{"topic"}},
		},
		"a pull request that is merged already": {
			build: func(s *setup) *events.Event {
				head := s.repo.Commit("main", "1", gittest.Write("a", "1"))
				return s.pull(s.repo.Commit("main", "2", gittest.Write("a", "2")), head)
			},
			want: mirror.Changes{Unknown: "the base already has "},
		},
		"a pull request whose base is gone": {
			build: func(s *setup) *events.Event {
				return s.pull(missing, s.repo.Commit("main", "1", gittest.Write("a", "1")))
			},
			want: mirror.Changes{Unknown: "the base " + missing[:12] + " cannot be fetched"},
		},
		"a pull request without common history": {
			build: func(s *setup) *events.Event {
				base := s.repo.Commit("main", "1", gittest.Write("a", "1"))
				return s.pull(base, s.repo.Commit("refs/pull/1/head", "other", gittest.Write("b", "1")))
			},
			want: mirror.Changes{Unknown: " and the base have no common history"},
		},
		"a pull request from a fork": {
			build: func(s *setup) *events.Event {
				base := s.repo.Commit("main", "1", gittest.Write("a", "1"))
				s.repo.Branch("refs/pull/1/head", base)
				ev := s.pull(base, s.repo.Commit("refs/pull/1/head", "2", gittest.Write("fork", "1")))
				ev.Fork, ev.Branch = "stranger/shop", "main"
				return ev
			},
			want: mirror.Changes{Files: []string{"fork"}},
		},
		"a forced push is merge base to after": {
			build: func(s *setup) *events.Event {
				fork := s.repo.Commit("main", "1", gittest.Write("a", "1"))
				s.repo.Branch("topic", fork)
				before := s.repo.Commit("topic", "2", gittest.Write("old", "1"))
				s.repo.Branch("topic", fork)
				ev := s.push("topic", before, s.repo.Commit("topic", "3", gittest.Write("new", "1")))
				ev.Forced = true
				return ev
			},
			want:    mirror.Changes{Files: []string{"new"}},
			skipOld: true,
		},
		"a forced push whose old commits are gone is compared with the default branch": {
			build: func(s *setup) *events.Event {
				fork := s.repo.Commit("main", "1", gittest.Write("a", "1"))
				s.repo.Branch("topic", fork)
				before := s.repo.Commit("topic", "2", gittest.Write("old", "1"))
				s.repo.Branch("topic", fork)
				s.repo.Commit("topic", "3", gittest.Write("new", "1"))
				after := s.repo.Commit("topic", "4", gittest.Write("newer", "1"))
				s.repo.Prune()
				ev := s.push("topic", before, after)
				ev.Forced = true
				return ev
			},
			want: mirror.Changes{Files: []string{"new", "newer"}},
		},
		"a forced push of the default branch whose old commits are gone": {
			build: func(s *setup) *events.Event {
				ev := s.push("main", missing, s.repo.Commit("main", "1", gittest.Write("a", "1")))
				ev.Forced = true
				return ev
			},
			want: mirror.Changes{Unknown: "the default branch already has "},
		},
		"a forced push back to an older commit": {
			build: func(s *setup) *events.Event {
				after := s.repo.Commit("topic", "1", gittest.Write("a", "1"))
				before := s.repo.Commit("topic", "2", gittest.Write("a", "2"))
				s.repo.Branch("topic", after)
				s.repo.Branch("keep", before)
				return s.push("topic", before, after)
			},
			want:    mirror.Changes{Unknown: "the commit before the push already has "},
			skipOld: true,
		},
		"a new branch is compared with the default branch": {
			build: func(s *setup) *events.Event {
				fork := s.repo.Commit("main", "1", gittest.Write("a", "1"))
				s.repo.Branch("topic", fork)
				s.repo.Commit("main", "2", gittest.Write("a", "2"))
				s.repo.Commit("topic", "3", gittest.Write("x", "1"))
				return s.push("topic", "", s.repo.Commit("topic", "4", gittest.Write("y", "1")))
			},
			want: mirror.Changes{Files: []string{"x", "y"}},
		},
		"a new branch that is merged already": {
			build: func(s *setup) *events.Event {
				sha := s.repo.Commit("main", "1", gittest.Write("a", "1"))
				s.repo.Commit("main", "2", gittest.Write("a", "2"))
				s.repo.Branch("topic", sha)
				return s.push("topic", strings.Repeat("0", 40), sha)
			},
			want: mirror.Changes{Unknown: "the default branch already has "},
		},
		"a new branch where the default branch does not exist": {
			build: func(s *setup) *events.Event {
				return s.push("topic", "", s.repo.Commit("topic", "1", gittest.Write("a", "1")))
			},
			want: mirror.Changes{Unknown: "the default branch cannot be fetched"},
		},
		"the first push of the default branch is everything": {
			build: func(s *setup) *events.Event {
				s.repo.Commit("main", "1", gittest.Write("a", "1"))
				return s.push("main", "", s.repo.Commit("main", "2", gittest.Write("dir/b", "1")))
			},
			want: mirror.Changes{Files: []string{"a", "dir/b"}},
		},
		"deletes": {
			build: func(s *setup) *events.Event {
				before := s.repo.Commit("main", "1", gittest.Write("a", "1"), gittest.Write("d/x", "1"), gittest.Write("d/y", "1"), gittest.Write("keep", "1"))
				return s.push("main", before, s.repo.Commit("main", "2", gittest.Delete("a"), gittest.Delete("d")))
			},
			want: mirror.Changes{Files: []string{"a", "d/x", "d/y"}},
		},
		"both names of renames": {
			build: func(s *setup) *events.Event {
				before := s.repo.Commit("main", "1", gittest.Write("a", strings.Repeat("line\n", 50)))
				return s.push("main", before, s.repo.Commit("main", "2", gittest.Rename("a", "sub/b")))
			},
			want: mirror.Changes{Files: []string{"a", "sub/b"}},
		},
		"mode changes": {
			build: func(s *setup) *events.Event {
				before := s.repo.Commit("main", "1", gittest.Write("a", "1"), gittest.Write("b", "1"))
				return s.push("main", before, s.repo.Commit("main", "2", gittest.Executable("a", "1")))
			},
			want: mirror.Changes{Files: []string{"a"}},
		},
		"a file becomes a link and another a folder": {
			build: func(s *setup) *events.Event {
				before := s.repo.Commit("main", "1", gittest.Write("a", "1"), gittest.Write("b", "1"))
				return s.push("main", before, s.repo.Commit("main", "2", gittest.Symlink("a", "b"), gittest.Delete("b"), gittest.Write("b/c", "1")))
			},
			want: mirror.Changes{Files: []string{"a", "b", "b/c"}},
		},
		"submodules": {
			build: func(s *setup) *events.Event {
				before := s.repo.Commit("main", "1", gittest.Write("a", "1"), gittest.Submodule("vendor/x", missing))
				return s.push("main", before, s.repo.Commit("main", "2", gittest.Submodule("vendor/x", strings.Repeat("34", 20)), gittest.Submodule("new", missing)))
			},
			want: mirror.Changes{Files: []string{"new", "vendor/x"}},
		},
		"names with spaces, commas, newlines, quotes and other letters": {
			build: func(s *setup) *events.Event {
				before := s.repo.Commit("main", "1", gittest.Write("a", "1"))
				return s.push("main", before, s.repo.Commit("main", "2",
					gittest.Write("two words", "1"), gittest.Write("a,b", "1"), gittest.Write("new\nline", "1"),
					gittest.Write("größe/日本", "1"), gittest.Write(`q"u\o`, "1"), gittest.Write(" lead", "1"), gittest.Write("-n", "1")))
			},
			want: mirror.Changes{Files: []string{" lead", "-n", "a,b", "größe/日本", "new\nline", `q"u\o`, "two words"}},
		},
		"an empty commit changes nothing, which is known": {
			build: func(s *setup) *events.Event {
				before := s.repo.Commit("main", "1", gittest.Write("a", "1"))
				return s.push("main", before, s.repo.Commit("main", "2"))
			},
		},
		"a tag has no diff": {
			build: func(s *setup) *events.Event {
				sha := s.repo.Commit("main", "1", gittest.Write("a", "1"))
				s.repo.Tag("v1", sha)
				ev := s.event(events.NameTag)
				ev.Ref, ev.Tag, ev.SHA = "refs/tags/v1", "v1", sha
				return ev
			},
			want: mirror.Changes{Unknown: "tag events have no diff"},
		},
		"a comment has no diff": {
			build: func(s *setup) *events.Event {
				s.repo.Commit("main", "1", gittest.Write("a", "1"))
				ev := s.event("issue_comment")
				ev.PullRequest = 1
				return ev
			},
			want: mirror.Changes{Unknown: "issue_comment events have no diff"},
		},
	}
	for name, tt := range tests {
		for _, old := range []bool{false, true} {
			if old && tt.skipOld {
				continue
			}
			t.Run(fmt.Sprintf("%s/old=%v", name, old), func(t *testing.T) {
				t.Parallel()
				s := newSetup(t)
				if old {
					s.server.Old()
				}
				got := s.snapshot(tt.build(s)).Changes
				if tt.want.Unknown != "" && strings.Contains(got.Unknown, tt.want.Unknown) {
					got.Unknown = tt.want.Unknown
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("changes (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestFiveThousandChanges(t *testing.T) {
	s := newSetup(t)
	before := s.repo.Commit("main", "1", gittest.Write("a", "1"))
	var edits []gittest.Edit
	var want []string
	for i := range 5000 {
		name := fmt.Sprintf("dir%02d/file%04d", i/100, i)
		edits, want = append(edits, gittest.Write(name, name)), append(want, name)
	}
	got := s.snapshot(s.push("main", before, s.repo.Commit("main", "2", edits...))).Changes
	if diff := cmp.Diff(mirror.Changes{Files: want}, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}

func TestForcedPushAfterThePushBefore(t *testing.T) {
	// The server has lost the old commits, the mirror has not.
	s := newSetup(t)
	fork := s.repo.Commit("main", "1", gittest.Write("a", "1"))
	s.repo.Branch("topic", fork)
	before := s.repo.Commit("topic", "2", gittest.Write("old", "1"))
	s.snapshot(s.push("topic", "", before))
	s.repo.Branch("topic", before)
	s.repo.Branch("topic", fork)
	s.repo.Commit("main", "3", gittest.Write("a", "2"))
	after := s.repo.Commit("topic", "4", gittest.Write("new", "1"))
	s.repo.Prune()
	if diff := cmp.Diff(mirror.Changes{Files: []string{"new"}}, s.snapshot(s.push("topic", before, after)).Changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
}
