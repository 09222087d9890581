package secrets_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/secrets"
)

type account struct {
	Name, Password string
	hidden         string
}

type lazy struct{}

func (lazy) LogValue() slog.Value { return slog.StringValue("lazy hunter22") }

func TestHandler(t *testing.T) {
	masker := secrets.NewMasker("hunter22", "12345678")
	for _, tc := range []struct {
		name string
		log  func(*slog.Logger)
		want string
	}{
		{"message", func(l *slog.Logger) { l.Info("got hunter22") }, `msg="got ***"`},
		{"string", func(l *slog.Logger) { l.Info("m", "a", "hunter22!") }, `a=***!`},
		{"key", func(l *slog.Logger) { l.Info("m", "hunter22", 1) }, `***=1`},
		{"error", func(l *slog.Logger) { l.Info("m", "err", fmt.Errorf("fetch: %w", errors.New("https://u:hunter22@h"))) }, `err="fetch: https://u:***@h"`},
		{"group", func(l *slog.Logger) {
			l.Info("m", slog.Group("g", "a", "hunter22", slog.Group("h", "b", "hunter22")))
		}, `g.a=*** g.h.b=***`},
		{"with attributes and group", func(l *slog.Logger) { l.With("w", "hunter22").WithGroup("g").Info("m", "a", "hunter22") }, `w=*** g.a=***`},
		{"log valuer", func(l *slog.Logger) { l.Info("m", "a", lazy{}) }, `a="lazy ***"`},
		{"struct", func(l *slog.Logger) { l.Info("m", "a", account{"me", "hunter22", ""}) }, `a="{\"Name\":\"me\",\"Password\":\"***\"}"`},
		{"unexported field", func(l *slog.Logger) { l.Info("m", "a", account{"me", "", "hunter22"}) }, `a="{Name:me Password: hidden:***}"`},
		{"list", func(l *slog.Logger) { l.Info("m", "a", []string{"x", "hunter22"}) }, `a="[\"x\",\"***\"]"`},
		{"bytes", func(l *slog.Logger) { l.Info("m", "a", []byte("hunter22")) }, `a=***`},
		{"number", func(l *slog.Logger) { l.Info("m", "a", 12345678, "b", 7) }, `a=*** b=7`},
		{"harmless values stay", func(l *slog.Logger) {
			l.Info("m", "a", account{"me", "x", ""}, "d", time.Second, "b", true, "e", errors.New("no"), "n", nil)
		}, `a="{Name:me Password:x hidden:}" d=1s b=true e=no n=<nil>`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out bytes.Buffer
			inner := slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelInfo})
			logger := slog.New(masker.Handler(inner))
			tc.log(logger)
			if !strings.Contains(out.String(), tc.want) {
				t.Errorf("got %s", out.String())
			}
			if strings.Contains(out.String(), "hunter22") {
				t.Errorf("the secret shows: %s", out.String())
			}
		})
	}
	logger := slog.New(masker.Handler(slog.NewTextHandler(&bytes.Buffer{}, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if logger.Enabled(context.Background(), slog.LevelInfo) || !logger.Enabled(context.Background(), slog.LevelWarn) {
		t.Error("the level is not that of the handler below")
	}
}

// A handler over the masking writer masks what was attached before the secret
// was known, and every line arrives with the record it belongs to.
func TestHandlerOverWriter(t *testing.T) {
	var masker secrets.Masker
	var out bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(masker.Writer(&out), nil)).With("a", `hun"ter22`)
	masker.Add(`hun"ter22`)
	logger.Info("one")
	if got := out.String(); !strings.Contains(got, `"msg":"one","a":"***"}`) || !strings.HasSuffix(got, "\n") {
		t.Errorf("got %q", got)
	}
}
