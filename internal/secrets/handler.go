package secrets

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"
)

// Handler returns a slog handler that hands records to h with secrets masked in
// messages, keys and values, nested groups included. Attributes that a logger
// carries are masked with the secrets known when they are attached; a handler
// that writes through [Masker.Writer] masks them whenever they are written.
func (m *Masker) Handler(h slog.Handler) slog.Handler { return &handler{m, h} }

type handler struct {
	masker *Masker
	next   slog.Handler
}

func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	masked := slog.NewRecord(r.Time, r.Level, h.masker.String(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		masked.AddAttrs(h.attr(a))
		return true
	})
	return h.next.Handle(ctx, masked)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	masked := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		masked[i] = h.attr(a)
	}
	return &handler{h.masker, h.next.WithAttrs(masked)}
}

func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.masker, h.next.WithGroup(h.masker.String(name))}
}

func (h *handler) attr(a slog.Attr) slog.Attr {
	return slog.Attr{Key: h.masker.String(a.Key), Value: h.value(a.Value.Resolve())}
}

func (h *handler) value(v slog.Value) slog.Value {
	switch v.Kind() {
	case slog.KindString:
		return slog.StringValue(h.masker.String(v.String()))
	case slog.KindGroup:
		attrs := make([]slog.Attr, 0, len(v.Group()))
		for _, a := range v.Group() {
			attrs = append(attrs, h.attr(a))
		}
		return slog.GroupValue(attrs...)
	case slog.KindInt64, slog.KindUint64, slog.KindFloat64:
		// A secret may well be a number.
		return h.unlessClean(v, v.String())
	case slog.KindAny:
		return h.any(v)
	}
	return v
}

// any masks a value of a type that slog does not know. It stays as it is if
// nothing in it is secret, however the handler below renders it.
func (h *handler) any(v slog.Value) slog.Value {
	switch x := v.Any().(type) {
	case nil, time.Time, *slog.Source:
		return v
	case error:
		return h.unlessClean(v, x.Error())
	case []byte:
		return h.unlessClean(v, string(x))
	default:
		if data, err := json.Marshal(x); err == nil {
			v = h.unlessClean(v, string(data))
		}
		if v.Kind() == slog.KindString {
			return v
		}
		return h.unlessClean(v, fmt.Sprintf("%+v", x))
	}
}

// unlessClean returns v, or the text masked if there is a secret in it.
func (h *handler) unlessClean(v slog.Value, text string) slog.Value {
	if masked := h.masker.String(text); masked != text {
		return slog.StringValue(masked)
	}
	return v
}
