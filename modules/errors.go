package modules

import "errors"

// What an error of loading or calling says about whose fault it is. Exactly
// one of them is in the chain of every such error that is not the context's.
var (
	// ErrUnavailable says nothing about the module or the call: the engine
	// could not be reached or went away. The same work may succeed later.
	ErrUnavailable = errors.New("dagger engine is unavailable")
	// ErrModule says that a module cannot be loaded because of what is in it.
	ErrModule = errors.New("module cannot be loaded")
	// ErrArgument says that a value cannot be given to an argument, so that
	// the function was not called.
	ErrArgument = errors.New("argument cannot be passed")
	// ErrFunction says that a function was called and failed.
	ErrFunction = errors.New("function failed")
)
