package web_test

import (
	"testing"

	"github.com/franela/pocketci/internal/web"
)

func TestFeed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		// made are sizes of what comes from the lines 1, 2 and so on, in turn; those of 0
		// are of a quiet log, where the same line is asked for again.
		made []int
		// again is the line that is asked for once more.
		again int64
		kept  bool
	}{
		"the last one":        {[]int{10, 10}, 2, true},
		"one a little behind": {[]int{10, 10, 10}, 1, true},
		"one far behind":      {[]int{1, 1, 1, 1, 1, 1, 1, 1, 1}, 1, false},
		"after a long quiet":  {[]int{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5}, 1, true},
		"behind large ones":   {[]int{10, 600 << 10, 600 << 10}, 1, false},
		"the last large one":  {[]int{10, 600 << 10, 600 << 10}, 3, true},
		"one that is huge":    {[]int{2 << 20}, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			next := web.Feed(t)
			first := int64(1)
			for _, size := range c.made {
				if size == 0 {
					next(first, func() []byte { return nil })
					continue
				}
				next(first, func() []byte { return make([]byte, size) })
				first++
			}
			kept := true
			next(c.again, func() []byte { kept = false; return []byte("x") })
			if kept != c.kept {
				t.Errorf("it is kept: %t", kept)
			}
		})
	}
}

// On a log that is quiet for long those who follow still wait for the same.
func TestFeedIsSharedAfterAQuiet(t *testing.T) {
	t.Parallel()
	next := web.Feed(t)
	for range 20 {
		next(1, func() []byte { return nil })
	}
	begun, goOn := make(chan struct{}), make(chan struct{})
	second := make(chan []byte)
	go func() {
		next(1, func() []byte { close(begun); <-goOn; return []byte("shared") })
	}()
	<-begun
	go func() { second <- next(1, func() []byte { return []byte("made twice") }) }()
	close(goOn)
	if got := <-second; string(got) != "shared" {
		t.Errorf("the second one gets %q", got)
	}
}
