// Package e2e holds the end-to-end tests: a real agent process that is sent
// real signed webhooks, clones from a real git server over smart HTTP and calls
// functions on a real Dagger engine. There is no code here but tests.
package e2e
