package converge

import (
	"context"
	"fmt"
	"slices"

	"github.com/franela/pocketci/internal/converge/apply"
	"github.com/franela/pocketci/internal/converge/pattern"
)

// Preview says for each source what a run of its present pattern would change.
func (p *Process) Preview(ctx context.Context) (map[string]Reply, error) {
	dry := p.DryRun
	p.DryRun = true
	defer func() { p.DryRun = dry }()
	return p.Once(ctx)
}

// Remove takes back everything that is in effect of a source.
func (p *Process) Remove(ctx context.Context, name string) (reply Reply, err error) {
	s, err := p.named(name)
	if err != nil {
		return Reply{}, err
	}
	p.begin(ctx, ctx)
	const file = "nothing.yaml"
	nothing := &candidate{
		files:   pattern.Files{Entrypoint: file, Files: map[string]string{file: "commands: []\n"}},
		pattern: &pattern.Pattern{File: file},
	}
	err = s.exclusive(ctx, func() error {
		reply, err = s.run(nothing, trigger{kind: triggerLocal})
		return err
	})
	reply.empty()
	return reply, err
}

// Forget has a command of a source count as gone without removing it: what its remove
// cannot take back any more somebody has seen to.
func (p *Process) Forget(ctx context.Context, name, id string) error {
	s, err := p.named(name)
	if err != nil {
		return err
	}
	return s.exclusive(ctx, func() error {
		state, err := s.journal.Load()
		if err != nil {
			return err
		}
		is := func(e apply.Entry) bool { return e.ID == id }
		if !slices.ContainsFunc(state.Applied, is) && !slices.ContainsFunc(state.Leaving, is) {
			return fmt.Errorf("the source %s has no command %q in effect", name, id)
		}
		state.Applied = slices.DeleteFunc(state.Applied, is)
		state.Leaving = slices.DeleteFunc(state.Leaving, is)
		delete(state.Pending, id)
		return s.journal.Save(state)
	})
}

// States returns what is kept of each source by its name.
func (p *Process) States() (map[string]*apply.State, error) {
	states := map[string]*apply.State{}
	for _, s := range p.sources {
		state, err := s.journal.Load()
		if err != nil {
			return nil, fmt.Errorf("source %s: %w", s.conf.Name, err)
		}
		states[s.conf.Name] = state
	}
	return states, nil
}

func (p *Process) named(name string) (*source, error) {
	if s := p.source(name); s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("there is no source %q", name)
}
