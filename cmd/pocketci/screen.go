package main

import (
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
	"golang.org/x/term"

	"github.com/franela/pocketci/internal/terminal"
)

// screen writes what came from a server for people. Nothing in it reaches the
// terminal as a control character.
type screen struct {
	w       io.Writer
	colours bool
	now     time.Time
}

// newScreen uses colours if w is a terminal that has not been asked to do
// without.
func newScreen(w io.Writer) *screen {
	f, ok := w.(*os.File)
	colours := ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return &screen{w: w, colours: colours, now: time.Now()}
}

// state is a state of a run or call. It is shown in colour.
type state string

// The sequences that begin a colour have the same length, so that columns stay
// aligned.
var stateColours = map[state]string{
	"succeeded": "\x1b[32m",
	"failed":    "\x1b[31m", "timed-out": "\x1b[31m", "invalid": "\x1b[31m",
	"running": "\x1b[36m", "queued": "\x1b[36m", "waiting-approval": "\x1b[33m",
	"aborted": "\x1b[33m",
}

const plainColour = "\x1b[39m"

// text makes a value fit to be shown on one line.
func (s *screen) text(value any) string {
	switch v := value.(type) {
	case state:
		shown := terminal.Quote(string(v))
		if !s.colours {
			return shown
		}
		colour, ok := stateColours[v]
		if !ok {
			colour = plainColour
		}
		return colour + shown + plainColour
	case string:
		return terminal.Quote(v)
	case nil:
		return ""
	}
	return terminal.Quote(fmt.Sprint(value))
}

// printf is fmt.Fprintf with all values made fit to be shown; the verb of each
// is %s.
func (s *screen) printf(format string, values ...any) {
	shown := make([]any, len(values))
	for i, v := range values {
		shown[i] = s.text(v)
	}
	fmt.Fprintf(s.w, format, shown...)
}

// cellLimit is how much of a text a cell shows, in characters.
const cellLimit = 80

// table is a table with aligned columns.
type table struct {
	s *screen
	w *tabwriter.Writer
}

func (s *screen) table(header ...any) *table {
	t := &table{s, tabwriter.NewWriter(s.w, 0, 0, 2, ' ', 0)}
	if len(header) > 0 {
		t.row(header...)
	}
	return t
}

func (t *table) row(cells ...any) {
	for i, cell := range cells {
		text := t.s.text(cell)
		if _, coloured := cell.(state); !coloured {
			text = clip(text)
		}
		if i > 0 {
			io.WriteString(t.w, "\t")
		}
		io.WriteString(t.w, text)
	}
	io.WriteString(t.w, "\n")
}

func (t *table) flush() error { return t.w.Flush() }

func clip(text string) string {
	if utf8.RuneCountInString(text) <= cellLimit {
		return text
	}
	return string([]rune(text)[:cellLimit-1]) + "…"
}

// when is a time as seen from now.
func (s *screen) when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return humanize.RelTime(t, s.now, "ago", "from now")
}

// whenPtr is when for a time that may not have come.
func (s *screen) whenPtr(t *time.Time) string {
	if t == nil {
		return ""
	}
	return s.when(*t)
}

// took is the time from start to end, or until now.
func (s *screen) took(start, end *time.Time) string {
	switch {
	case start == nil:
		return ""
	case end == nil:
		return short(max(0, s.now.Sub(*start)))
	}
	return short(max(0, end.Sub(*start)))
}

// seconds is a duration that the server gave as a number.
func seconds(n float64) string { return short(time.Duration(n * float64(time.Second))) }

// short rounds a duration to what a reader can use.
func short(d time.Duration) string {
	switch {
	case d >= time.Minute:
		d = d.Round(time.Second)
	case d >= time.Second:
		d = d.Round(100 * time.Millisecond)
	default:
		d = d.Round(time.Millisecond)
	}
	return d.String()
}
