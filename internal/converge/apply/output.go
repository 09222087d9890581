package apply

import (
	"bytes"
	"io"
	"strings"
	"sync"
)

// head keeps the beginning of what is written to it.
type head struct {
	most int
	mu   sync.Mutex
	buf  bytes.Buffer
}

func (h *head) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if room := h.most - h.buf.Len(); room > 0 {
		h.buf.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func (h *head) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.ToValidUTF8(h.buf.String(), "\uFFFD")
}

// ending keeps the end of what is written to it, from two outputs at once.
type ending struct {
	most int
	mu   sync.Mutex
	buf  []byte
	cut  bool
}

func (e *ending) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.buf = append(e.buf, p...)
	if over := len(e.buf) - e.most; over > 0 {
		e.buf = append(e.buf[:0:0], e.buf[over:]...)
		e.cut = true
	}
	return len(p), nil
}

func (e *ending) String() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	text := strings.ToValidUTF8(string(e.buf), "\uFFFD")
	if e.cut {
		text = "…" + text
	}
	return text
}

// both writes to two writers that never fail.
type both struct{ a, b io.Writer }

func (w both) Write(p []byte) (int, error) {
	w.a.Write(p)
	return w.b.Write(p)
}

// lastLine returns the last line of an output that says something, of at most 300
// bytes.
func lastLine(output string) string {
	lines := strings.Split(strings.TrimSpace(output), "\n")
	line := strings.TrimSpace(lines[len(lines)-1])
	if len(line) > 300 {
		line = strings.ToValidUTF8(line[:300], "") + "…"
	}
	return line
}
