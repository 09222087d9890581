package settings

import (
	"errors"
	"regexp"
	"strings"

	"github.com/franela/pocketci/internal/globs"
)

// Patterns are globs over full names of repositories: * and ? stop at a slash,
// ** does not. Case does not count, as it does not for any forge.
type Patterns []string

// Match reports whether one of the patterns matches the repository.
func (p Patterns) Match(repository string) bool {
	_, ok := p.Best(repository)
	return ok
}

// Best returns the most specific of the patterns that match the repository, and
// the first of those that are equally so.
func (p Patterns) Best(repository string) (best string, ok bool) {
	for _, pattern := range p {
		if matchName(pattern, repository) && (!ok || MoreSpecific(pattern, best)) {
			best, ok = pattern, true
		}
	}
	return best, ok
}

func matchName(pattern, name string) bool {
	return globs.MatchValue([]string{strings.ToLower(pattern)}, strings.ToLower(name))
}

// MoreSpecific reports whether the first of two patterns for the same repository
// is the more specific one: a whole name is more specific than every glob, and of
// two globs the longer one is, not counting what stands for anything.
func MoreSpecific(a, b string) bool {
	if isGlob(a) != isGlob(b) {
		return isGlob(b)
	}
	return literal(a) > literal(b)
}

func isGlob(pattern string) bool { return strings.ContainsAny(pattern, "*?") }

func literal(pattern string) int {
	return len(pattern) - strings.Count(pattern, "*") - strings.Count(pattern, "?")
}

var patternName = regexp.MustCompile(`^[A-Za-z0-9_.*?+-]+(/[A-Za-z0-9_.*?+-]+)*$`)

func checkPattern(s string) error {
	switch {
	case !patternName.MatchString(s):
		return errors.New(`not a pattern for repositories; write a full name such as acme/shop, with * or ? for what may be anything (acme/*)`)
	case !strings.Contains(s, "/") && s != "**":
		return errors.New(`a repository's full name has an owner; write OWNER/* for all of one owner, "**" for all repositories`)
	}
	return nil
}

var variablePattern = regexp.MustCompile(`^[A-Za-z_*][A-Za-z0-9_*]*$`)

func checkVariablePattern(s string) error {
	switch {
	case !variablePattern.MatchString(s):
		// Not repeated: it may be the secret itself.
		return errors.New("write names of variables, such as API_TOKEN, with * for what may be anything (DEPLOY_*)")
	case strings.Trim(s, "*") == "":
		return errors.New("a pattern for all variables would give away everything in the agent's environment; name what may be used")
	}
	return nil
}

// shortRefs begin what looks like a ref that is written neither in full nor as
// the name of a branch.
var shortRefs = regexp.MustCompile(`^(heads|tags|pull|merge-requests|pull-requests)/`)

// fullRef checks a ref or glob over refs and returns it in full.
func fullRef(s string) (string, error) {
	switch {
	case strings.ContainsAny(s, " \t\n~^:\\[]{}"), strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f }):
		return "", errors.New("not a ref; write the name of a branch or a full ref such as refs/tags/v1, with * or ? for what may be anything")
	case strings.HasPrefix(s, "/"), strings.HasSuffix(s, "/"), strings.Contains(s, "//"):
		return "", errors.New("an empty part cannot be in a ref; remove the slash")
	case shortRefs.MatchString(s):
		return "", errors.New("it could be a branch or another ref; write it in full, beginning with refs/")
	case strings.HasPrefix(s, "refs/"):
		return s, nil
	}
	return "refs/heads/" + s, nil
}
