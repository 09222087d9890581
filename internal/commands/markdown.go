package commands

import (
	"fmt"
	"strings"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/internal/store"
)

// maxRows is how many functions a table lists: forges cut or refuse long comments.
const maxRows = 100

// table is a plan in Markdown.
func table(v *dispatcher.View, run *store.Run) string {
	var rows []string
	row := func(module, function, what, why string) {
		if module != "" {
			function = module + ":" + function
		}
		rows = append(rows, fmt.Sprintf("| `%s` | %s | %s |", strings.ReplaceAll(function, "`", ""), what, escape(firstLine(why))))
	}
	for _, c := range v.Calls {
		row(c.Module, c.Function, "called", c.Why)
	}
	for _, i := range v.Invalid {
		why := i.Error
		if i.Argument != "" {
			why = i.Argument + ": " + why
		}
		row(i.Module, i.Function, "**invalid**", why)
	}
	for _, s := range v.Skipped {
		row(s.Module, s.Function, "not called", s.Reason)
	}
	more := ""
	if n := len(rows) - maxRows; n > 0 {
		rows, more = rows[:maxRows], fmt.Sprintf("\n\nand %d more.", n)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "What `%s %s` calls at commit %.12s, as run %d was planned:\n\n| function | | why |\n|---|---|---|\n", run.Name, run.Filter, v.Event.SHA, run.Number)
	b.WriteString(strings.Join(rows, "\n"))
	b.WriteString(more)
	for _, p := range v.Pinned {
		fmt.Fprintf(&b, "\n\n`%s` is at commit %s.", p.Module, p.Commit)
	}
	for _, w := range v.Warnings {
		b.WriteString("\n\nWarning: " + escape(firstLine(w)))
	}
	return b.String()
}

// escape makes text that others chose plain in Markdown: no markup, no links, no
// mentions, no cell's end.
func escape(s string) string {
	var b strings.Builder
	for _, r := range strings.ReplaceAll(s, "://", ":\u200b//") { // no link
		switch {
		case r == '@':
			b.WriteString("@\u200b") // no mention
			continue
		case strings.ContainsRune("\\`*_{}[]()<>#+!|~&", r):
			b.WriteByte('\\')
		case r < ' ':
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String()
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	const most = 500
	if len(line) > most {
		line = strings.ToValidUTF8(line[:most], "") + " …"
	}
	return line
}
