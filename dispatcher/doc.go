// Package dispatcher decides which functions an event calls, and calls them.
//
// [Match] is the decision itself, a pure function of an event, the changed
// files, the configuration and a module's functions. A [Planner] gathers what
// Match needs and answers with a [Plan]: the calls, the invalid calls, and for
// every function that is not called the reason. A [Dispatcher] makes a plan's
// calls in parallel.
//
// The package knows no HTTP, no SQL and no Dagger client; it reaches modules
// and engines through the small interfaces that stand beside their use.
package dispatcher
