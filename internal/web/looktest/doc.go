// Package looktest holds the tests that look at every page in a real browser, over a
// real store and the real API: with nothing in the store, with one run, with a thousand,
// and with names as long and as hostile as they can be; light and dark, on a wide screen
// and on a telephone. What happens with a real engine is tested in internal/e2e.
//
// It has tests only. POCKETCI_SCREENSHOTS=DIR keeps pictures of all of that.
package looktest
