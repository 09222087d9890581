package events_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/franela/pocketci/events"
)

// sample has a field of every kind that is read from a payload.
type sample struct {
	Ref        string `json:"ref"`
	Skipped    string `json:"-"`
	Untagged   *int
	Repository *struct {
		FullName string `json:"full_name"`
		Owner    struct {
			Login string `json:"login"`
		} `json:"owner"`
	} `json:"repository"`
	Commits []struct {
		ID    string   `json:"id"`
		Added []string `json:"added"`
	} `json:"commits"`
	Pairs   [2]struct{ A int } `json:"pairs"`
	Branch  []struct{}         `json:"branches"`
	Raw     json.RawMessage    `json:"raw"`
	Any     any                `json:"any"`
	ByName  map[string]float64 `json:"by_name"`
	At      time.Time          `json:"at"`
	Kelvins int                `json:"kelvins"`
	inner
}

type inner struct {
	Before string `json:"before"`
}

// FuzzDecodeObject checks that an object is read as encoding/json reads it, and
// that what encoding/json refuses is refused with its reason.
func FuzzDecodeObject(f *testing.F) {
	for _, text := range []string{
		`{}`, ` { } `, ``, ` `, `null`, `[]`, `{`, `{"ref"`, `{"ref":`, `{"ref":"a`, `{"ref":"a"`, `{"ref":"a",}`, `{,}`, `{"ref" "a"}`, `{"a":1}}`, `{} {}`, `{}x`, "{}\x00",
		`{"ref":"a","ref":"b"}`, `{"inner":{"before":"a"}}`, `{"before":"a","inner":1,"BEFORE":"b"}`, `{"REF":"a","Ref":"b"}`, `{"r\u0065f":"a"}`, `{"ref\u0000":"a"}`, `{"untagged":3}`, `{"UNTAGGED":3,"-":"x","Skipped":"x"}`,
		"{\"\u212aelvins\":3}", "{\"kelvin\u017f\":3}", "{\"kelvins\":4,\"\u212aelvins\":3}", "{\"é\":3}",
		`{"ref":1}`, `{"ref":null}`, `{"ref":{"a":[1,{}]}}`, `{"repository":null}`, `{"repository":"x"}`, `{"repository":[]}`, `{"repository":{"owner":{"login":"a"},"owner":{"x":1}}}`,
		`{"commits":[{"id":"a","added":["x"],"y":{}},{"id":"b"},null,{}]}`, `{"commits":{}}`, `{"commits":[]}`, `{"commits":[1]}`, `{"commits":[{},]}`, `{"commits":[,{}]}`,
		`{"pairs":[{"A":1},{"a":2},{"a":3}]}`, `{"branches":[{"name":"x"},{}]}`, `{"branches":[{]}`,
		`{"raw": { "a" : 1 } , "any":[1,"a",{"b":null}],"by_name":{"x":1,"REF":2}}`, `{"at":"2026-03-02T09:15:28+01:00"}`, `{"at":"x"}`,
		`{"a":-0,"b":0.5e-3,"c":1E9}`, `{"a":01}`, `{"a":-}`, `{"a":1.}`, `{"a":.5}`, `{"a":1e}`, `{"a":+1}`, `{"a":0x1}`, `{"a":-01}`, `{"untagged":1e999}`, `{"untagged":1.5}`,
		`{"a":true,"b":false,"c":null}`, `{"a":tru}`, `{"a":nul`, `{"a":truex}`, `{"a":NaN}`,
		`{"a":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}`, `{"a":"\x"}`, `{"a":"\u12g4"}`, `{"a":"\u12`, `{"a":"\`, `{"ref":"\ud800"}`, "{\"a\":\"\n\"}", "{\"a\":\"\x7f\"}", "{\"ref\":\"\u2028\"}", "{\"a\":\xff}", "{\"a\":\"\xff\"}",
		"\ufeff{}", "{\"a\"\v:1}", "\t\r\n {\t\r\n\"a\"\t\r\n:\t\r\n1\t\r\n}\t\r\n",
		`{"a":` + strings.Repeat("[", 150) + strings.Repeat("]", 150) + `}`, `{"a":` + strings.Repeat(`{"b":[`, 300) + strings.Repeat("]}", 300) + `}`,
		`{"a":` + strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001) + `}`,
	} {
		f.Add([]byte(text))
	}
	payloads, err := filepath.Glob("../testdata/payloads/github/*.json")
	if err != nil || len(payloads) == 0 {
		f.Fatal(err, len(payloads))
	}
	for _, path := range payloads {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		var short bytes.Buffer
		if err := json.Compact(&short, data); err != nil {
			f.Fatal(err)
		}
		f.Add(short.Bytes())
		f.Add(short.Bytes()[:short.Len()/2])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var got, want sample
		err := events.DecodeObject(data, &got)
		reference := json.Unmarshal(data, &want)
		object := bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")) && utf8.Valid(data)
		if (err == nil) != (reference == nil && object) {
			t.Fatalf("%q: %v, and encoding/json says %v", data, err, reference)
		}
		if err != nil {
			if malformed, ok := errors.AsType[*events.MalformedError](err); !ok || malformed.Reason == "" {
				t.Errorf("%q: error of type %T: %v", data, err, err)
			}
			return
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(sample{})); diff != "" {
			t.Errorf("%q is read otherwise than by encoding/json (-want +got):\n%s", data, diff)
		}
	})
}

// BenchmarkDecodeObject measures how long it takes to read a little of a push.
func BenchmarkDecodeObject(b *testing.B) {
	data, err := os.ReadFile("../testdata/payloads/github/push.json")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		var v sample
		if err := events.DecodeObject(data, &v); err != nil {
			b.Fatal(err)
		}
	}
}
