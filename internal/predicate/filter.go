package predicate

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
)

// maxPattern is the longest regular expression in bytes.
const maxPattern = 1000

// The names of the predicates.
const (
	isEqualTo    = "is-equal-to"
	isNotEqualTo = "is-not-equal-to"
	matches      = "matches"
	doesNotMatch = "does-not-match"
	exists       = "exists"
)

// test is one predicate of a filter. It is made by [testOf] alone.
type test struct {
	name string
	// value is what is compared with.
	value   Value
	pattern *regexp.Regexp
	// want says whether something has to exist.
	want bool
}

// testOf makes the test of that name with what stands beside it. It is the one
// place where the text of a filter becomes a filter.
func testOf(name string, v Value) (test, error) {
	switch name {
	case isEqualTo, isNotEqualTo:
		if v.kind == kindList || v.kind == kindObject {
			return test{}, errors.New("must be a string, a number, true, false or null; name a value inside with the path")
		}
		return test{name: name, value: v}, nil
	case matches, doesNotMatch:
		if v.kind != kindString {
			return test{}, errors.New("must be a regular expression, in quotes")
		}
		pattern, err := compile(v.text)
		return test{name: name, pattern: pattern}, err
	case exists:
		if v.kind != kindBool {
			return test{}, errors.New("must be true or false")
		}
		return test{name: name, want: v.text == "true"}, nil
	}
	return test{}, errors.New("is no predicate")
}

func compile(pattern string) (*regexp.Regexp, error) {
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("a regular expression of %d bytes is longer than %d", len(pattern), maxPattern)
	}
	re, err := regexp.Compile(pattern)
	if bad, ok := errors.AsType[*syntax.Error](err); ok {
		// Its text repeats a part of the pattern.
		return nil, fmt.Errorf("not a regular expression as RE2 has it: %s", bad.Code)
	}
	return re, err
}

// holds says whether the test does for a value, if there is one.
func (t *test) holds(v Value, there bool) bool {
	switch t.name {
	case isEqualTo:
		return there && v.equal(t.value)
	case isNotEqualTo:
		return !there || !v.equal(t.value)
	case matches:
		return there && t.found(v)
	case doesNotMatch:
		return !there || !t.found(v)
	case exists:
		return there == t.want
	}
	return false
}

func (t *test) found(v Value) bool {
	text, ok := v.Text()
	return ok && t.pattern.MatchString(text)
}

// operand is what the predicate has beside its name.
func (t *test) operand() string {
	switch {
	case t.name == exists:
		return strconv.FormatBool(t.want)
	case t.pattern != nil:
		return Value{kindString, t.pattern.String()}.String()
	}
	return t.value.String()
}

// Filter is a condition on one value of a document: all of its predicates must hold
// for it.
type Filter struct {
	path  Pointer
	tests []test
}

// newFilter returns the filter with these tests, at least one and each once.
func newFilter(path Pointer, tests []test) (Filter, error) {
	if len(tests) == 0 {
		return Filter{}, errors.New("a filter says nothing about the value; add is-equal-to, matches or another predicate")
	}
	slices.SortStableFunc(tests, func(a, b test) int { return cmp.Compare(slices.Index(keys, a.name), slices.Index(keys, b.name)) })
	return Filter{path, tests}, nil
}

// String is the filter for people.
func (f Filter) String() string {
	text := f.name()
	for i := range f.tests {
		text += " " + f.tests[i].name + " " + f.tests[i].operand()
	}
	return text
}

func (f *Filter) name() string {
	if f.path.text == "" {
		return "the payload"
	}
	return f.path.text
}

// Equal reports whether both say the same.
func (f Filter) Equal(g Filter) bool {
	a, errA := f.MarshalJSON()
	b, errB := g.MarshalJSON()
	return errA == nil && errB == nil && string(a) == string(b)
}

// Check says why a document does not fulfil all of the filters: the path, the
// predicate, and the value that was seen, which is cut where it is long. It is
// empty if the document does, and if there is no filter.
func Check(filters []Filter, d *Document) string {
	for i := range filters {
		f := &filters[i]
		v, there := d.Find(f.path)
		if len(f.tests) == 0 {
			return "a filter has no predicate, which nothing fulfils"
		}
		for j := range f.tests {
			if t := &f.tests[j]; !t.holds(v, there) {
				seen := "there is no such value"
				if there {
					seen = "the value is " + v.String()
				}
				return fmt.Sprintf("the filter %s %s %s does not hold: %s", f.name(), t.name, t.operand(), seen)
			}
		}
	}
	return ""
}
