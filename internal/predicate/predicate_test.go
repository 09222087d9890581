package predicate_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/franela/pocketci/internal/predicate"
	"github.com/franela/pocketci/internal/yamlfile"
)

// read reads filters as a file has them.
func read(t testing.TB, text string) ([]predicate.Filter, error) {
	t.Helper()
	r := yamlfile.NewReader("f.yaml")
	var list []predicate.Filter
	if document := r.Document([]byte(text)); document != nil {
		list = predicate.Read(r, document, "filters")
	}
	if r.Failed() {
		return nil, r.Errors()
	}
	return list, nil
}

const document = `{
  "action": "opened", "empty": "", "number": 42, "ratio": 0.50, "large": 9007199254740993, "huge": 1e400,
  "draft": false, "nothing": null, "list": ["a", {"b": "c"}, 3], "object": {"x": 1}, "": "no name",
  "a/b": "slash", "m~n": "tilde", "~1": "both", "01": "zero", "twice": 1, "twice": 2,
  "text": "line\nfeed", "ünï": "ö", "Action": "other"
}`

func TestPredicates(t *testing.T) {
	t.Parallel()
	const holds = ""
	for name, c := range map[string]struct{ filter, want string }{
		"equal string":                 {`{path: /action, is-equal-to: opened}`, holds},
		"another string":               {`{path: /action, is-equal-to: Opened}`, `the filter /action is-equal-to "Opened" does not hold: the value is "opened"`},
		"names are exact":              {`{path: /Action, is-equal-to: other}`, holds},
		"empty string":                 {`{path: /empty, is-equal-to: ""}`, holds},
		"equal number":                 {`{path: /number, is-equal-to: 42}`, holds},
		"number written otherwise":     {`{path: /number, is-equal-to: 4.20e+1}`, holds},
		"number with zeros":            {`{path: /ratio, is-equal-to: 0.5}`, holds},
		"number beyond a float":        {`{path: /large, is-equal-to: 9007199254740992}`, `the value is 9007199254740993`},
		"number beyond all floats":     {`{path: /huge, is-not-equal-to: 1e300}`, holds},
		"string and number":            {`{path: /number, is-equal-to: "42"}`, `the filter /number is-equal-to "42" does not hold: the value is 42`},
		"number and string":            {`{path: /action, is-equal-to: 1}`, `the value is "opened"`},
		"false":                        {`{path: /draft, is-equal-to: false}`, holds},
		"not false":                    {`{path: /draft, is-not-equal-to: false}`, `the filter /draft is-not-equal-to false does not hold: the value is false`},
		"null":                         {`{path: /nothing, is-equal-to: null}`, holds},
		"null is not missing":          {`{path: /missing, is-equal-to: null}`, `there is no such value`},
		"null is not empty":            {`{path: /nothing, is-equal-to: ""}`, `the value is null`},
		"a list is equal to nothing":   {`{path: /list, is-equal-to: a}`, `the value is a list`},
		"an object is equal to none":   {`{path: /object, is-equal-to: null}`, `the value is an object`},
		"not equal":                    {`{path: /action, is-not-equal-to: closed}`, holds},
		"not equal, an object":         {`{path: /object, is-not-equal-to: closed}`, holds},
		"the last of two counts":       {`{path: /twice, is-equal-to: 2}`, holds},
		"matches":                      {`{path: /action, matches: "^open"}`, holds},
		"matches anywhere":             {`{path: /action, matches: pen}`, holds},
		"does not match":               {`{path: /action, matches: "^pen"}`, `the filter /action matches "^pen" does not hold: the value is "opened"`},
		"matches a number":             {`{path: /number, matches: "^4.$"}`, holds},
		"matches a boolean":            {`{path: /draft, matches: "^(true|false)$"}`, holds},
		"null matches nothing":         {`{path: /nothing, matches: ".*"}`, `the value is null`},
		"a list matches nothing":       {`{path: /list, matches: ".*"}`, `the value is a list`},
		"does-not-match":               {`{path: /action, does-not-match: "^close"}`, holds},
		"does-not-match fails":         {`{path: /action, does-not-match: "e"}`, `the filter /action does-not-match "e" does not hold`},
		"does-not-match null":          {`{path: /nothing, does-not-match: ".*"}`, holds},
		"exists":                       {`{path: /nothing, exists: true}`, holds},
		"exists not":                   {`{path: /action, exists: false}`, `the filter /action exists false does not hold: the value is "opened"`},
		"missing: is-equal-to":         {`{path: /missing, is-equal-to: ""}`, `the filter /missing is-equal-to "" does not hold: there is no such value`},
		"missing: is-not-equal-to":     {`{path: /missing, is-not-equal-to: x}`, holds},
		"missing: matches":             {`{path: /missing, matches: ".*"}`, `there is no such value`},
		"missing: does-not-match":      {`{path: /missing, does-not-match: ".*"}`, holds},
		"missing: exists":              {`{path: /missing, exists: true}`, `the filter /missing exists true does not hold: there is no such value`},
		"missing: exists not":          {`{path: /missing/deep/1, exists: false}`, holds},
		"below a scalar":               {`{path: /action/0, exists: false}`, holds},
		"in a list":                    {`{path: /list/1/b, is-equal-to: c}`, holds},
		"behind a list":                {`{path: /list/3, exists: false}`, holds},
		"the place after a list":       {`{path: /list/-, exists: false}`, holds},
		"a place with a zero in front": {`{path: /list/01, exists: false}`, holds},
		"a place with a sign":          {`{path: /list/+1, exists: false}`, holds},
		"a name like a place":          {`{path: /01, is-equal-to: zero}`, holds},
		"a slash in a name":            {`{path: /a~1b, is-equal-to: slash}`, holds},
		"a tilde in a name":            {`{path: /m~0n, is-equal-to: tilde}`, holds},
		"a tilde before a one":         {`{path: /~01, is-equal-to: both}`, holds},
		"a name that is empty":         {`{path: /, is-equal-to: no name}`, holds},
		"letters":                      {`{path: /ünï, is-equal-to: ö}`, holds},
		"the whole":                    {`{path: "", exists: true}`, holds},
		"the whole is an object":       {`{path: "", is-equal-to: x}`, `the filter the payload is-equal-to "x" does not hold: the value is an object`},
		"all predicates":               {`{path: /action, exists: true, matches: ed$, does-not-match: ^c, is-equal-to: opened, is-not-equal-to: closed}`, holds},
		"all but one":                  {`{path: /action, exists: true, matches: ed$, does-not-match: ^o}`, `does-not-match "^o" does not hold`},
		"control characters":           {`{path: /text, is-equal-to: x}`, `the value is "line\nfeed"`},
		"a date is a string":           {`{path: /action, is-not-equal-to: 2026-11-25}`, holds},
		"yes is a string":              {`{path: /action, is-not-equal-to: yes}`, holds},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			filters, err := read(t, "["+c.filter+"]")
			if err != nil {
				t.Fatal(err)
			}
			got := predicate.Check(filters, predicate.NewDocument([]byte(document)))
			if c.want == holds && got != holds || !strings.Contains(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
			// A filter that was stored and loaded again decides the same. That of
			// another program did not: it was compiled only where it was written.
			data, err := json.Marshal(filters)
			if err != nil {
				t.Fatal(err)
			}
			var loaded []predicate.Filter
			if err := json.Unmarshal(data, &loaded); err != nil {
				t.Fatal(err)
			}
			if again := predicate.Check(loaded, predicate.NewDocument([]byte(document))); again != got {
				t.Errorf("after a restart %q, before %q", again, got)
			}
			if !loaded[0].Equal(filters[0]) || loaded[0].String() != filters[0].String() {
				t.Errorf("loaded %s, stored %s", loaded[0], filters[0])
			}
		})
	}
}

func TestAllFiltersMustHold(t *testing.T) {
	t.Parallel()
	filters, err := read(t, `[{path: /action, is-equal-to: opened}, {path: /number, is-equal-to: 1}]`)
	if err != nil {
		t.Fatal(err)
	}
	if got := predicate.Check(filters, predicate.NewDocument([]byte(document))); !strings.Contains(got, "/number") {
		t.Errorf("%q", got)
	}
	if got := predicate.Check(nil, predicate.NewDocument(nil)); got != "" {
		t.Errorf("without a filter: %q", got)
	}
	if got := predicate.Check(make([]predicate.Filter, 1), predicate.NewDocument([]byte(document))); got == "" {
		t.Error("a filter that nobody read is fulfilled")
	}
}

// There is nothing in what is no document.
func TestNoDocument(t *testing.T) {
	t.Parallel()
	filters, err := read(t, `[{path: "", exists: true}]`)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", " ", "{", "{}x", `{"a":"` + "\xff" + `"}`, strings.Repeat("[", 20000)} {
		if got := predicate.Check(filters, predicate.NewDocument([]byte(text))); !strings.Contains(got, "no such value") {
			t.Errorf("%.20q: %q", text, got)
		}
	}
}

// What was sent is shown in reasons, however much of it there is.
func TestReasonsAreShort(t *testing.T) {
	t.Parallel()
	filters, err := read(t, `[{path: /a, is-equal-to: b}]`)
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{`"` + strings.Repeat("ä", 1<<20) + `"`, "1" + strings.Repeat("0", 1<<20), `"` + strings.Repeat(`\u0000`, 1000) + `"`} {
		got := predicate.Check(filters, predicate.NewDocument([]byte(`{"a":`+value+`}`)))
		if len(got) > 600 || got == "" || strings.ContainsRune(got, 0) {
			t.Errorf("%d bytes: %.200q", len(got), got)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ yaml, want string }{
		"no list":             {`{path: /a, exists: true}`, "1:1: filters must be a list, not a mapping"},
		"empty list":          {`[]`, "1:1: filters is an empty list"},
		"no mapping":          {`[/a]`, "1:2: a filter must be a mapping"},
		"no path":             {`[{is-equal-to: a}]`, "1:2: a filter needs a path"},
		"no predicate":        {`[{path: /a}]`, "1:2: a filter says nothing about the value"},
		"unknown predicate":   {`[{path: /a, equals: b}]`, `1:13: unknown key "equals" in a filter`},
		"Eventline's key":     {`[{path: /a, is_equal_to: b}]`, `did you mean "is-equal-to"?`},
		"path without slash":  {`[{path: a, exists: true}]`, "1:9: path: a JSON Pointer begins with a slash"},
		"path with a tilde":   {`[{path: /a~b, exists: true}]`, "a tilde is written ~0"},
		"path ends in tilde":  {`[{path: /a~, exists: true}]`, "a tilde is written ~0"},
		"path is a number":    {`[{path: 1, exists: true}]`, "path must be a JSON Pointer"},
		"path is too long":    {`[{path: /` + strings.Repeat("a", 1000) + `, exists: true}]`, "longer than 1000"},
		"path is unprintable": {`[{path: "/\u202e", exists: true}]`, "printable"},
		"bad expression":      {`[{path: /a, matches: "("}]`, "1:22: matches: not a regular expression as RE2 has it"},
		"look-ahead":          {`[{path: /a, does-not-match: "a(?!b)"}]`, "not a regular expression as RE2 has it"},
		"long expression":     {`[{path: /a, matches: ` + strings.Repeat("a", 1001) + `}]`, "longer than 1000"},
		"huge expression":     {`[{path: /a, matches: "((a{100}){100}){100}"}]`, "not a regular expression as RE2 has it"},
		"expression: number":  {`[{path: /a, matches: 1}]`, "must be a regular expression, in quotes"},
		"exists: string":      {`[{path: /a, exists: "true"}]`, "must be true or false"},
		"equal to a list":     {`[{path: /a, is-equal-to: [b]}]`, "is-equal-to must be a string, a number, true, false or null, not a list"},
		"equal to nothing":    {`[{path: /a, is-equal-to: }]`, "is-equal-to is empty"},
		"hexadecimal":         {`[{path: /a, is-equal-to: 0x1f}]`, "plain decimal digits"},
		"octal":               {`[{path: /a, is-equal-to: 0644}]`, "plain decimal digits"},
		"infinity":            {`[{path: /a, is-equal-to: .inf}]`, "plain decimal digits"},
		"the same twice":      {`[{path: /a, exists: true, exists: true}]`, "twice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if list, err := read(t, c.yaml); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, error %v, want %q", list, err, c.want)
			}
		})
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no object":      `[]`,
		"no path":        `{"exists":true}`,
		"no predicate":   `{"path":"/a"}`,
		"unknown":        `{"path":"/a","exists":true,"x":1}`,
		"path: number":   `{"path":1,"exists":true}`,
		"bad path":       `{"path":"a","exists":true}`,
		"bad expression": `{"path":"/a","matches":"("}`,
		"a list":         `{"path":"/a","is-equal-to":[]}`,
		"exists: null":   `{"path":"/a","exists":null}`,
	} {
		var f predicate.Filter
		if err := json.Unmarshal([]byte(text), &f); err == nil {
			t.Errorf("%s: %s", name, f)
		}
	}
}

// FuzzRead reads any filters from a file and checks that whatever is read can be
// stored, loaded and asked, with the same answer.
func FuzzRead(f *testing.F) {
	for _, text := range []string{
		`[{path: /action, is-equal-to: opened}]`, `[{path: "", exists: true}, {path: /a/0, matches: "^x", does-not-match: y}]`,
		`[{path: /a, is-equal-to: 1e9}]`, `[{path: /a~1b, is-not-equal-to: null}]`, `[{path: /a, is-equal-to: ~}]`, `[`, `&a [*a]`,
	} {
		f.Add(text, document)
	}
	f.Fuzz(func(t *testing.T, text, doc string) {
		filters, err := read(t, text)
		if err != nil {
			return
		}
		d := predicate.NewDocument([]byte(doc))
		before := predicate.Check(filters, d)
		data, err := json.Marshal(filters)
		if err != nil {
			t.Fatalf("%s cannot be stored: %v", filters, err)
		}
		var loaded []predicate.Filter
		if err := json.Unmarshal(data, &loaded); err != nil {
			t.Fatalf("%s cannot be loaded: %v", data, err)
		}
		if after := predicate.Check(loaded, predicate.NewDocument([]byte(doc))); after != before {
			t.Errorf("%q after a restart, %q before", after, before)
		}
	})
}

// FuzzFind looks for anything in anything.
func FuzzFind(f *testing.F) {
	for _, pointer := range []string{"", "/", "/action", "/list/1/b", "/list/-", "/a~1b", "/m~0n", "/~01", "/twice", "/object/x/y"} {
		f.Add(pointer, document)
	}
	f.Fuzz(func(t *testing.T, text, doc string) {
		p, err := predicate.ParsePointer(text)
		if err != nil {
			return
		}
		v, ok := predicate.NewDocument([]byte(doc)).Find(p)
		if ok && len(v.String()) > 400 {
			t.Errorf("the value has %d bytes", len(v.String()))
		}
		if p.String() != text {
			t.Errorf("%q became %q", text, p)
		}
		if !json.Valid([]byte(doc)) {
			if ok {
				t.Error("there is something in what is not JSON")
			}
			return
		}
		if text == "" && !ok && utf8.ValidString(doc) {
			t.Error("the whole is not there")
		}
	})
}

// FuzzNumbers compares numbers with what floats say, as far as they reach.
func FuzzNumbers(f *testing.F) {
	for _, pair := range [][2]string{{"1", "1.0"}, {"1e2", "100"}, {"0", "-0.0e5"}, {"1e-2", "0.010"}, {"1e0000000000000000000000000", "1"}, {"9007199254740993", "9007199254740992"}, {"10e399", "1e400"}} {
		f.Add(pair[0], pair[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		var x, y float64
		if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil || strings.TrimSpace(a) == "null" || strings.TrimSpace(b) == "null" {
			return // a float does not reach there, or it is none
		}
		var filter predicate.Filter
		if err := json.Unmarshal([]byte(`{"path":"","is-equal-to":`+a+`}`), &filter); err != nil {
			t.Fatal(err)
		}
		if got := predicate.Check([]predicate.Filter{filter}, predicate.NewDocument([]byte(b))); got == "" && x != y {
			t.Errorf("%s is taken for %s", a, b)
		}
		if got := predicate.Check([]predicate.Filter{filter}, predicate.NewDocument([]byte(a))); got != "" {
			t.Errorf("%s is not itself: %s", a, got)
		}
	})
}
