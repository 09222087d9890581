package browsertest

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// PicturesVariable names the directory that pictures for documents are written to.
// Without it there are none.
const PicturesVariable = "POCKETCI_PICTURES"

// Size of the windows that pictures for documents show.
var document = Size{Width: 1040, Height: 760}

// Picture writes NAME.png for a document: the upper part of the page as it is in a light
// window of 1040 pixels, in at most 256 colours. The window is wide after that.
func (b *Browser) Picture(t testing.TB, name string) {
	t.Helper()
	dir := os.Getenv(PicturesVariable)
	if dir == "" {
		return
	}
	b.Size(t, document)
	end := evaluate[float64](t, b, `Math.max(...[...document.querySelectorAll("main *")].filter((e) => e.checkVisibility()).map((e) => e.getBoundingClientRect().bottom)) + scrollY + 20`)
	shown, err := png.Decode(bytes.NewReader(b.picture(t, min(end, float64(document.Height)))))
	if err != nil {
		t.Fatalf("read a picture: %v", err)
	}
	b.Size(t, Wide)
	var small bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&small, fewColours(shown)); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), small.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// fewColours is a picture in the 256 colours that it has most of. A page has few others:
// what lies between them at the edges of letters.
func fewColours(from image.Image) *image.Paletted {
	bounds := from.Bounds()
	count := map[color.Color]int{}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			count[from.At(x, y)]++
		}
	}
	colours := slices.SortedFunc(maps.Keys(count), func(a, b color.Color) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), slices.Compare(parts(a), parts(b)))
	})
	to := image.NewPaletted(bounds, color.Palette(colours[:min(len(colours), 256)]))
	nearest := map[color.Color]uint8{}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			c := from.At(x, y)
			index, known := nearest[c]
			if !known {
				index = uint8(to.Palette.Index(c))
				nearest[c] = index
			}
			to.SetColorIndex(x, y, index)
		}
	}
	return to
}

func parts(c color.Color) []uint32 {
	r, g, b, a := c.RGBA()
	return []uint32{r, g, b, a}
}
