package registry

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/mod/semver"
)

// Rule says which tags are versions, and which of two versions is the newer
// one. The zero Rule is [Semver] without pre-releases.
type Rule struct {
	// Match is an own rule for versions, nil for semantic versions.
	Match *regexp.Regexp
	// Prereleases lets semantic versions have a pre-release, as in 1.2.0-rc.1.
	// Without it they are no versions: 1.2.0-alpine looks like one as well.
	Prereleases bool
}

// Semver is the rule of semantic versions (semver.org, 2.0.0), with or without
// a v in front: three numbers, and a pre-release only if that is allowed.
func Semver(prereleases bool) Rule { return Rule{Prereleases: prereleases} }

// Pattern is the rule of a regular expression (RE2), which the whole tag must
// match. Its groups, or the whole tag if it has none, are compared from left to
// right: two that consist of digits as numbers of any length, all others byte by
// byte.
func Pattern(expression string) (Rule, error) {
	match, err := regexp.Compile(`^(?:` + expression + `)$`)
	if err != nil {
		return Rule{}, fmt.Errorf("read the rule for versions: %w", err)
	}
	return Rule{Match: match}, nil
}

var semantic = regexp.MustCompile(`^v?(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z.-]+)?$`)

// IsVersion reports whether a tag is a version.
func (r Rule) IsVersion(tag string) bool {
	if r.Match != nil {
		return r.Match.MatchString(tag)
	}
	parts := semantic.FindStringSubmatch(tag)
	return parts != nil && (parts[4] == "" || r.Prereleases) && semver.IsValid(canonical(tag))
}

// canonical is a tag as package semver reads it.
func canonical(tag string) string { return "v" + strings.TrimPrefix(tag, "v") }

// Compare compares two versions: below zero if a is older than b, above zero if
// it is newer. Two that differ only in how they are written, such as 1.0.0 and
// v1.0.0, are the same. A tag that is no version is older than every version.
func (r Rule) Compare(a, b string) int {
	isA, isB := r.IsVersion(a), r.IsVersion(b)
	switch {
	case !isA && !isB:
		return 0
	case !isA:
		return -1
	case !isB:
		return 1
	case r.Match == nil:
		return semver.Compare(canonical(a), canonical(b))
	}
	partsA, partsB := r.Match.FindStringSubmatch(a), r.Match.FindStringSubmatch(b)
	if len(partsA) > 1 {
		partsA, partsB = partsA[1:], partsB[1:]
	}
	for i := range partsA {
		if c := compareParts(partsA[i], partsB[i]); c != 0 {
			return c
		}
	}
	return 0
}

func compareParts(a, b string) int {
	if !isNumber(a) || !isNumber(b) {
		return strings.Compare(a, b)
	}
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// Newest returns the newest version among tags, or an empty string if none is a
// version. Of several that are the same, known is the newest if it is one of
// them, else the last in order of bytes.
func (r Rule) Newest(tags []string, known string) string {
	newest := ""
	for _, tag := range tags {
		if !r.IsVersion(tag) {
			continue
		}
		c := 1
		if newest != "" {
			c = r.Compare(tag, newest)
		}
		if c > 0 || c == 0 && newest != known && (tag == known || tag > newest) {
			newest = tag
		}
	}
	return newest
}
