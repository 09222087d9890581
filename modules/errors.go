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

// WholeError says that a module's source is the whole repository, so that its files
// cannot be told from those that it works on.
type WholeError struct {
	// Module is the path of the module, Part that of its local dependency
	// whose source it is, which may be the module itself.
	Module, Part string
}

func (e *WholeError) Error() string {
	return "the source of module " + e.Part + " is the whole repository, so that the rules of other people's changes cannot be told from the changes; move the module into a folder, or its source with \"source\" in dagger.json"
}
