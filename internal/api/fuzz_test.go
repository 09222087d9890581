package api_test

import (
	"slices"
	"testing"

	"github.com/franela/pocketci/internal/api"
)

// However a log is cut into chunks and wherever a reader comes in, it gets the
// lines that begin there or behind, and each place is where to go on.
func FuzzLines(f *testing.F) {
	f.Add([]byte("one\ntwo\n\nthree"), uint8(1), uint16(4))
	f.Add([]byte("\n\n\n"), uint8(2), uint16(1))
	f.Fuzz(func(t *testing.T, log []byte, chunk uint8, place uint16) {
		at, size := int64(place)%int64(len(log)+2), int(chunk)+1
		var want []string
		begin := 0
		for i, b := range log {
			if b != '\n' {
				continue
			}
			if int64(begin) >= at {
				want = append(want, string(log[begin:i]))
			}
			begin = i + 1
		}
		got, behind := api.LinesFrom(log, size, at)
		if !slices.Equal(got, want) {
			t.Fatalf("from %d on in chunks of %d the lines of %q are %q, want %q", at, size, log, got, want)
		}
		for i, b := range behind {
			if rest, _ := api.LinesFrom(log, size, b); !slices.Equal(rest, want[i+1:]) {
				t.Fatalf("behind line %d of %q come %q, want %q", i, log, rest, want[i+1:])
			}
		}
	})
}

func FuzzCursor(f *testing.F) {
	for _, s := range []string{"", "cnVuIDEy", "cnVuIC0x", "ZXZlbnQgMQ", "!", "cnVuIDk5OTk5OTk5OTk5OTk5OTk5OTk5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, err := api.CursorOf("run", s); err == nil && s != "" && n <= 0 || err != nil && n != 0 {
			t.Errorf("%q is %d (%v)", s, n, err)
		}
	})
}
