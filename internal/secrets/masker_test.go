package secrets_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/franela/pocketci/internal/secrets"
)

const key = `-----BEGIN KEY-----
MIIBVgIBADANBgkqhkiG9w0BAQEFAASCAUAw
ab
ggE8AgEAAkEAq7BFUpkGp3+LQmlQYx2eqzDV
-----END KEY-----
`

func TestMaskerString(t *testing.T) {
	const token = "s3cr&t/tok?n+é\"x"
	wrapped := func(s string, width int) string {
		text := base64.StdEncoding.EncodeToString([]byte(s))
		var b strings.Builder
		for len(text) > width {
			b.WriteString(text[:width] + "\n")
			text = text[width:]
		}
		return b.String() + text + "\n"
	}
	long := strings.Repeat("0123456789abcdef", 12) + "!"
	for _, tc := range []struct {
		name    string
		secrets []string
		text    string
		want    string
	}{
		{"nothing known", nil, "text", "text"},
		{"not there", []string{"hunter2"}, "some text", "some text"},
		{"whole text", []string{"hunter2"}, "hunter2", "***"},
		{"inside a word", []string{"hunter2"}, "xhunter2y", "x***y"},
		{"many times", []string{"hunter2"}, "hunter2 hunter2hunter2", "*** ******"},
		{"case matters", []string{"hunter2"}, "Hunter2", "Hunter2"},
		{"too short to mask", []string{"abc", ""}, "abc", "abc"},
		{"four bytes", []string{"abcd"}, "xabcdx", "x***x"},
		{"space around does not count", []string{" \thunter2\n"}, "(hunter2)", "(***)"},
		{"longest wins", []string{"token", "token-two"}, "token-two token", "*** ***"},
		{"inside of another", []string{"middle", "the middle one"}, "the middle one, middle", "***, ***"},
		{"overlap", []string{"abcdef", "defghi"}, "xabcdefghiy", "x***y"},
		{"overlap with itself", []string{"abcabc"}, "abcabcabc!", "***!"},
		{"two side by side", []string{"user", "pass"}, "userpass", "******"},
		{"each line", []string{key}, "line ggE8AgEAAkEAq7BFUpkGp3+LQmlQYx2eqzDV end", "line *** end"},
		{"whole with short lines", []string{key}, "<" + strings.TrimSpace(key) + ">", "<***>"},
		{"short line alone stays", []string{key}, "ab cab", "ab cab"},
		{"windows lines", []string{"line one\r\nline two\r\n"}, "line one\nline two", "***"},
		{"indented lines", []string{key}, "  -----BEGIN KEY-----\n    MIIBVgIBADANBgkqhkiG9w0BAQEFAASCAUAw\n", "  ***\n    ***\n"},
		{"base64", []string{token}, base64.StdEncoding.EncodeToString([]byte(token)), "***"},
		{"base64 without padding", []string{token}, base64.RawStdEncoding.EncodeToString([]byte(token)), "***"},
		{"base64 for URLs", []string{token}, base64.URLEncoding.EncodeToString([]byte(token)), "***"},
		{"base64 wrapped as MIME", []string{long}, wrapped(long, 76), "***\n"},
		{"one line of wrapped base64", []string{long}, wrapped(long, 76)[77:154], "***\n"},
		{"base64 wrapped as PEM", []string{long}, wrapped(long, 64), "***\n"},
		{"percent-encoded in a query", []string{token}, "?q=" + url.QueryEscape(token), "?q=***"},
		{"percent-encoded in a path", []string{token}, "/" + url.PathEscape(token), "/***"},
		{"percent-encoded in small letters", []string{token}, strings.ToLower(url.QueryEscape(token)), "***"},
		{"percent-encoded like encodeURIComponent", []string{"a-b c/d"}, "a-b%20c%2Fd", "***"},
		{"in a URL's user info", []string{"p@ss word"}, url.UserPassword("user", "p@ss word").String(), "user:***"},
		{"in a URL's user info with a plus", []string{"a+p@ss:w/d"}, url.UserPassword("user", "a+p@ss:w/d").String(), "user:***"},
		{"in a URL's path", []string{"a b/c;d?e"}, (&url.URL{Scheme: "https", Host: "x", Path: "/a b/c;d?e"}).String(), "https://x/***"},
		{"JSON", []string{token}, `{"a":"s3cr\u0026t/tok?n+é\"x"}`, `{"a":"***"}`},
		{"JSON that leaves HTML alone", []string{token}, `"s3cr&t/tok?n+é\"x"`, `"***"`},
		{"JSON of several lines", []string{"one\ntwo\nsix"}, `"one\ntwo\nsix"`, `"***"`},
		{"quotes at the ends", []string{`"quoted"`}, `"\"quoted\""`, `"***"`},
		{"quoted as in Go", []string{"a\x01bc"}, fmt.Sprintf("%q", "a\x01bc"), `"***"`},
		{"hexadecimal", []string{"hunter2"}, hex.EncodeToString([]byte("hunter2")) + " 68756E74657232", "*** ***"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := secrets.NewMasker(tc.secrets...)
			if got := m.String(tc.text); got != tc.want {
				t.Errorf("got  %q\nwant %q", got, tc.want)
			}
			for size := 1; size < 9; size++ {
				if got := inPieces(t, m, tc.text, func() int { return size }); got != tc.want {
					t.Errorf("in pieces of %d: %q", size, got)
				}
			}
		})
	}
}

func inPieces(t *testing.T, m *secrets.Masker, text string, size func() int) string {
	t.Helper()
	var out bytes.Buffer
	w := m.Writer(&out)
	for rest := text; len(rest) > 0; {
		n := min(max(size(), 1), len(rest))
		if written, err := w.Write([]byte(rest[:n])); err != nil || written != n {
			t.Fatalf("wrote %d of %d: %v", written, n, err)
		}
		rest = rest[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// The user name and token of a basic authentication header, whatever comes
// before and after.
func TestMaskerBase64AtEveryAlignment(t *testing.T) {
	for _, secret := range []string{"hunter22", "four", "größer?>~~", "x\ny-and-more"} {
		m := secrets.NewMasker(secret)
		for before := range 7 {
			for after := range 7 {
				text := strings.Repeat("b", before) + secret + strings.Repeat("a", after)
				for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
					encoded := encoding.EncodeToString([]byte(text))
					got := m.String(encoded)
					if !strings.Contains(got, "***") {
						t.Fatalf("%q in %q: %q", secret, text, got)
					}
					// No three whole bytes of it can be had from what is left.
					for _, part := range strings.Split(got, "***") {
						for i := range part {
							if i%4 != 0 {
								continue
							}
							plain, _ := encoding.DecodeString(part[i:])
							if len(plain) > 3 && strings.Contains(secret, strings.Trim(string(plain[:3]), "ab")) && strings.Trim(string(plain[:3]), "ab") != "" {
								t.Fatalf("%q of %q shows %q", got, text, plain)
							}
						}
					}
				}
			}
		}
	}
}

// Other text before a secret moves the ends of lines to anywhere in it.
func TestMaskerWrappedBase64AtEveryColumn(t *testing.T) {
	const secret = "c0rrect-horse-battery-staple-0123456789"
	lines := strings.Split(strings.TrimSpace(key), "\n")
	for name, value := range map[string]string{"one line": secret, "a key": key} {
		m := secrets.NewMasker(value)
		for before := range 80 {
			for _, width := range []int{76, 64, 20} {
				encoded := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("b", before) + value + "the end"))
				var text strings.Builder
				for line := range slices.Chunk([]byte(encoded), width) {
					fmt.Fprintf(&text, "%s\n", m.String(string(line)))
				}
				// No more than a few bytes of it can be had from what is left,
				// put together again.
				for code := range strings.SplitSeq(strings.ReplaceAll(text.String(), "\n", ""), "***") {
					for shift := range min(4, len(code)) {
						plain, _ := base64.RawStdEncoding.DecodeString(code[shift : shift+(len(code)-shift)/4*4])
						for _, whole := range []string{secret, lines[1], lines[3]} {
							for at := range len(whole) - 12 {
								if bytes.Contains(plain, []byte(whole[at:at+12])) {
									t.Fatalf("%s after %d bytes in lines of %d shows %q:\n%s", name, before, width, whole[at:at+12], text.String())
								}
							}
						}
					}
				}
			}
		}
	}
}

func TestMaskerAddInUse(t *testing.T) {
	var m secrets.Masker
	var out bytes.Buffer
	w := m.Writer(&out)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			secret := fmt.Sprintf("secret-number-%d", i)
			m.Add(secret, secret)
			for range 50 {
				if _, err := fmt.Fprintf(w, "%s\n", secret); err != nil {
					t.Error(err)
				}
				if got := m.String(secret); got != "***" {
					t.Errorf("got %q", got)
				}
			}
		})
	}
	wg.Wait()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if want := strings.Repeat("***\n", 400); out.String() != want {
		t.Errorf("got %.200q", out.String())
	}
}

func TestWriterHoldsBackOnlyWhatItMust(t *testing.T) {
	var out bytes.Buffer
	w := secrets.NewMasker("hunter2").Writer(&out)
	for _, step := range []struct{ write, want string }{
		{"line\n", "line\n"},
		{"step h", "line\nstep "},
		{"unt", "line\nstep "},
		{"ing\n", "line\nstep hunting\n"},
		{"hunter2", "line\nstep hunting\n***"},
		{"hunt", "line\nstep hunting\n***"},
	} {
		if _, err := w.Write([]byte(step.write)); err != nil {
			t.Fatal(err)
		}
		if out.String() != step.want {
			t.Fatalf("after %q: %q", step.write, out.String())
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if want := "line\nstep hunting\n***hunt"; out.String() != want {
		t.Errorf("flushed: %q", out.String())
	}
}

type broken struct{ err error }

func (b broken) Write(p []byte) (int, error) { return 0, b.err }

func TestWriterReportsErrors(t *testing.T) {
	cause := errors.New("disk full")
	w := secrets.NewMasker("hunter2").Writer(broken{cause})
	if _, err := w.Write([]byte("text")); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
	if _, err := w.Write([]byte("hunt")); err != nil {
		t.Errorf("nothing was written, but: %v", err)
	}
	if err := w.Close(); !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
}

// However a text is split, the output is the same, and no secret is in it: not
// as it is, nor encoded.
func FuzzMasker(f *testing.F) {
	f.Add("hunter2", "unter", "xhunter2y", uint64(1))
	f.Add("abcdef", "defghi", "abcdefghi", uint64(2))
	f.Add("aaaa", "aaaaaa", "aaaaaaaaaaaaa", uint64(3))
	f.Add("one\ntwo!\nthree", "three two!", "one\ntwo!\nthree", uint64(4))
	f.Add("a b+c/d", "\xff\xfe\xfd\xfc", "a%20b", uint64(5))
	f.Add("abab", "baba", "ababababa", uint64(6))
	f.Fuzz(func(t *testing.T, a, b, text string, seed uint64) {
		if len(a)+len(b)+len(text) > 2000 {
			t.Skip()
		}
		m := secrets.NewMasker(a, b)
		random := rand.New(rand.NewPCG(seed, 0))
		quoted, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{
			text, text + a + b, a + text + b, a[:len(a)/2] + b + a, string(quoted) + text,
			base64.StdEncoding.EncodeToString([]byte(text + a)), base64.RawURLEncoding.EncodeToString([]byte(b + text)),
			url.QueryEscape(text + b), hex.EncodeToString([]byte(a)),
		} {
			want := m.String(text)
			if got := inPieces(t, m, text, func() int { return random.IntN(12) }); got != want {
				t.Fatalf("%q in pieces gives %q, at once %q", text, got, want)
			}
			for _, secret := range []string{a, b} {
				if secret = strings.TrimSpace(secret); len(secret) < secrets.MinLength || strings.Contains(secret, "*") {
					continue
				}
				for _, form := range []string{
					secret, base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)),
					url.QueryEscape(secret), url.PathEscape(secret), hex.EncodeToString([]byte(secret)),
				} {
					if strings.Contains(want, form) {
						t.Fatalf("%q still shows %q of %q", want, form, secret)
					}
				}
			}
		}
	})
}

func BenchmarkWriter(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 2))
	word := func(n int) string {
		s := make([]byte, n)
		for i := range s {
			s[i] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"[random.IntN(63)]
		}
		return string(s)
	}
	var values []string
	for range 9 {
		values = append(values, word(40))
	}
	values = append(values, key)
	m := secrets.NewMasker(values...)
	var text bytes.Buffer
	for text.Len() < 1<<20 {
		fmt.Fprintf(&text, "#%d [%s] ok github.com/%s/%s\t%d.%03ds\n", random.IntN(99), word(8), word(6), word(12), random.IntN(99), random.IntN(999))
		if random.IntN(1000) == 0 {
			text.WriteString(values[random.IntN(10)])
		}
	}
	for _, size := range []int{100, 32 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			w := m.Writer(discard{})
			b.SetBytes(int64(text.Len()))
			for b.Loop() {
				for rest := text.Bytes(); len(rest) > 0; {
					n := min(size, len(rest))
					if _, err := w.Write(rest[:n]); err != nil {
						b.Fatal(err)
					}
					rest = rest[n:]
				}
			}
		})
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
