package web_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/franela/pocketci/internal/web"
)

func TestPayloadIsFolded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		payload, at string
		from        int
		want        string
	}{
		"in the payload's order": {`{"b": 1.50, "a": [true, null, "x"]}`, "", 0,
			" object \"\" 2\n/b number \"1.50\" 0\n/a array \"\" 3\n/a/0 word \"true\" 0\n/a/1 word \"null\" 0\n/a/2 text \"x\" 0\n"},
		"a part":                 {`{"b": 1, "a/c~": {"d": [7, 8]}}`, "/a~1c~0/d", 0, "/a~1c~0/d array \"\" 2\n/a~1c~0/d/0 number \"7\" 0\n/a~1c~0/d/1 number \"8\" 0\n"},
		"from one member on":     {`[1, 2, 3]`, "", 2, " array \"\" 3\n/2 number \"3\" 0\n"},
		"a text":                 {`{"a": "x"}`, "/a", 0, "/a text \"x\" 0\n"},
		"nothing in it":          {`{}`, "", 0, " object \"\" 0\n"},
		"one that begins alike":  {`{"a": 1, "ab": 2}`, "/a", 0, "/a number \"1\" 0\n"},
		"a number without bound": {`1e999`, "", 0, " number \"1e999\" 0\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, _, err := web.Folded([]byte(c.payload), c.at, c.from)
			if err != nil || got != c.want {
				t.Errorf("got  %q (%v)\nwant %q", got, err, c.want)
			}
		})
	}
	for name, payload := range map[string]string{"not JSON": "a=b", "cut off": `{"a": [1`, "too deep": strings.Repeat("[", 300) + strings.Repeat("]", 300)} {
		if got, _, err := web.Folded([]byte(payload), "", 0); err == nil {
			t.Errorf("%s is folded to %s", name, got)
		}
	}
	if _, _, err := web.Folded([]byte(`{}`), "/a", 0); err == nil {
		t.Error("a part that is not there is found")
	}
}

// All of a large payload can be reached, a bounded part at a time.
func TestPayloadIsShownInParts(t *testing.T) {
	t.Parallel()
	var rows []string
	for i := range 5000 {
		rows = append(rows, fmt.Sprintf(`{"id": %d, "parts": [1, 2, 3]}`, i))
	}
	payload := []byte(`{"rows": [` + strings.Join(rows, ",") + `], "last": "` + strings.Repeat("ü", 5000) + `"}`)
	text, values, err := web.Folded(payload, "", 0)
	if err != nil || values > web.PayloadValues+1 {
		t.Fatalf("%d values are shown at once (%v)", values, err)
	}
	says(t, "what is shown", text, "/rows array \"\" 5000 cut 200")
	if text, _, err = web.Folded(payload, "/rows", 4900); err != nil {
		t.Fatal(err)
	}
	says(t, "the end", text, "/rows/4999/id number \"4999\"")
	if text, _, err = web.Folded(payload, "/last", 0); err != nil {
		t.Fatal(err)
	}
	says(t, "a text by itself", text, strings.Repeat("ü", 5000))
}

// Somebody's long name is in the pointer of everything below it, which costs little.
func TestPayloadWithLongNames(t *testing.T) {
	t.Parallel()
	name := strings.Repeat("n", 1<<20)
	text, values, err := web.Folded([]byte(`{"`+name+`": {"short": [`+strings.Repeat("1,", 400_000)+`1]}}`), "", 0)
	if err != nil || values > web.PayloadValues+1 || len(text) > 64<<10 {
		t.Errorf("%d values, %d bytes are shown (%v)", values, len(text), err)
	}
	if _, _, err := web.Folded([]byte(`{"`+name+`": [1]}`), "-", 0); err == nil {
		t.Error("what has no pointer is found by one")
	}
}

func FuzzPayload(f *testing.F) {
	for _, file := range []string{"github/push", "gitlab/merge_request_opened", "bitbucket/push"} {
		data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "payloads", file+".json"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, "", 0)
	}
	f.Add([]byte(`{"a": {"b": [1]}}`), "/a/b", 1)
	f.Fuzz(func(t *testing.T, payload []byte, at string, from int) {
		text, values, err := web.Folded(payload, at, max(0, from))
		if err != nil {
			if json.Valid(payload) && at == "" && !strings.Contains(err.Error(), "deep") {
				t.Fatalf("%q cannot be folded: %v", payload, err)
			}
			return
		}
		if values > web.PayloadValues+1 || !utf8.ValidString(text) {
			t.Fatalf("%d values: %q", values, text)
		}
	})
}
