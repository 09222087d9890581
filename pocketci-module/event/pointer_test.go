package event_test

import (
	"encoding/json"
	"errors"
	"testing"

	"dagger/pocketci/event"
)

// The document of RFC 6901, section 5, and more.
const document = `{
	"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8,
	"deep": {"list": [{"name": "ünï"}, [], null, true, 1e2]}, "~1": 9, "text": "two\nlines", "-": 10, "01": 11
}`

func TestGet(t *testing.T) {
	for name, tc := range map[string]struct {
		pointer, want string
		at, reason    string
	}{
		"everything":          {pointer: "", want: document},
		"a list":              {pointer: "/foo", want: `["bar", "baz"]`},
		"an item":             {pointer: "/foo/0", want: "bar"},
		"the empty name":      {pointer: "/", want: "0"},
		"an escaped slash":    {pointer: "/a~1b", want: "1"},
		"a percent sign":      {pointer: "/c%d", want: "2"},
		"a caret":             {pointer: "/e^f", want: "3"},
		"a bar":               {pointer: "/g|h", want: "4"},
		"a backslash":         {pointer: `/i\j`, want: "5"},
		"a quotation mark":    {pointer: `/k"l`, want: "6"},
		"a space":             {pointer: "/ ", want: "7"},
		"an escaped tilde":    {pointer: "/m~0n", want: "8"},
		"tilde before one":    {pointer: "/~01", want: "9"},
		"a dash as a name":    {pointer: "/-", want: "10"},
		"digits as a name":    {pointer: "/01", want: "11"},
		"text as it is":       {pointer: "/text", want: "two\nlines"},
		"deep":                {pointer: "/deep/list/0/name", want: "ünï"},
		"an empty list":       {pointer: "/deep/list/1", want: "[]"},
		"null":                {pointer: "/deep/list/2", want: "null"},
		"a boolean":           {pointer: "/deep/list/3", want: "true"},
		"a number as sent":    {pointer: "/deep/list/4", want: "1e2"},
		"no slash":            {pointer: "foo", reason: "a pointer is empty or starts with a slash"},
		"no such member":      {pointer: "/nope/x", reason: `the payload has no member "nope"`},
		"no such member deep": {pointer: "/deep/a~1b", at: "/deep", reason: `/deep has no member "a/b"`},
		"behind the end":      {pointer: "/foo/2/x", at: "/foo", reason: "/foo is a list of 2 items, counted from 0, and has no item 2"},
		"the item to come":    {pointer: "/foo/-", at: "/foo", reason: `/foo is a list, and "-" is not the number of an item`},
		"a leading zero":      {pointer: "/foo/00", at: "/foo", reason: `/foo is a list, and "00" is not the number of an item`},
		"a sign":              {pointer: "/foo/+1", at: "/foo", reason: `/foo is a list, and "+1" is not the number of an item`},
		"below zero":          {pointer: "/foo/-1", at: "/foo", reason: `/foo is a list, and "-1" is not the number of an item`},
		"a name in a list":    {pointer: "/deep/list/x", at: "/deep/list", reason: `/deep/list is a list, and "x" is not the number of an item`},
		"into a string":       {pointer: "/text/0", at: "/text", reason: `/text is a string, which has no member "0"`},
		"into a number":       {pointer: "//x", at: "/", reason: `/ is a number, which has no member "x"`},
		"into null":           {pointer: "/deep/list/2/x", at: "/deep/list/2", reason: `/deep/list/2 is null, which has no member "x"`},
		"into a boolean":      {pointer: "/deep/list/3/", at: "/deep/list/3", reason: `/deep/list/3 is true or false, which has no member ""`},
		"a lone tilde":        {pointer: "/m~n", reason: `"m~n" has a "~" that is neither ~0 nor ~1`},
		"a tilde at the end":  {pointer: "/deep/m~", at: "/deep", reason: `"m~" has a "~" that is neither ~0 nor ~1`},
	} {
		t.Run(name, func(t *testing.T) {
			f := &event.File{Payload: json.RawMessage(document)}
			got, err := f.Get(tc.pointer)
			if tc.reason == "" {
				if err != nil || got != tc.want {
					t.Errorf("got %q, %v; want %q", got, err, tc.want)
				}
				return
			}
			var fault *event.PointerError
			if !errors.As(err, &fault) {
				t.Fatalf("got %q, %v", got, err)
			}
			if want := (event.PointerError{Pointer: tc.pointer, At: tc.at, Reason: tc.reason}); *fault != want {
				t.Errorf("got %+v, want %+v", *fault, want)
			}
		})
	}
}

func TestGetWithoutPayload(t *testing.T) {
	f := open(t, "manual", "run", nil, nil)
	if got, err := f.Get(""); got != "null" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	_, err := f.Get("/inputs/who")
	if want := `get "/inputs/who" from the payload: the payload is null, which has no member "inputs"`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// Every value of a document is found under its own pointer.
func FuzzGet(f *testing.F) {
	f.Add(document, "a/b", "~")
	f.Add(`[[{"a": 1}]]`, "~1", "")
	f.Fuzz(func(t *testing.T, document, outer, inner string) {
		file := &event.File{Payload: json.RawMessage(document)}
		if !json.Valid(file.Payload) {
			t.Skip()
		}
		for _, pointer := range []string{outer, "/" + outer, "/" + outer + "/" + inner} {
			if got, err := file.Get(pointer); err == nil && got == "" && pointer == "" {
				t.Errorf("%q gives nothing", pointer)
			}
		}
		name := func(s string) string {
			data, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			return string(data)
		}
		// Marshalling replaces what is not UTF-8.
		var clean string
		if err := json.Unmarshal([]byte(name(outer)), &clean); err != nil {
			t.Fatal(err)
		}
		file.Payload = json.RawMessage(`{` + name(outer) + `: [1, ` + document + `]}`)
		got, err := file.Get("/" + escape(clean) + "/1")
		want, wantErr := (&event.File{Payload: json.RawMessage(document)}).Get("")
		if got != want || err != nil || wantErr != nil {
			t.Errorf("got %q, %v, want %q, %v", got, err, want, wantErr)
		}
	})
}

func escape(s string) string {
	var out []byte
	for i := range len(s) {
		switch s[i] {
		case '~':
			out = append(out, "~0"...)
		case '/':
			out = append(out, "~1"...)
		default:
			out = append(out, s[i])
		}
	}
	return string(out)
}
