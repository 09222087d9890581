package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"dagger.io/dagger"

	"github.com/franela/pocketci/modules"
)

// Run is what a session is opened for: one module of one repository at one
// commit, reacting to one event.
type Run struct {
	// Tree has the module, Source is what its functions get as src: Tree as
	// well if it is the zero Tree.
	Tree, Source modules.Tree
	// Context is what arguments with a default path take their files from: Source
	// as well if it is the zero Tree. For a module of another repository it is
	// that repository, which is all that such a path can mean.
	Context modules.Tree
	// Module is the module's path in the tree.
	Module string
	// Event is the content of the event file.
	Event []byte
	// Secret looks up a reference (env://NAME) when the first call needs it.
	// Values go to the engine alone: they are in no query, log or error.
	Secret func(ctx context.Context, ref string) (string, error)
}

// Session is a connection to the engine in which one module is served. What
// its calls share, such as the repository's tree, is made once, by the first
// call that needs it. Calls may run in parallel.
type Session struct {
	link   *link
	run    Run
	schema *schema
	traces *traces

	// ctx ends with the session; what calls share is made under it, so that
	// a call that is cancelled does not take it away from the others.
	ctx    context.Context
	cancel context.CancelCauseFunc
	calls  sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	objects map[string]*shared // by what they are
}

// Open starts a session and loads the run's module into it. The errors are
// those of [Engine.Load].
func (e *Engine) Open(ctx context.Context, run Run) (*Session, error) {
	if run.Source.FS == nil {
		run.Source = run.Tree
	}
	if run.Context.FS == nil {
		run.Context = run.Source
	}
	a, err := assemble(ctx, run.Tree.FS, run.Module, run.Tree.Dir != "")
	if err != nil {
		return nil, err
	}
	key, err := e.key(ctx, a, run.Tree)
	if err != nil {
		return nil, err
	}
	collector, err := e.collector()
	if err != nil {
		return nil, err
	}
	traces := collector.register()
	link, err := e.connect(ctx, run.Tree, traces.env())
	if err != nil {
		traces.close()
		return nil, err
	}
	schema, err := link.load(ctx, a, key)
	if err != nil {
		link.Close()
		traces.close()
		return nil, err
	}
	s := &Session{
		link: link, run: run, schema: schema, traces: traces,
		objects: map[string]*shared{},
	}
	s.ctx, s.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	return s, nil
}

// Module describes the module that the session serves. It is shared and must
// not be changed.
func (s *Session) Module() *modules.Module { return &s.schema.Module }

// EngineVersion is the version of the engine that the session runs on.
func (s *Session) EngineVersion() string { return s.link.version }

// Close cancels the calls that still run, waits for them and ends the session
// with everything that it runs on the engine. It takes seconds at most.
func (s *Session) Close() error {
	s.mu.Lock()
	closed := s.closed
	s.closed = true
	s.mu.Unlock()
	if closed {
		return nil
	}
	s.cancel(ErrClosed)
	s.calls.Wait()
	s.link.Close()
	s.traces.close()
	return nil
}

// begin registers a call and ties its context to the session's life.
func (s *Session) begin(ctx context.Context) (context.Context, func(), error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, ErrClosed
	}
	s.calls.Add(1)
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(s.ctx, func() { cancel(ErrClosed) })
	return ctx, func() {
		stop()
		cancel(nil)
		s.calls.Done()
	}, nil
}

// shared is an object of the session that is made once.
type shared struct {
	done chan struct{}
	id   dagger.ID
	err  error
}

// once makes the object called what unless a call did so before, and waits for
// it.
func (s *Session) once(ctx context.Context, what string, create func(context.Context) (dagger.ID, error)) (dagger.ID, error) {
	s.mu.Lock()
	object := s.objects[what]
	if object == nil {
		object = &shared{done: make(chan struct{})}
		s.objects[what] = object
		go func() {
			defer close(object.done)
			defer func() {
				if r := recover(); r != nil {
					s.link.engine.cfg.Log.Error("panic while an object of a session was made", "object", what, "panic", r, "stack", string(debug.Stack()))
					object.err = fmt.Errorf("make %s: panic: %v", what, r)
				}
			}()
			object.id, object.err = create(s.ctx)
		}()
	}
	s.mu.Unlock()
	select {
	case <-object.done:
		return object.id, object.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// source gives the repository's tree as a Directory.
func (s *Session) source(ctx context.Context, git bool) (dagger.ID, error) {
	return s.directory(ctx, s.run.Source, git)
}

// directory gives a tree as a Directory.
func (s *Session) directory(ctx context.Context, tree modules.Tree, git bool) (dagger.ID, error) {
	return s.once(ctx, fmt.Sprintf("tree %s %s %s %t", tree.Dir, tree.GitDir, tree.Commit, git), func(ctx context.Context) (dagger.ID, error) {
		id, err := s.uploadSource(ctx, tree, git)
		if err != nil {
			return "", fmt.Errorf("upload the repository: %w", err)
		}
		return id, nil
	})
}

// eventFile gives the event file as a File.
func (s *Session) eventFile(ctx context.Context) (dagger.ID, error) {
	return s.once(ctx, "event", func(ctx context.Context) (dagger.ID, error) {
		// Given as a variable, so that the payload is in no query text.
		var data struct{ File struct{ ID dagger.ID } }
		err := s.link.client.Do(ctx, &dagger.Request{
			Query:     `query($contents: String!) { file(name: "event.json", contents: $contents) { id } }`,
			Variables: map[string]any{"contents": string(s.run.Event)},
		}, &dagger.Response{Data: &data})
		if err != nil {
			return "", fmt.Errorf("upload the event file: %w", s.link.classify(ctx, err))
		}
		return data.File.ID, nil
	})
}

// secret gives the value behind a reference as a Secret.
func (s *Session) secret(ctx context.Context, ref string) (dagger.ID, error) {
	return s.once(ctx, "secret "+ref, func(ctx context.Context) (dagger.ID, error) {
		if s.run.Secret == nil {
			return "", errors.New("no secrets are available to this run")
		}
		value, err := s.run.Secret(ctx, ref)
		if err != nil {
			return "", fmt.Errorf("look up secret %s: %w", ref, err)
		}
		// A variable again: the query's text may be logged, this may not.
		var data struct{ SetSecret struct{ ID dagger.ID } }
		err = s.link.client.Do(ctx, &dagger.Request{
			Query:     `query($name: String!, $value: String!) { setSecret(name: $name, plaintext: $value) { id } }`,
			Variables: map[string]any{"name": s.link.engine.names.name(ref, value), "value": value},
		}, &dagger.Response{Data: &data})
		if err != nil {
			return "", fmt.Errorf("hand secret %s to the engine: %w", ref, s.link.classify(ctx, err))
		}
		return data.SetSecret.ID, nil
	})
}
