package api

import (
	"net/http"
	"time"
)

// piece is how much a client must take in the time of a stall, in bytes.
const piece = 32 << 10

// paced writes an answer whose length nobody knows before. It is under no
// deadline as a whole; a client that takes nothing for the time of a stall is
// given up.
type paced struct {
	w       http.ResponseWriter
	control *http.ResponseController
	stall   time.Duration
}

// newPaced lifts the deadlines of the server. That for reading would end the
// context of the request.
func newPaced(w http.ResponseWriter, stall time.Duration) *paced {
	p := &paced{w: w, control: http.NewResponseController(w), stall: stall}
	// Where there are no deadlines, none need to be moved, here and below.
	_ = p.control.SetReadDeadline(time.Time{})
	return p
}

// Write implements [io.Writer].
func (p *paced) Write(data []byte) (n int, err error) {
	for len(data) > 0 && err == nil {
		part := data[:min(len(data), piece)]
		_ = p.control.SetWriteDeadline(time.Now().Add(p.stall))
		var written int
		written, err = p.w.Write(part)
		n, data = n+written, data[written:]
	}
	return n, err
}

// flush sends what has been written.
func (p *paced) flush() error {
	_ = p.control.SetWriteDeadline(time.Now().Add(p.stall))
	return p.control.Flush()
}
