// Package doctest holds the documents to the code: links lead somewhere, examples
// are valid, every flag is described and none that does not exist, the tables
// of docs/matching.md are what the dispatcher does, and the first module of the
// README runs as it is written there.
//
// It has tests only.
package doctest
