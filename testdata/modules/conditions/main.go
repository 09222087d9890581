// Conditions and arguments as Go writes them: default values are visible from
// outside, so no pocketci.yaml is needed.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"dagger/conditions/internal/dagger"
)

type Conditions struct{}

// How thorough to be.
type Level string

const (
	// A quick look.
	Quick Level = "QUICK"
	// Everything.
	Full Level = "FULL"
)

// Called for pushes to main and to release branches.
func (m *Conditions) OnGithubPush(
	// +default="main,release/*"
	filter string,
) string {
	return "push to " + filter
}

// Called for pull requests against main that touch Go code.
func (m *Conditions) LintOnGithubPullRequest(
	src *dagger.Directory,
	// +default="opened,synchronize"
	filter string,
	// +default="main"
	base string,
	// +default="**/*.go,!vendor/**"
	onChanges string,
) string {
	return fmt.Sprintf("lint %s against %s: %s", filter, base, onChanges)
}

// Takes the changed files as a list.
func (m *Conditions) DocsOnPullRequest(
	// +default=["docs/**", "*.md"]
	onChanges []string,
) string {
	return strings.Join(onChanges, "|")
}

// Names vendor and event by their default values.
func (m *Conditions) Dispatch(
	ctx context.Context,
	eventTrigger *dagger.File,
	// +default="github,gitlab"
	vendor string,
	// +default="issue*"
	event string,
) (string, error) {
	text, err := eventTrigger.Contents(ctx)
	return vendor + " " + event + " " + text, err
}

// Called by the tick of a schedule alone.
func (m *Conditions) NightlyOnTimeTick(
	// +default="0 3 * * *"
	schedule string,
) string {
	return "at " + schedule
}

// Wants one secret and can take another.
func (m *Conditions) DeployOnGithubPushMain(
	ctx context.Context,
	token *dagger.Secret,
	// +optional
	extra *dagger.Secret,
	runUrl string,
) (string, error) {
	text, err := token.Plaintext(ctx)
	return fmt.Sprintf("%d bytes, extra %t, %s", len(text), extra != nil, runUrl), err
}

// Has an argument that nothing gives a value to.
func (m *Conditions) OnGithubRelease(target string) string { return target }

// Takes constants of every type from pocketci.yaml.
func (m *Conditions) OnGithubCreate(
	text string,
	count int,
	ratio float64,
	strict bool,
	level Level,
	words []string,
	numbers []int,
	// +optional
	left string,
) string {
	return fmt.Sprint(text, " ", count, " ", ratio, " ", strict, " ", level, " ", words, " ", numbers, " ", left == "")
}

// Gives something else whenever it really runs.
func (m *Conditions) Fresh(
	// +optional
	src *dagger.Directory,
) string {
	return rand.Text()
}

// Fails without having run a command.
func (m *Conditions) Fail() error { return errors.New("this function always fails") }

// Takes a part of the repository by itself.
func (m *Conditions) Contextual(
	ctx context.Context,
	// +defaultPath="/docs"
	// +ignore=["*.tmp"]
	docs *dagger.Directory,
	// +defaultPath="dagger.json"
	manifest *dagger.File,
) (string, error) {
	entries, err := docs.Entries(ctx)
	if err != nil {
		return "", err
	}
	text, err := manifest.Contents(ctx)
	return strings.Join(entries, " ") + " " + fmt.Sprint(strings.Contains(text, "conditions")), err
}
