package signed

import (
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

// Sign makes a token. A missing ID is made up, a missing IssuedAt is now. Without
// Expires the token is valid for ever, which sources have to allow. The errors are
// those of [Verify]: what is signed would not be accepted.
func Sign(signer Signer, c Claims) (string, error) {
	if signer.key == nil {
		return "", errors.New("sign: no private key")
	}
	if c.ID == "" {
		c.ID = uuid.NewString()
	}
	if c.IssuedAt.IsZero() {
		c.IssuedAt = time.Now()
	}
	if err := c.check(); err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, c.encode())
	token.Header["kid"] = signer.id
	text, err := token.SignedString(signer.key)
	if err != nil {
		// What the library says might show some of the key.
		return "", errors.New("sign: the claims are not JSON")
	}
	if len(text) > MaxToken {
		return "", fmt.Errorf("sign: %w", refuse(ErrTooLarge, "it has %d bytes, of %d that it may have", len(text), MaxToken))
	}
	// Values that came as JSON, such as the payload, may hold what is refused.
	if _, err := Verify(text, Rules{AnySource: true, Keys: []Key{signer.Public()}, AllowNoExpiry: true, Now: c.IssuedAt}); err != nil && !errors.Is(err, ErrNotYetValid) {
		return "", fmt.Errorf("sign: %w", err)
	}
	return text, nil
}
