package mirror

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/git"
	"github.com/franela/pocketci/modules"
)

func (mir *mirror) snapshot(ctx context.Context, ev *events.Event, r *remote) (*Snapshot, error) {
	n, err := needOf(ev)
	if err != nil {
		return nil, &Error{Kind: ErrCommit, Host: r.host, Repository: r.name, Detail: err.Error()}
	}
	if n.head.fork = mir.set.forkOf(ev); n.head.fork != nil {
		n.head.forkRef = branchRef(ev.Branch)
	}
	if err := mir.ensure(ctx, r, n.all()); err != nil {
		return nil, mir.fail(ctx, r, err)
	}
	if n.before != nil && n.before.got == "" {
		// A forced push whose old commits are gone.
		n.standard = standardBranch(ev)
		if err := mir.ensure(ctx, r, []*want{n.standard}); err != nil {
			return nil, mir.fail(ctx, r, err)
		}
	}
	if err := mir.peel(ctx, n); err != nil {
		return nil, mir.fail(ctx, r, err)
	}
	if n.head.commit == "" {
		return nil, &Error{Kind: ErrCommit, Host: r.host, Repository: r.name, Detail: n.head.got + " is not a commit"}
	}
	start := time.Now()
	changes, err := n.changes(ctx, ev, mir.git)
	if err != nil {
		return nil, mir.fail(ctx, r, err)
	}
	mir.set.log.Debug("listed the changes", "phase", "diff", "repository", r.name, "files", len(changes.Files),
		"unknown", changes.Unknown, "duration", time.Since(start))
	snap := &Snapshot{SHA: n.head.commit, Tree: mir.tree(n.head.commit), Changes: changes}
	if ev.IsPush() || ev.Name == events.NamePullRequest {
		if snap.Message, err = message(ctx, mir.git, n.head.commit); err != nil {
			return nil, mir.fail(ctx, r, err)
		}
	}
	if n.base != nil && n.base.commit != "" {
		base := mir.tree(n.base.commit)
		snap.Base = &base
	}
	if r.module != "" {
		return snap, nil // it has neither branches nor tags
	}
	snap.refs = once(func(ctx context.Context) (Refs, error) {
		s := &session{mirror: mir, remote: r}
		out, err := s.talk(ctx, []string{"ls-remote", "--quiet", "--heads", "--tags", "--refs", "--", r.url})
		if err != nil {
			return Refs{}, err
		}
		return parseRefs(string(out)), nil
	})
	return snap, nil
}

// message returns the message of a commit.
func message(ctx context.Context, command func(args ...string) git.Command, commit string) (string, error) {
	out, err := command("log", "-1", "--no-show-signature", "--encoding=UTF-8", "--format=%B", "--end-of-options", commit).Run(ctx)
	return string(out), err
}

// peel finds the commits of what was got.
func (mir *mirror) peel(ctx context.Context, n *need) error {
	var in strings.Builder
	var peeled []*want
	for _, w := range n.all() {
		if w.got != "" {
			fmt.Fprintf(&in, "%s^{commit}\n%s^{tree}\n", w.got, w.got)
			peeled = append(peeled, w)
		}
	}
	cmd := mir.git("cat-file", "--batch-check=%(objecttype) %(objectname)")
	cmd.Stdin = strings.NewReader(in.String())
	out, err := cmd.Run(ctx)
	if err != nil {
		return err
	}
	lines := strings.Split(string(out), "\n")
	if len(lines) < 2*len(peeled) {
		return fmt.Errorf("git cat-file: %d lines for %d objects", len(lines), 2*len(peeled))
	}
	for i, w := range peeled {
		sha, isCommit := strings.CutPrefix(lines[2*i], "commit ")
		if !isCommit {
			continue
		}
		if !strings.HasPrefix(lines[2*i+1], "tree ") {
			return fmt.Errorf("tree of %s cannot be read", sha)
		}
		w.commit = sha
	}
	return nil
}

// tree gives the files of a commit that the mirror holds.
func (mir *mirror) tree(commit string) modules.Tree {
	return modules.Tree{FS: newTreeFS(mir.objects(), commit), GitDir: mir.dir, Commit: commit}
}

// parseRefs reads the output of ls-remote and for-each-ref.
func parseRefs(out string) Refs {
	var refs Refs
	for line := range strings.Lines(out) {
		_, ref, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if name, ok := strings.CutPrefix(ref, "refs/heads/"); ok {
			refs.Branches = append(refs.Branches, name)
		} else if name, ok := strings.CutPrefix(ref, "refs/tags/"); ok {
			refs.Tags = append(refs.Tags, name)
		}
	}
	return refs
}

// once keeps the first answer without an error. Calls wait for each other.
func once(ask func(context.Context) (Refs, error)) func(context.Context) (Refs, error) {
	var mu sync.Mutex
	var answer *Refs
	return func(ctx context.Context) (Refs, error) {
		mu.Lock()
		defer mu.Unlock()
		if answer == nil {
			refs, err := ask(ctx)
			if err != nil {
				return Refs{}, err
			}
			answer = &refs
		}
		return *answer, nil
	}
}
