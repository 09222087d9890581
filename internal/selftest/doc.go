// Package selftest holds the tests in which pocketci is its own user: its own
// command line plans its own Dagger module, ci/, which really lints.
package selftest
