package mirror

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/git"
)

// want is one commit that an event needs.
type want struct {
	// sha is what the event names. The object may be a tag.
	sha string
	// refs are where the commit is when there is no sha, and where it may be
	// found on servers that serve no commit by its sha.
	refs []string
	// optional says that the event can do without.
	optional bool
	// fork is where the sha may be if the repository itself does not have it,
	// below forkRef, and nil for nowhere.
	fork    *remote
	forkRef string
	// got is the object that was fetched, empty if it cannot be had.
	got string
	// commit is got without the tags around it.
	commit string
}

// need is everything that an event needs.
type need struct {
	head, before, base, standard *want
}

func (n *need) all() []*want {
	var all []*want
	for _, w := range []*want{n.head, n.before, n.base, n.standard} {
		if w != nil {
			all = append(all, w)
		}
	}
	return all
}

// needOf reads from an event which commits it needs. Refs and shas come from
// outside; those that are not what they should be are an error.
func needOf(ev *events.Event) (*need, error) {
	for _, sha := range []*string{&ev.SHA, &ev.Before, &ev.BaseSHA} {
		if s := strings.Trim(*sha, "0"); s != "" && !shaPattern.MatchString(*sha) {
			return nil, fmt.Errorf("%q is not a full SHA-1", printable(*sha))
		}
	}
	for _, ref := range []string{ev.Ref, branchRef(ev.Branch), branchRef(ev.BaseRef), branchRef(ev.Repository.DefaultBranch)} {
		if ref != "" && !validRef(ref) {
			return nil, fmt.Errorf("%q is not a ref", printable(ref))
		}
	}
	n := &need{head: &want{sha: given(ev.SHA)}}
	for _, ref := range []string{ev.Ref, pullRef(ev), branchRef(ev.Branch)} {
		if ref != "" && !slices.Contains(n.head.refs, ref) && (ev.Fork == "" || !strings.HasPrefix(ref, "refs/heads/")) {
			n.head.refs = append(n.head.refs, ref)
		}
	}
	switch {
	case n.head.sha != "" || len(n.head.refs) > 0:
	case ev.Fork != "":
		// Never the default branch in the place of what a fork has.
		return nil, fmt.Errorf("the commit of the fork %q is not known", printable(ev.Fork))
	default:
		n.head.refs = standardBranch(ev).refs
	}
	switch {
	case ev.Name == events.NamePullRequest && (given(ev.BaseSHA) != "" || ev.BaseRef != ""):
		n.base = &want{sha: given(ev.BaseSHA), optional: true}
		if ev.BaseRef != "" {
			n.base.refs = []string{branchRef(ev.BaseRef)}
		}
	case !ev.Trusted && ev.Vendor != events.VendorWebhook && !ev.IsPush() && (given(ev.SHA) != "" || ev.Ref != ""):
		// It may be a fork's commit, and the rules are the repository's own.
		n.base = standardBranch(ev)
		if ev.BaseRef != "" {
			n.base = &want{sha: given(ev.BaseSHA), refs: []string{branchRef(ev.BaseRef)}, optional: true}
		}
	case ev.IsPush() && given(ev.Before) != "":
		n.before = &want{sha: ev.Before, optional: true}
	case ev.IsPush() && !firstPush(ev):
		n.standard = standardBranch(ev)
	}
	return n, nil
}

func standardBranch(ev *events.Event) *want {
	if b := ev.Repository.DefaultBranch; b != "" {
		return &want{refs: []string{branchRef(b)}, optional: true}
	}
	return &want{refs: []string{"HEAD"}, optional: true}
}

// firstPush reports whether the event created the default branch.
func firstPush(ev *events.Event) bool {
	return given(ev.Before) == "" && ev.Branch != "" && ev.Branch == ev.Repository.DefaultBranch
}

// pullRef is where the forge keeps the head of a pull request, also one from
// a fork.
func pullRef(ev *events.Event) string {
	switch {
	case ev.PullRequest <= 0 || ev.Name != events.NamePullRequest:
		return ""
	case ev.Vendor == events.VendorGitlab:
		return fmt.Sprintf("refs/merge-requests/%d/head", ev.PullRequest)
	case ev.Vendor == events.VendorBitbucket:
		return "" // it keeps none
	}
	return fmt.Sprintf("refs/pull/%d/head", ev.PullRequest)
}

func branchRef(branch string) string {
	if branch == "" {
		return ""
	}
	return "refs/heads/" + branch
}

// given is sha, or empty where a forge writes zeros for none.
func given(sha string) string {
	if strings.Trim(sha, "0") == "" {
		return ""
	}
	return sha
}

// ensure gets the wanted objects into the mirror, all of those that are
// missing in one request if the server allows. It fails if one that is not
// optional cannot be had, with ErrCommit if the server does not have it.
func (mir *mirror) ensure(ctx context.Context, r *remote, wants []*want) error {
	if _, err := os.Stat(mir.dir); err == nil {
		if done, err := mir.have(ctx, wants); done || err != nil {
			return err
		}
	}
	s, release, err := mir.open(ctx, r)
	if err != nil {
		return err
	}
	defer release()
	if err := s.get(ctx, wants); err != nil {
		return err
	}
	s.maintain(ctx)
	return nil
}

// get is ensure for who holds the lock.
func (s *session) get(ctx context.Context, wants []*want) error {
	if done, err := s.have(ctx, wants); done || err != nil {
		return err
	}
	if s.remote.module != "" {
		return s.unpack(ctx, wants)
	}
	var missing []*want
	var refspecs []string
	for _, w := range wants {
		if w.got == "" {
			missing = append(missing, w)
			refspecs = append(refspecs, w.refspec())
		}
	}
	err := s.fetch(ctx, refspecs...)
	if err == nil {
		for _, w := range missing {
			if err := s.took(ctx, w); err != nil {
				return err
			}
		}
		return nil
	}
	if !errors.Is(err, git.ErrUnadvertised) {
		return err
	}
	for _, w := range missing {
		if err := s.search(ctx, w, len(missing) > 1); err != nil {
			return err
		}
	}
	return nil
}

// have looks for wanted shas that an earlier fetch got, and reports whether
// these are all. Only what a ref of ours holds counts, as it is complete.
func (mir *mirror) have(ctx context.Context, wants []*want) (bool, error) {
	args := []string{"for-each-ref", "--format=%(objectname) %(objecttype)"}
	none := len(args)
	for _, w := range wants {
		if w.sha != "" {
			args = append(args, keepCommits+w.sha)
		}
	}
	if len(args) == none {
		return false, nil
	}
	out, err := mir.git(args...).Run(ctx)
	if err != nil {
		return false, err
	}
	done := true
	for _, w := range wants {
		if w.sha != "" && bytes.Contains(out, []byte(w.sha+" ")) {
			w.got = w.sha
		}
		done = done && w.got != ""
	}
	return done, nil
}

func (w *want) refspec() string {
	if w.sha != "" {
		return w.sha + ":" + keepCommits + w.sha
	}
	return w.refs[0] + ":" + tip(w.refs[0])
}

// tip is where we keep the last known tip of a ref of the remote. Hashed, the
// refs a and a/b do not get into each other's way.
func tip(ref string) string {
	sum := sha256.Sum256([]byte(ref))
	return keepTips + hex.EncodeToString(sum[:10])
}

// took notes what a fetch of w.refspec brought.
func (s *session) took(ctx context.Context, w *want) error {
	if w.sha != "" {
		w.got = w.sha
		return nil
	}
	sha, err := s.git("rev-parse", "--verify", tip(w.refs[0])).Line(ctx)
	if err != nil {
		return err
	}
	w.got = sha
	return s.keep(ctx, sha)
}

func (s *session) keep(ctx context.Context, sha string) error {
	_, err := s.git("update-ref", keepCommits+sha, sha).Run(ctx)
	return err
}

// search gets one object that a common request did not bring: alone, then by
// the refs that may have it. The sha is what counts, not what a ref holds now.
func (s *session) search(ctx context.Context, w *want, alone bool) error {
	if alone {
		err := s.fetch(ctx, w.refspec())
		if err == nil {
			return s.took(ctx, w)
		}
		if !errors.Is(err, git.ErrUnadvertised) {
			return err
		}
	}
	if w.sha != "" && s.present(ctx, w.sha) {
		w.got = w.sha
		return s.keep(ctx, w.sha)
	}
	for _, ref := range w.refs {
		err := s.fetch(ctx, ref+":"+tip(ref))
		if errors.Is(err, git.ErrUnadvertised) {
			continue
		}
		if err != nil {
			return err
		}
		if w.sha == "" {
			w.refs = []string{ref}
			return s.took(ctx, w)
		}
		if s.present(ctx, w.sha) {
			w.got = w.sha
			return s.keep(ctx, w.sha)
		}
	}
	if w.sha != "" && w.fork != nil {
		if found, err := s.fromFork(ctx, w); found || err != nil {
			return err
		}
	}
	if w.optional {
		return nil
	}
	detail := "the server does not have " + strings.Join(w.refs, ", ")
	if w.sha != "" {
		detail = "the server does not have " + w.sha
		if len(w.refs) > 0 {
			detail += ", nor is it in " + strings.Join(w.refs, ", ")
		}
	}
	return &Error{Kind: ErrCommit, Host: s.remote.host, Repository: s.remote.name, Detail: detail}
}

// fromFork gets a commit from the fork that it is of, with the login of the server
// and, if that is not good for other people's repositories, without any.
func (s *session) fromFork(ctx context.Context, w *want) (bool, error) {
	open := *w.fork
	open.login, open.trusted = nil, false
	for _, r := range []*remote{w.fork, &open} {
		fork := &session{mirror: s.mirror, remote: r, file: s.file}
		err := fork.fetch(ctx, w.refspec())
		if err == nil {
			w.got = w.sha
			return true, nil
		}
		if errors.Is(err, git.ErrUnadvertised) && w.forkRef != "" {
			if err = fork.fetch(ctx, w.forkRef+":"+tip(r.url+" "+w.forkRef)); err == nil && s.present(ctx, w.sha) {
				w.got = w.sha
				return true, s.keep(ctx, w.sha)
			}
		}
		switch {
		case ctx.Err() != nil, errors.Is(err, ErrUnavailable):
			return false, err
		case !errors.Is(err, ErrAuth) && !errors.Is(err, ErrNotFound):
			return false, nil
		}
	}
	return false, nil
}

func (s *session) present(ctx context.Context, sha string) bool {
	_, err := s.git("cat-file", "-e", sha).Run(ctx)
	return err == nil
}
