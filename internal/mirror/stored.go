package mirror

import (
	"context"
	"errors"
	"fmt"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/bundle"
)

// ErrNoModule is the error of [Modules] for a module or version that there is not.
var ErrNoModule = errors.New("there is no such module, or no such version of it, any more")

// Modules has the files of modules that are stored in the agent. A module is asked for
// by its id, a version by the commit that [bundle.Commit] makes of it. Errors have
// [ErrNoModule] in their chain if there is none.
type Modules interface {
	// Version returns the commit of a version that is there, or that of the version
	// that is called now if sha is empty.
	Version(ctx context.Context, id, sha string) (string, error)
	// Archive returns the files of a version, as [bundle.Pack] wrote them.
	Archive(ctx context.Context, id, sha string) ([]byte, error)
}

// moduleHost is where the mirrors of stored modules lie, which is the name of no host.
const moduleHost = "_modules"

// storedModule is the remote of a module that is stored in the agent.
func (m *Mirrors) storedModule(repo *events.Repository, id string) (*remote, error) {
	name := printable(repo.FullName)
	if m.modules == nil {
		return nil, &Error{Kind: ErrURL, Repository: name, Detail: "there are no stored modules here"}
	}
	// A rename must not lead to another mirror.
	return &remote{url: repo.CloneURL, scheme: "module", host: moduleHost, name: id, module: id}, nil
}

// versioned gives an event of a stored module its commit. It is asked for each time,
// because nothing may be called of a module that was deleted, whatever a mirror has.
func (m *Mirrors) versioned(ctx context.Context, ev *events.Event, r *remote) (*events.Event, error) {
	sha, err := m.modules.Version(ctx, r.module, ev.SHA)
	switch {
	case errors.Is(err, ErrNoModule):
		return nil, &Error{Kind: ErrCommit, Repository: printable(ev.Repository.FullName), Detail: ErrNoModule.Error(), Err: err}
	case err != nil && ctx.Err() != nil:
		return nil, err
	case err != nil:
		return nil, &Error{Kind: ErrUnavailable, Repository: printable(ev.Repository.FullName), Detail: err.Error(), Err: err}
	}
	at := *ev
	at.SHA = sha
	return &at, nil
}

// unpack writes the commits that are wanted of a stored module, which are made of its
// files. It has no branches, so that what names no commit is not there.
func (s *session) unpack(ctx context.Context, wants []*want) error {
	for _, w := range wants {
		if w.got != "" {
			continue
		}
		err := ErrNoModule
		if w.sha != "" {
			err = s.unpackOne(ctx, w.sha)
		}
		switch {
		case err == nil:
			w.got = w.sha
		case !errors.Is(err, ErrNoModule):
			return err
		case !w.optional:
			return s.wrap(ErrCommit, err)
		}
	}
	return nil
}

func (s *session) unpackOne(ctx context.Context, sha string) error {
	archive, err := s.set.modules.Archive(ctx, s.remote.module, sha)
	if err != nil {
		return err
	}
	files, err := bundle.Unpack(archive)
	if err != nil {
		return err
	}
	made, err := bundle.Commit(s.dir, files)
	if err != nil {
		return err
	}
	if made != sha {
		return fmt.Errorf("the files of version %s of the module are those of %s", short(sha), short(made))
	}
	return s.keep(ctx, made)
}
