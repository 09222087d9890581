// A module that gives something else whenever it really runs.
package main

import "crypto/rand"

type Ci struct{}

// Called for pushes to main and to release branches.
func (m *Ci) OnGithubPush(
	// +default="main,release/*"
	filter string,
) string {
	return filter + " " + rand.Text()
}
