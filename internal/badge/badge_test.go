package badge_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode"

	"github.com/franela/pocketci/internal/badge"
)

// read is the elements of a picture and its texts, of which there are only those that
// every badge has.
func read(t *testing.T, picture []byte) (elements map[string]int, texts []string) {
	t.Helper()
	elements = map[string]int{}
	var in string
	for d := xml.NewDecoder(bytes.NewReader(picture)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return elements, texts
		}
		if err != nil {
			t.Fatalf("%v: %s", err, picture)
		}
		switch token := token.(type) {
		case xml.StartElement:
			in = token.Name.Local
			elements[in]++
			for _, a := range token.Attr {
				if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "href" || a.Name.Local == "style" {
					t.Errorf("the picture has an attribute %s: %s", a.Name.Local, picture)
				}
			}
		case xml.CharData:
			if in == "text" {
				texts = append(texts, string(token))
			}
		case xml.EndElement:
			in = ""
		case xml.ProcInst, xml.Directive, xml.Comment:
			t.Errorf("the picture has %T: %s", token, picture)
		}
	}
}

func TestBadge(t *testing.T) {
	for name, tc := range map[string]struct {
		badge          badge.Badge
		label, message string
	}{
		"plain":    {badge.Badge{Label: "main", Message: "succeeded", Tone: badge.Good}, "main", "succeeded"},
		"markup":   {badge.Badge{Label: `</text><script>alert(1)</script>`, Message: `"'&<>`, Tone: badge.Bad}, `</text><script>alert(1)</script>`, `"'&<>`},
		"entities": {badge.Badge{Label: "&lt;&#60;", Message: "]]>"}, "&lt;&#60;", "]]>"},
		"hidden":   {badge.Badge{Label: "a\u202eb\x00c\x1b[31m\u200bd\ufeff", Message: "x\ny"}, "abc[31md", "xy"},
		"no text":  {badge.Badge{Label: "a\xffb", Message: "failed"}, "ab", "failed"},
		"long":     {badge.Badge{Label: strings.Repeat("ü", 100), Message: strings.Repeat("n", 60)}, strings.Repeat("ü", 60) + "…", strings.Repeat("n", 60)},
		"no label": {badge.Badge{Message: "failed", Tone: "unknown"}, "", "failed"},
	} {
		t.Run(name, func(t *testing.T) {
			picture := tc.badge.SVG()
			elements, texts := read(t, picture)
			want := []string{tc.message}
			if tc.label != "" {
				want = append(want, tc.label)
			}
			if strings.Join(texts, "|") != strings.Join(want, "|") {
				t.Errorf("it says %q, want %q", texts, want)
			}
			if elements["svg"] != 1 || elements["rect"] != 3 || elements["g"] != 2 || elements["title"] != 1 || len(elements) != 6 {
				t.Errorf("it has other elements: %v", elements)
			}
		})
	}
}

// Whatever it is to say, it is a picture without anything else in it.
func FuzzBadge(f *testing.F) {
	f.Add("main", "succeeded", "good")
	f.Add("<!--", "]]>", "\x00")
	f.Add("\xff\u202e", "<?xml?>", "bad")
	f.Fuzz(func(t *testing.T, label, message, tone string) {
		elements, texts := read(t, badge.Badge{Label: label, Message: message, Tone: badge.Tone(tone)}.SVG())
		if len(elements) > 6 || elements["rect"] != 3 {
			t.Errorf("it has other elements: %v", elements)
		}
		for _, text := range texts {
			for _, r := range text {
				if !unicode.IsPrint(r) {
					t.Errorf("it shows %q", text)
				}
			}
		}
	})
}
