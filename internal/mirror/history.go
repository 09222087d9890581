package mirror

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/franela/pocketci/internal/git"
)

// checkoutWithGit makes dir/src a repository of its own that holds the commit,
// everything before it and the tags on that, with the commit checked out and
// no branch. Its remote has the clone URL, for tools that want to know where a
// repository comes from.
func (mir *mirror) checkoutWithGit(ctx context.Context, dir, old, commit string) error {
	if old != "" {
		if err := empty(dir); err != nil {
			return err
		}
	}
	src := filepath.Join(dir, "src")
	tags, err := mir.tags(ctx, commit)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(src, 0o755); err != nil {
		return err
	}
	if _, err := (git.Command{WorkTree: src, Args: []string{"init", "--quiet", "--template=", "."}}).Run(ctx); err != nil {
		return err
	}
	gitDir := filepath.Join(src, ".git")
	var revs, refs strings.Builder
	fmt.Fprintln(&revs, commit)
	for _, t := range tags {
		fmt.Fprintln(&revs, t.sha)
		fmt.Fprintf(&refs, "create %s\x00%s\x00", t.ref, t.sha)
	}
	pack := mir.git("pack-objects", "--quiet", "--revs", "--delta-base-offset", filepath.Join(gitDir, "objects", "pack", "pack"))
	pack.WorkTree, pack.Stdin = src, strings.NewReader(revs.String())
	if _, err := pack.Run(ctx); err != nil {
		return err
	}
	inside := func(stdin string, args ...string) error {
		_, err := git.Command{Dir: gitDir, WorkTree: src, Stdin: strings.NewReader(stdin), Args: args}.Run(ctx)
		return err
	}
	url, err := mir.git("config", "pocketci.url").Line(ctx)
	if err != nil {
		return err
	}
	if err := inside(refs.String(), "update-ref", "-z", "--stdin"); err != nil {
		return err
	}
	if err := inside("", "update-ref", "--no-deref", "HEAD", commit); err != nil {
		return err
	}
	if err := inside("", "config", "remote.origin.url", url); err != nil {
		return err
	}
	return inside("", "read-tree", "--reset", "-u", "HEAD")
}

// tag is one tag that the remote has.
type tag struct {
	ref, sha string
	// commit is what sha comes to without the tags around it.
	commit string
}

// tags gets those tags of the remote that a commit reaches. Tags that nobody
// needs are not fetched, nor what they hold.
func (mir *mirror) tags(ctx context.Context, commit string) ([]tag, error) {
	mir.mu.Lock()
	r := mir.remote
	mir.mu.Unlock()
	if r.module != "" {
		return nil, nil // it has none, and is on no server to ask
	}
	s, release, err := mir.open(ctx, r)
	if err != nil {
		return nil, err
	}
	defer release()
	out, err := s.talk(ctx, []string{"ls-remote", "--quiet", "--tags", "--", r.url})
	if err != nil {
		return nil, err
	}
	reached, err := s.git("rev-list", "--end-of-options", commit).Run(ctx)
	if err != nil {
		return nil, err
	}
	commits := map[string]bool{}
	for line := range bytes.Lines(reached) {
		commits[string(bytes.TrimSpace(line))] = true
	}
	var tags []tag
	for line := range strings.Lines(string(out)) {
		sha, ref, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if plain, peeled := strings.CutSuffix(ref, "^{}"); peeled {
			if n := len(tags); n > 0 && tags[n-1].ref == plain {
				tags[n-1].commit = sha
			}
			continue
		}
		if shaPattern.MatchString(sha) && validRef(ref) {
			tags = append(tags, tag{ref: ref, sha: sha, commit: sha})
		}
	}
	var found []tag
	var wants []*want
	for _, t := range tags {
		if !commits[t.commit] {
			continue
		}
		found = append(found, t)
		if t.sha != t.commit {
			wants = append(wants, &want{sha: t.sha, refs: []string{t.ref}})
		}
	}
	if len(wants) == 0 {
		return found, nil
	}
	return found, s.get(ctx, wants)
}
