// Package badge draws how a branch or a function is, as a small picture for pages of
// other sites.
package badge

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// Badge is what a picture says: two words beside each other.
type Badge struct {
	// Label is what it is about, Message how that is. Each is cut after 60 characters;
	// what is not to be seen, or turns text around, is left out.
	Label, Message string
	// Tone is the colour of the message.
	Tone Tone
}

// Tone is a colour by its meaning.
type Tone string

// The tones of badges.
const (
	Good Tone = "good"
	Bad  Tone = "bad"
	None Tone = "none"
)

// colours have white text with a contrast of 4.5 and more on them.
var colours = map[Tone]string{Good: "#1a7f43", Bad: "#c02a2a", None: "#656c78"}

const (
	// textLimit is the length of a text in characters.
	textLimit = 60
	// padding is on either side of a text, in pixels.
	padding = 6
	height  = 20
)

// SVG returns the badge as a picture.
func (b Badge) SVG() []byte {
	label, message := shown(b.Label), shown(b.Message)
	left, right := width(label)+2*padding, width(message)+2*padding
	name := label + ": " + message
	words := []text{{X: half(2*left + right), Y: "14", Length: strconv.Itoa(width(message)), Adjust: "spacingAndGlyphs", Text: message}}
	if label == "" {
		left, name = 0, message
		words[0].X = half(right)
	} else {
		words = append(words, text{X: half(left), Y: "14", Length: strconv.Itoa(width(label)), Adjust: "spacingAndGlyphs", Text: label})
	}
	colour, known := colours[b.Tone]
	if !known {
		colour = colours[None]
	}
	whole, high := strconv.Itoa(left+right), strconv.Itoa(height)
	picture := svg{
		Space: "http://www.w3.org/2000/svg", Width: whole, Height: high, Role: "img", Name: name, Title: name,
		Clip: clip{ID: "round", Rect: rect{Width: whole, Height: high, Round: "3"}},
		Groups: []any{
			group{Clip: "url(#round)", Rects: []rect{
				{Width: strconv.Itoa(left), Height: high, Fill: "#3b4048"},
				{X: strconv.Itoa(left), Width: strconv.Itoa(right), Height: high, Fill: colour},
			}},
			texts{Fill: "#fff", Anchor: "middle", Family: "Verdana,DejaVu Sans,Geneva,sans-serif", Size: "11", Texts: words},
		},
	}
	out, err := xml.Marshal(picture)
	if err != nil {
		panic(err) // it holds nothing but text
	}
	return append(out, '\n')
}

// The elements of a picture.
type (
	svg struct {
		XMLName xml.Name `xml:"svg"`
		Space   string   `xml:"xmlns,attr"`
		Width   string   `xml:"width,attr"`
		Height  string   `xml:"height,attr"`
		Role    string   `xml:"role,attr"`
		Name    string   `xml:"aria-label,attr"`
		Title   string   `xml:"title"`
		Clip    clip     `xml:"clipPath"`
		Groups  []any
	}
	clip struct {
		ID   string `xml:"id,attr"`
		Rect rect   `xml:"rect"`
	}
	group struct {
		XMLName xml.Name `xml:"g"`
		Clip    string   `xml:"clip-path,attr"`
		Rects   []rect   `xml:"rect"`
	}
	rect struct {
		X      string `xml:"x,attr,omitempty"`
		Width  string `xml:"width,attr"`
		Height string `xml:"height,attr"`
		Round  string `xml:"rx,attr,omitempty"`
		Fill   string `xml:"fill,attr,omitempty"`
	}
	texts struct {
		XMLName xml.Name `xml:"g"`
		Fill    string   `xml:"fill,attr"`
		Anchor  string   `xml:"text-anchor,attr"`
		Family  string   `xml:"font-family,attr"`
		Size    string   `xml:"font-size,attr"`
		Texts   []text   `xml:"text"`
	}
	text struct {
		X      string `xml:"x,attr"`
		Y      string `xml:"y,attr"`
		Length string `xml:"textLength,attr"`
		Adjust string `xml:"lengthAdjust,attr"`
		Text   string `xml:",chardata"`
	}
)

// half is the middle of a width.
func half(n int) string { return strconv.FormatFloat(float64(n)/2, 'f', -1, 64) }

// shown is a text as it is drawn: without what cannot be seen, and cut.
func shown(s string) string {
	var b bytes.Buffer
	n := 0
	for _, r := range s {
		switch {
		case r == utf8.RuneError, !unicode.IsPrint(r):
			continue // controls, those that turn the direction, and what is no text
		case n == textLimit:
			return fmt.Sprint(b.String(), "…")
		}
		b.WriteRune(r)
		n++
	}
	return b.String()
}

// widths are those of the printable characters of ASCII from the space on, in hundredths
// of a pixel at 11 pixels. They are rough: the picture says how long each text is to be,
// so that it fits with every font.
var widths = [...]int{
	387, 433, 505, 900, 699, 1184, 799, 295, 500, 500, 699, 900, 400, 500, 400, 500, // space to /
	699, 699, 699, 699, 699, 699, 699, 699, 699, 699, 500, 500, 900, 900, 900, 600, // 0 to ?
	1100, 752, 754, 768, 848, 696, 632, 853, 827, 463, 500, 762, 612, 927, 823, 866, // @ to O
	663, 866, 765, 752, 678, 805, 752, 1088, 754, 677, 754, 500, 500, 500, 900, 699, // P to _
	699, 661, 685, 573, 685, 655, 387, 685, 696, 302, 379, 651, 302, 1070, 696, 668, // ` to o
	685, 685, 469, 573, 433, 696, 651, 900, 651, 651, 578, 698, 500, 698, 900, // p to ~
}

// width is about how wide a text is, in whole pixels.
func width(s string) int {
	sum := 0
	for _, r := range s {
		switch i := int(r) - ' '; {
		case i >= 0 && i < len(widths):
			sum += widths[i]
		case r < 0x1100:
			sum += 760
		default:
			sum += 1200 // as most of these are wide
		}
	}
	return (sum + 99) / 100
}
