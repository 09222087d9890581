package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/modules"
)

const (
	// logEvery is how long lines of a log wait to be stored together.
	logEvery = 250 * time.Millisecond
	// logWaiting is how many bytes of a log may wait. What comes while the
	// store does not keep up is dropped, since nothing may hold a call up.
	logWaiting = 8 << 20
	// logText is the longest text of one line of a log; longer ones are
	// divided.
	logText = 32 << 10
)

// logs stores what the steps of one call say, as lines of [v1.LogLine].
type logs struct {
	store func(data []byte) error
	mask  func(string) string
	log   *slog.Logger

	mu      sync.Mutex
	waiting bytes.Buffer
	dropped int
	// last is of the line that was dropped last, whose step is told.
	last  v1.LogLine
	ended bool
	some  chan struct{}
	done  chan struct{}
}

// newLogs returns the log of a claimed call. It is closed before the claim is
// answered.
func (m *membership) newLogs(claim store.Claim, log *slog.Logger) *logs {
	l := &logs{
		store: func(data []byte) error {
			return m.answer(func(ctx context.Context) error { return m.member.AppendLog(ctx, claim, data) })
		},
		mask: m.cfg.Mask,
		log:  log,
		some: make(chan struct{}, 1),
		done: make(chan struct{}),
	}
	go l.write(m.gone)
	return l
}

func (l *logs) CallStarted(*dispatcher.Run, *dispatcher.Call) {}

func (l *logs) CallEnded(*dispatcher.Run, *dispatcher.Call, dispatcher.Outcome) {}

// CallStep adds a step's line. It never waits for the store.
func (l *logs) CallStep(_ *dispatcher.Run, _ *dispatcher.Call, step modules.Step) {
	line := v1.LogLine{
		Time: step.Time.UTC(), State: string(step.State), StepID: step.ID, Parent: step.Parent,
		Step: l.mask(step.Name), Seconds: step.Duration.Seconds(),
	}
	text := l.mask(step.Text)
	if step.State == modules.StepOutput {
		for {
			part, rest, more := strings.Cut(text, "\n")
			l.add(line, part, step.Open && !more)
			if !more {
				return
			}
			text = rest
		}
	}
	l.add(line, text, false)
}

// add adds a line, or several if its text is too long for one. Open is for the last
// one of them; the others are open if they are output.
func (l *logs) add(line v1.LogLine, text string, open bool) {
	for {
		part := text
		if len(part) > logText {
			part = text[:wholeRunes(text, logText)]
		}
		text = text[len(part):]
		line.Text = part
		line.Open = open
		if text != "" {
			line.Open = line.State == string(modules.StepOutput)
		}
		l.append(line)
		if text == "" {
			return
		}
	}
}

// wholeRunes is the last place up to limit at which a text can be divided.
func wholeRunes(s string, limit int) int {
	for at := limit; at > limit-utf8.UTFMax; at-- {
		if utf8.RuneStart(s[at]) {
			return at
		}
	}
	return limit // it is no UTF-8 anyway
}

func (l *logs) append(line v1.LogLine) {
	data, err := json.Marshal(line)
	if err != nil {
		l.log.Error("encode a line of a log", "error", err) // a time out of range
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting.Len()+len(data) > logWaiting {
		l.dropped += len(data)
		l.last = line
		return
	}
	l.waiting.Write(data)
	l.waiting.WriteByte('\n')
	select {
	case l.some <- struct{}{}:
	default:
	}
}

// take returns what waits, and whether more may come.
func (l *logs) take() (data []byte, more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	data = bytes.Clone(l.waiting.Bytes())
	l.waiting.Reset()
	if l.dropped > 0 {
		line, err := json.Marshal(v1.LogLine{Time: time.Now().UTC(), State: string(modules.StepOutput), StepID: l.last.StepID, Step: l.last.Step,
			Text: fmt.Sprintf("[pocketci: %d bytes of this log were dropped, since they came faster than they could be stored]", l.dropped)})
		if err == nil {
			data = append(append(data, line...), '\n')
		}
		l.dropped, l.last = 0, v1.LogLine{}
	}
	return data, !l.ended
}

// write stores what waits from time to time until the log is closed.
func (l *logs) write(gone context.Context) {
	defer close(l.done)
	for failed, more := false, true; more; {
		select {
		case <-l.some:
		case <-gone.Done():
			return
		}
		var data []byte
		if data, more = l.take(); len(data) == 0 {
			continue
		}
		if err := l.store(data); err != nil && !failed && !over(err) {
			failed = true
			l.log.Warn("a part of a log could not be stored", "bytes", len(data), "error", err)
		}
		if more {
			pause(gone, logEvery)
		}
	}
}

// close stores what is left.
func (l *logs) close() {
	l.mu.Lock()
	l.ended = true
	l.mu.Unlock()
	select {
	case l.some <- struct{}{}:
	default:
	}
	<-l.done
}

var _ dispatcher.Observer = (*logs)(nil)
