package report

import "io"

// Flusher is a writer that may hold bytes back, such as one that masks.
type Flusher interface {
	io.Writer
	Flush() error
}

// Lines returns a writer for callers that write whole lines: what was written
// is not held back until the next line comes.
func Lines(w Flusher) io.Writer { return lineWriter{w} }

type lineWriter struct{ w Flusher }

func (l lineWriter) Write(p []byte) (int, error) {
	n, err := l.w.Write(p)
	if err != nil {
		return n, err
	}
	return n, l.w.Flush()
}
