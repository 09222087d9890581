// A module that does not compile.
package main

type Broken struct{}

func (m *Broken) OnGithubPush() string {
	return 42
}
