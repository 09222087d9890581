package secrets

import (
	"io"
	"sync"
	"sync/atomic"
)

// Masker replaces secrets in text by "***": each value as a whole and each of
// its lines, also in base64 (both alphabets, at every alignment, wrapped),
// percent-encoded, escaped as in JSON, and in hexadecimal. What is shorter than
// [MinLength] is not masked. The zero Masker masks nothing until secrets are
// added. It may be used from several goroutines.
type Masker struct {
	matcher atomic.Pointer[matcher]

	mu     sync.Mutex
	values map[string]bool
	forms  []string
}

// NewMasker returns a masker for the values.
func NewMasker(values ...string) *Masker {
	m := &Masker{}
	m.Add(values...)
	return m
}

// Add makes the masker mask further values, from the next text or write on.
// Values that it has already cost nothing.
func (m *Masker) Add(values ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	grown := false
	for _, value := range values {
		if m.values[value] {
			continue
		}
		if m.values == nil {
			m.values = map[string]bool{}
		}
		m.values[value] = true
		if found := forms(value); len(found) > 0 {
			m.forms = append(m.forms, found...)
			grown = true
		}
	}
	if grown {
		m.matcher.Store(newMatcher(m.forms))
	}
}

// String returns the text with secrets masked.
func (m *Masker) String(s string) string {
	matcher := m.matcher.Load()
	if matcher == nil || len(s) < MinLength {
		return s
	}
	out, _, _ := matcher.mask(make([]byte, 0, len(s)), []byte(s), 0, true)
	return string(out)
}

// Writer returns a writer that writes to w with secrets masked, also those that
// are split over several writes.
func (m *Masker) Writer(w io.Writer) *Writer {
	return &Writer{masker: m, to: w}
}

// Writer masks a stream. Bytes with which a secret might begin are held back
// until it is clear that none does, or until Flush or Close. It may be used
// from several goroutines, each of whose writes stays in one piece.
type Writer struct {
	masker *Masker
	to     io.Writer

	mu sync.Mutex
	// held begins with covered bytes of a secret that has been masked.
	held    []byte
	covered int
	out     []byte
}

// Write writes p, of which a part may be held back. It returns len(p) unless
// writing fails.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	matcher := w.masker.matcher.Load()
	if matcher == nil {
		return w.to.Write(p)
	}
	data := p
	if len(w.held) > 0 {
		w.held = append(w.held, p...)
		data = w.held
	}
	out, kept, covered := matcher.mask(w.out[:0], data, w.covered, false)
	w.held = append(w.held[:0], data[kept:]...)
	w.covered = covered
	if err := w.send(out); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush writes what is held back. A secret whose beginning was held back and
// whose rest comes later is not recognised.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.held) == 0 {
		return nil
	}
	out, _, _ := w.masker.matcher.Load().mask(w.out[:0], w.held, w.covered, true)
	w.held, w.covered = w.held[:0], 0
	return w.send(out)
}

// Close is [Writer.Flush]; the writer below is not closed.
func (w *Writer) Close() error { return w.Flush() }

func (w *Writer) send(out []byte) error {
	w.out = out[:0]
	if len(out) == 0 {
		return nil
	}
	n, err := w.to.Write(out)
	if err == nil && n < len(out) {
		err = io.ErrShortWrite
	}
	return err
}
