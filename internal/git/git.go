// Package git runs the git command line program so that it does what it is told
// and nothing else: without the configuration of the machine, without programs that
// a repository chose, without asking anybody, and with credentials that appear in
// no argument, no file and no URL.
package git
