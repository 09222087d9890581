// Package predicate decides whether what a JSON document says fulfils a
// condition. A [Filter] names one value of the document by a JSON Pointer (RFC
// 6901) and says what must hold for it.
//
// A filter is compiled when it is read, by whichever way it comes: there is no
// filter that could be loaded and not be ready. The zero Filter is fulfilled by
// nothing.
//
// What is not there is no value, so that it is not equal to anything and matches
// nothing: is-equal-to and matches do not hold for it, is-not-equal-to and
// does-not-match do.
package predicate
