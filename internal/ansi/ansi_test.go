package ansi_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/franela/pocketci/internal/ansi"
)

// shown writes spans so that tests can be read: {classes|text}.
func shown(l ansi.Line) string {
	var b strings.Builder
	for _, s := range l.Spans {
		if s.Class == "" {
			b.WriteString(s.Text)
			continue
		}
		b.WriteString("{" + s.Class + "|" + s.Text + "}")
	}
	return b.String()
}

func TestRender(t *testing.T) {
	for name, test := range map[string]struct{ line, want string }{
		"plain":                   {"ok  \tgithub.com/acme/shop\t0.1s", "ok  \tgithub.com/acme/shop\t0.1s"},
		"empty":                   {"", ""},
		"only colours":            {"\x1b[31m\x1b[0m", ""},
		"newline at the end":      {"one\r\n", "one"},
		"newline within":          {"one\ntwo\x1b[m", "one two"},
		"markup":                  {"<img src=x onerror=alert(1)>&amp;'\"/", "<img src=x onerror=alert(1)>&amp;'\"/"},
		"markup in colour":        {"\x1b[31m</span><script>alert(1)</script>", "{term-fg31|</span><script>alert(1)</script>}"},
		"colours":                 {"\x1b[31mred\x1b[0m \x1b[1;92mgreen\x1b[22m.\x1b[39m.", "{term-fg31|red} {term-fgi92 term-fg1|green}{term-fgi92|.}."},
		"behind":                  {"\x1b[41;97mwarn\x1b[49;39m.", "{term-fgi97 term-bg41|warn}."},
		"empty field resets":      {"\x1b[31mred\x1b[1;mplain", "{term-fg31|red}plain"},
		"looks":                   {"\x1b[1mb\x1b[0;2mf\x1b[0;3mi\x1b[0;4mu\x1b[0;9ms", "{term-fg1|b}{term-fg2|f}{term-fg3|i}{term-fg4|u}{term-fg9|s}"},
		"blinking and hidden":     {"\x1b[5mhere\x1b[8mtoo", "heretoo"},
		"256 colours":             {"\x1b[38;5;1ma\x1b[38;5;9mb\x1b[38;5;196mc\x1b[48;5;21md", "{term-fg31|a}{term-fgi91|b}{term-fg31|c}{term-fg31 term-bg44|d}"},
		"256 greys":               {"\x1b[38;5;232ma\x1b[38;5;240mb\x1b[38;5;255mc", "{term-fg30|a}{term-fgi90|b}{term-fgi97|c}"},
		"true colours":            {"\x1b[38;2;0;200;0ma\x1b[38:2::255:255:0mb", "{term-fg32|a}{term-fg33|b}"},
		"a colour without an end": {"\x1b[38;5mx\x1b[38my\x1b[38;2;1;2mz", "xyz"},
		"a kind of underline":     {"\x1b[4:3mx", "{term-fg4|x}"},
		"numbers out of range":    {"\x1b[999999999999999999999m\x1b[38;5;300mx", "x"},
		"progress":                {"10%\r 50%\r100%\r", "100%"},
		"progress that is erased": {"downloading 10%\x1b[2K\rdone", "done"},
		"erased to the end":       {"downloading\r\x1b[Kdone", "done"},
		"backspace":               {"abc\b\bX", "aXc"},
		"moves within the line":   {"abc\x1b[2Dx\x1b[10Gy\x1b[1Cz", "axc      y z"},
		"moves between lines":     {"one\x1b[Aup\x1b[Bdown\x1b[5;5Hthere\x1b[2Jgone\x1bMtwo", "oneupdowntheregonetwo"},
		"cursor and screen":       {"\x1b[?25l\x1b[?1049h\x1b[>4;2mx\x1b=\x1b>\x1b(B\x1b[6n", "x"},
		"title":                   {"\x1b]0;owned\x07x\x1b]2;again\x1b\\y", "xy"},
		"link":                    {"\x1b]8;;https://evil.example/\x1b\\click\x1b]8;;\x1b\\ me", "click me"},
		"image of iTerm":          {"a\x1b]1337;File=name=MS5naWY=;inline=1:R0lGODlh\x07b", "ab"},
		"image of Buildkite":      {"a\x1b]1338;url=https://evil.example/x.png;alt=x\x07b", "ab"},
		"link of Buildkite":       {"a\x1b]1339;url=javascript:alert(1);content=x\x07b", "ab"},
		"time of Buildkite":       {"a\x1b_bk;t=\"><script>alert(1)</script>\x07b", "ab"},
		"wrong ones of Buildkite": {"a\x1b]1338;x\x07b\x1b_bk;t=x\x07c\x1b]1337;File=:\x07d", "abcd"},
		"link without an end":     {"a\x1b]8;;https://evil.example/", "a"},
		"sequence without an end": {"a\x1b[31", "a"},
		"escape alone":            {"a\x1b", "a"},
		"escape before escape":    {"a\x1b\x1b[31mb", "a{term-fg31|b}"},
		"C1 controls":             {"a\u009b31mb\u0090c\u0085d", "a31mbcd"},
		"control characters":      {"a\x00\x07\x0b\x7fb", "ab"},
		"order of characters":     {"a\u202eb\u2066c\u200fd\ufeffe", "a<U+202E>b<U+2066>c<U+200F>d<U+FEFF>e"},
		"emoji and marks":         {"\x1b[32m👩‍🚀 größe é\x1b[0m", "{term-fg32|👩‍🚀 größe é}"},
		"no UTF-8":                {"a\xff\x1b[31mb\xfe", "a\ufffd{term-fg31|b\ufffd}"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, shown(ansi.Render(test.line))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRenderLongLines(t *testing.T) {
	progress := strings.Repeat("\x1b[32m=>          \x1b[0m\r", 1000) + "\x1b[32mdone\x1b[0m"
	for name, test := range map[string]struct{ line, want string }{
		"the beginning":             {strings.Repeat("x", ansi.Limit+10), strings.Repeat("x", ansi.Limit)},
		"whole characters":          {"x" + strings.Repeat("ä", ansi.Limit), "x" + strings.Repeat("ä", ansi.Limit/2-1)},
		"the end of progress":       {progress, "{term-fg32|done        }"},
		"an end that is too long":   {"x\r" + strings.Repeat("y", ansi.Limit+1), strings.Repeat("y", ansi.Limit)},
		"what is behind the return": {strings.Repeat("x", ansi.Limit) + "\r" + "y", "y"},
	} {
		t.Run(name, func(t *testing.T) {
			l := ansi.Render(test.line)
			if diff := cmp.Diff(test.want, shown(l)); diff != "" || l.Cut <= 0 || l.Cut >= len(test.line) {
				t.Errorf("%d bytes are cut: %s", l.Cut, diff)
			}
		})
	}
}

// FuzzRender looks for anything but text that gets out.
func FuzzRender(f *testing.F) {
	for _, seed := range []string{
		"\x1b[1;31mred\x1b[0m", "\x1b]8;;https://evil.example/\x1b\\click\x1b]8;;\x1b\\", "\x1b]1338;url=x;alt=y\x07",
		"\x1b_bk;t=1\x07<b>", "a\rb\bc\x1b[2K\x1b[5D", "\x1b[38;5;208m\x1b[48:2::1:2:3mx", "\u202e\x9b31m&nbsp;", "&nbsp;",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		l := ansi.Render(line)
		for _, s := range l.Spans {
			for _, class := range strings.Fields(s.Class) {
				if !strings.HasPrefix(class, "term-") || html.EscapeString(class) != class {
					t.Errorf("the class %q", s.Class)
				}
			}
			if strings.ContainsFunc(s.Text, func(r rune) bool {
				return r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0 || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
			}) {
				t.Errorf("the text %q of %q", s.Text, line)
			}
		}
		if !strings.ContainsAny(line, "\x1b\r\b") && utf8.ValidString(line) && len(line) <= ansi.Limit {
			// Without control sequences all of the text is there.
			for _, word := range strings.Fields(line) {
				if strings.ContainsFunc(word, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
					continue
				}
				if !strings.Contains(l.Text(), word) {
					t.Errorf("%q is not in %q of %q", word, l.Text(), line)
				}
			}
		}
	})
}

func BenchmarkRender(b *testing.B) {
	for name, line := range map[string]string{
		"plain":    "ok  \tgithub.com/acme/shop/internal/till\t0.123s",
		"colours":  "\x1b[32m✔\x1b[0m \x1b[1mgithub.com/acme/shop\x1b[22m \x1b[2m(0.1 s)\x1b[0m and some text behind it that is not coloured",
		"hostile":  strings.Repeat("\x1b[9999Gx\x1b[2K", ansi.Limit/12),
		"progress": strings.Repeat("\x1b[32m=>          \x1b[0m\r", 1000),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ansi.Render(line)
			}
		})
	}
}
