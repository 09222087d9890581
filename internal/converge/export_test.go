package converge

import (
	"context"
	"path/filepath"
)

// LoseJournal has a source's state on a disk that takes nothing until it is mended.
func (p *Process) LoseJournal(name string) (mend func()) {
	s := p.source(name)
	path := s.journal.Path
	s.journal.Path = filepath.Join(s.dir, "no such directory", "state.json")
	return func() { s.journal.Path = path }
}

// Pause is pause for its test.
var Pause = pause

// Pull has a source pull once.
func (p *Process) Pull(ctx context.Context, name string) (Reply, error) {
	return p.source(name).pull(ctx)
}

// Push has a source take a token.
func (p *Process) Push(ctx context.Context, name, token string) (Reply, error) {
	return p.source(name).accept(ctx, token, trigger{kind: triggerPush}, false)
}
