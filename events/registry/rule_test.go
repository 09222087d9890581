package registry_test

import (
	"testing"

	"github.com/franela/pocketci/events/registry"
)

func TestRule(t *testing.T) {
	pattern := func(expression string) registry.Rule {
		rule, err := registry.Pattern(expression)
		if err != nil {
			t.Fatal(err)
		}
		return rule
	}
	for name, c := range map[string]struct {
		rule registry.Rule
		// tags are given from the oldest version to the newest.
		tags []string
		none []string
	}{
		"semantic": {
			rule: registry.Semver(false),
			tags: []string{"0.0.0", "v0.9.9", "1.0.0", "v1.2.0", "1.2.10", "v1.10.0", "2024.1.0", "99999999999999999999999.0.0"},
			none: []string{"", "v", "1", "1.0", "v01.0.0", "1.0.0-rc.1", "1.0.0-alpine", "1.0.0.1", "vv1.0.0", "V1.0.0", "latest", "1.0.0+b"},
		},
		"semantic with pre-releases": {
			rule: registry.Semver(true),
			tags: []string{"1.0.0-alpha", "v1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2", "1.0.0-beta.11", "v1.0.0-rc.1", "1.0.0", "1.0.1-0"},
			none: []string{"1.0.0-", "1.0.0-01", "1.0.0-a..b"},
		},
		"build numbers": {
			rule: pattern(`build-(\d+)`),
			tags: []string{"build-0", "build-007", "build-8", "build-10", "build-18446744073709551617"},
			none: []string{"build-", "build-7-arm", "a-build-7", "7"},
		},
		"dates and letters": {
			rule: pattern(`(\d{4})-(\d{2})([a-z]?)`),
			tags: []string{"2023-12z", "2024-02", "2024-02a", "2024-02b", "2024-10"},
		},
		"without a group": {rule: pattern(`\d+|[a-z]+`), tags: []string{"9", "10", "main", "master"}},
		"alternatives":    {rule: pattern(`a|b`), tags: []string{"a", "b"}, none: []string{"ab", "ba"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, tag := range c.none {
				if c.rule.IsVersion(tag) {
					t.Errorf("%s is a version", tag)
				}
			}
			for i, a := range c.tags {
				if !c.rule.IsVersion(a) {
					t.Errorf("%s is no version", a)
				}
				if c.rule.Compare("no version!", a) >= 0 || c.rule.Compare(a, "no version!") <= 0 {
					t.Errorf("%s is not newer than what is no version", a)
				}
				for j, b := range c.tags {
					got := c.rule.Compare(a, b)
					if (got < 0) != (i < j) || (got > 0) != (i > j) {
						t.Errorf("%s compared with %s gives %d", a, b, got)
					}
				}
			}
			last := c.tags[len(c.tags)-1]
			if got := c.rule.Newest(append(c.none, c.tags...), ""); got != last {
				t.Errorf("the newest is %s, want %s", got, last)
			}
		})
	}
}

func TestNewest(t *testing.T) {
	rule := registry.Semver(false)
	for name, c := range map[string]struct {
		tags        []string
		known, want string
	}{
		"none":                         {},
		"none that is a version":       {tags: []string{"latest", "main"}},
		"the same twice":               {tags: []string{"1.0.0", "v1.0.0"}, want: "v1.0.0"},
		"the same twice, one known":    {tags: []string{"1.0.0", "v1.0.0"}, known: "1.0.0", want: "1.0.0"},
		"the known one comes first":    {tags: []string{"v1.0.0", "1.0.0"}, known: "v1.0.0", want: "v1.0.0"},
		"the known one is older":       {tags: []string{"v1.0.0", "1.0.1"}, known: "v1.0.0", want: "1.0.1"},
		"the known one is not there":   {tags: []string{"1.0.1"}, known: "2.0.0", want: "1.0.1"},
		"the known one is no version":  {tags: []string{"1.0.1", "main"}, known: "main", want: "1.0.1"},
		"a number that looks like hex": {tags: []string{"v0.0.9", "v0.2.0"}, want: "v0.2.0"},
	} {
		if got := rule.Newest(c.tags, c.known); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestPatternRefuses(t *testing.T) {
	if _, err := registry.Pattern("("); err == nil {
		t.Error("a bad expression is accepted")
	}
}

func FuzzRule(f *testing.F) {
	f.Add("v1.0.0", "1.0.0-rc.1")
	f.Add("1.2.3-alpine", "main")
	f.Add("00.1.2", "v9999999999999999999.0.1")
	pattern, err := registry.Pattern(`(\d+)\.?(.*)`)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, rule := range []registry.Rule{registry.Semver(false), registry.Semver(true), pattern} {
			if x, y := rule.Compare(a, b), rule.Compare(b, a); (x < 0) != (y > 0) || (x > 0) != (y < 0) {
				t.Errorf("%q and %q compare to %d and %d", a, b, x, y)
			}
			newest := rule.Newest([]string{a, b}, a)
			if newest != "" && (rule.Compare(a, newest) > 0 || rule.Compare(b, newest) > 0) || newest == "" && (rule.IsVersion(a) || rule.IsVersion(b)) {
				t.Errorf("the newest of %q and %q is %q", a, b, newest)
			}
		}
	})
}
