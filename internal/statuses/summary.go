package statuses

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
	"github.com/franela/pocketci/modules"
)

const (
	// summaryLines and summaryBytes are how much of a text of a call a summary
	// shows: its end. Forges cut summaries at the other side.
	summaryLines = 60
	summaryBytes = 16 << 10
	// logEnd is how many bytes of a call's log are looked at: its end, where
	// the reason of a failure is.
	logEnd = 1 << 20
)

// printed is what a call printed, or the end of it. It is empty for a log that was
// deleted.
func (t *Teller) printed(ctx context.Context, st *store.Status) (string, error) {
	from := max(0, st.LogSize-logEnd)
	var log bytes.Buffer
	for at := from; ; {
		chunks, _, err := t.cfg.Store.ReadLog(ctx, st.Call, st.Attempt, at)
		if errors.Is(err, store.ErrLogGone) || errors.Is(err, store.ErrNotFound) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		if len(chunks) == 0 {
			break
		}
		for _, c := range chunks {
			log.Write(c.Data)
			at = c.First + int64(len(c.Data))
		}
	}
	lines := log.Bytes()
	if from > 0 { // the first one is a part
		_, lines, _ = bytes.Cut(lines, []byte("\n"))
	}
	var text strings.Builder
	for line := range bytes.Lines(lines) {
		var l v1.LogLine
		if json.Unmarshal(line, &l) == nil && l.State == string(modules.StepOutput) {
			text.WriteString(strings.TrimSuffix(l.Text, "\n") + "\n")
		}
	}
	return text.String(), nil
}

// summary is what forges show that show more than a line, in Markdown: what became
// of a call, and the texts.
func summary(st *store.Status, url string, texts ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "`%s:%s` %s, attempt %d, %s.\n", st.Module, st.Function, st.State, st.Attempt, took(st))
	if url != "" {
		fmt.Fprintf(&b, "\n[Run %d](%s) has its log, and what else was called.\n", st.RunNumber, url)
	}
	for _, text := range texts {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		lines := strings.Split(text, "\n")
		cut := len(lines) > summaryLines
		if cut {
			lines = lines[len(lines)-summaryLines:]
		}
		text = strings.Join(lines, "\n")
		if over := len(text) - summaryBytes; over > 0 {
			text, cut = strings.ToValidUTF8(text[over:], ""), true
		}
		fence := "```"
		for strings.Contains(text, fence) {
			fence += "`"
		}
		if cut {
			b.WriteString("\nThe end of it:\n")
		}
		fmt.Fprintf(&b, "\n%stext\n%s\n%s\n", fence, text, fence)
	}
	return b.String()
}
