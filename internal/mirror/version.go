package mirror

import (
	"context"
	"path"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/modules"
)

// Module fetches the repository that a reference names, unless the commit that it
// asks for is there already, and returns the tree of that commit. A version that
// is a commit in full is that commit; every other is the tag of that name, as Go's
// modules have it: the one that begins with the module's folder before the one
// that does not, else the branch. Tags and branches are what they are now.
//
// Schemes, credentials and hosts are those of [New]. What a reference without a
// vendor may have is decided by the hosts that are named, and by nothing else. All
// errors but the context's are *Error.
func (m *Mirrors) Module(ctx context.Context, ref modules.Remote) (modules.Tree, error) {
	r, err := m.remote(&events.Repository{FullName: ref.Repository, CloneURL: ref.CloneURL()}, "")
	if err != nil {
		return modules.Tree{}, err
	}
	var tree modules.Tree
	err = m.mirror(r).try(ctx, func(mir *mirror) (err error) {
		tree, err = mir.version(ctx, r, ref)
		return err
	})
	return tree, err
}

// version gets the commit that a reference asks for.
func (mir *mirror) version(ctx context.Context, r *remote, ref modules.Remote) (modules.Tree, error) {
	w := &want{}
	if ref.IsCommit() {
		w.sha = ref.Version
	} else {
		if ref.Path != "." {
			w.refs = append(w.refs, "refs/tags/"+path.Join(ref.Path, ref.Version))
		}
		w.refs = append(w.refs, "refs/tags/"+ref.Version, "refs/heads/"+ref.Version)
	}
	for _, name := range w.refs {
		if !validRef(name) {
			return modules.Tree{}, &Error{Kind: ErrCommit, Host: r.host, Repository: r.name, Detail: printable(name) + " is not a ref"}
		}
	}
	if err := mir.ensure(ctx, r, []*want{w}); err != nil {
		return modules.Tree{}, mir.fail(ctx, r, err)
	}
	if err := mir.peel(ctx, &need{head: w}); err != nil {
		return modules.Tree{}, mir.fail(ctx, r, err)
	}
	if w.commit == "" {
		return modules.Tree{}, &Error{Kind: ErrCommit, Host: r.host, Repository: r.name, Detail: w.got + " is not a commit"}
	}
	return mir.tree(w.commit), nil
}
