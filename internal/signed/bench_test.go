package signed_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/signed"
)

// BenchmarkVerify measures the verification of a token by the last of several keys,
// with a payload of some sizes.
func BenchmarkVerify(b *testing.B) {
	for name, c := range map[string]struct{ keys, size int }{
		"1-key/1-kB":    {1, 1 << 10},
		"1-key/100-kB":  {1, 100 << 10},
		"10-keys/1-kB":  {10, 1 << 10},
		"not-ours/1-kB": {0, 1 << 10},
	} {
		b.Run(name, func(b *testing.B) {
			key := signer(b, "")
			keys := []signed.Key{signer(b, "").Public()}
			for range c.keys - 1 {
				keys = append(keys, signer(b, "").Public())
			}
			if c.keys > 0 {
				keys = append(keys[1:], key.Public())
			}
			text, err := signed.Sign(key, signed.Claims{
				ID: "one", IssuedAt: noon, Expires: noon.Add(time.Hour),
				Content: signed.Content{Source: "web", Payload: json.RawMessage(fmt.Sprintf("%q", strings.Repeat("x", c.size)))},
			})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := signed.Verify(text, signed.Rules{Source: "web", Keys: keys, Now: noon}); (err == nil) != (c.keys > 0) {
					b.Fatal(err)
				}
			}
		})
	}
}
