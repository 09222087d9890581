package store_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	"github.com/franela/pocketci/internal/store"
)

// TestPayloadsComeBackAsTheyWere holds for those that are stored shorter than
// they came and for those that are not.
func TestPayloadsComeBackAsTheyWere(t *testing.T) {
	noise := make([]byte, 20_000)
	rand.Read(noise)
	payloads := map[string][]byte{
		"nothing": {}, "short": []byte(`{}`), "long": []byte(`{"a":"` + strings.Repeat("a text ", 100_000) + `"}`),
		"in every way the same": bytes.Repeat([]byte("x"), 600), "noise": noise,
		"noise and text": append(bytes.Repeat([]byte("x"), 20_000), noise...),
	}
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		for name, payload := range payloads {
			d := push("franela/pocketci", name)
			d.Event.Payload = payload
			if _, err := s.Accept(t.Context(), d); err != nil {
				t.Fatal(name, err)
			}
			got, err := s.Event(t.Context(), d.Event.ID)
			if err != nil || !bytes.Equal(got.Payload, payload) {
				t.Errorf("%s: %d bytes come back (%v), want %d", name, len(got.Payload), err, len(payload))
			}
		}
		var length int64
		if err := raw(t, o).QueryRowContext(t.Context(), `SELECT max(length(payload)) FROM events`).Scan(&length); err != nil || length > 50_000 {
			t.Errorf("a payload takes %d bytes (%v)", length, err)
		}
	})
}

// TestPayloadsThatAreNotPacked are read as they are.
func TestPayloadsThatAreNotPacked(t *testing.T) {
	onBoth(t, func(t *testing.T, o store.Options) {
		s := open(t, o)
		d := push("franela/pocketci", "1")
		d.Event.Payload = []byte(`{"a":"` + strings.Repeat("a text ", 1000) + `"}`)
		if _, err := s.Accept(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		for _, tc := range []struct{ set, want string }{
			{`packed = 0`, ""}, {`packed = 1`, "unpack payload"},
		} {
			blob := `x'7b7d'`
			if o.DSN != "" {
				blob = `'\x7b7d'`
			}
			if _, err := raw(t, o).ExecContext(t.Context(), fmt.Sprintf(`UPDATE events SET payload = %s, %s`, blob, tc.set)); err != nil {
				t.Fatal(err)
			}
			got, err := s.Event(t.Context(), d.Event.ID)
			if tc.want == "" && (err != nil || string(got.Payload) != "{}") {
				t.Errorf("%s: %q, %v", tc.set, got.Payload, err)
			}
			if tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("%s: error %v, want one with %q", tc.set, err, tc.want)
			}
		}
	})
}
