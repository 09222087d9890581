package gitea

import "github.com/franela/pocketci/events/internal/delivery"

// signature is a signature that was sent, and in which header.
type signature struct {
	header string
	mac    []byte
}

// signaturesOf returns all signatures in a header, at least one. Forgejo sends
// the same one three times, Gitea twice.
func signaturesOf(header map[string][]string) ([]signature, error) {
	var found []signature
	for _, h := range []struct{ name, prefix string }{
		{"X-Forgejo-Signature", ""}, {"X-Gitea-Signature", ""}, {"X-Hub-Signature-256", "sha256="},
	} {
		mac, err := delivery.Signature(header, h.name, h.prefix)
		if err != nil {
			return nil, err
		}
		if mac != nil {
			found = append(found, signature{h.name, mac})
		}
	}
	if len(found) == 0 {
		return nil, delivery.Refuse("X-Gitea-Signature is missing; set a secret in the webhook's settings")
	}
	return found, nil
}

// proven returns the payload of a delivery all of whose signatures are right.
// Gitea signs the payload before it becomes a field of a form; its documentation
// speaks of the body. Either proves the payload.
func (s *Source) proven(header map[string][]string, body []byte) ([]byte, error) {
	signatures, err := signaturesOf(header)
	if err != nil {
		return nil, err
	}
	payload, form, malformed := formPayload(header, body)
	if !form {
		payload = body
	}
	for _, sent := range signatures {
		fits := s.secrets.Signed(body, sent.mac)
		if form && malformed == nil {
			fits = s.secrets.Signed(payload, sent.mac) || fits
		}
		if !fits {
			return nil, delivery.Refuse(sent.header + " does not fit the body and the secret")
		}
	}
	return payload, malformed
}

// Sign returns what Gitea sends as X-Gitea-Signature with a body, for whoever
// sends deliveries in its stead.
func Sign(secret string, body []byte) string { return delivery.Sign(secret, body) }
