// Package engine is the Dagger side of pocketci: it opens sessions on a Dagger
// engine, loads modules into the plain types of package modules, calls their
// functions and reports what happens inside of a call step by step.
//
// An [Engine] is one runner. [Engine.Load] answers what functions a module
// has; an unchanged module is answered from a cache and needs no engine.
// [Engine.Open] starts a [Session], one per run and module and a new one per
// attempt, and [Session.Call] calls one function in it; calls of one session
// may run in parallel.
//
// Code that the engine runs belongs to other people. Therefore a session gets
// a new empty work directory and an environment of its own, and a module is
// never loaded from a path of the agent's host: a tree with nothing but the
// module, its local dependencies and declared includes is assembled and
// uploaded. Only for a tree of the user's own ([modules.Tree] with Dir) do the
// user's environment and .env files work as they do with dagger call.
package engine
