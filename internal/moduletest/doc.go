// Package moduletest tests the module in pocketci-module as a user has it: on
// the real engine, from modules in several SDKs, and with the event files that
// pocketci writes. What needs no engine is tested in the module itself.
//
// It has tests only.
package moduletest
