package sourcetest

import (
	"bytes"
	"encoding/json"
	"net/url"
	"testing"

	"github.com/franela/pocketci/events"
)

// FuzzForm checks that the payload of a push survives its way through a form, and
// that no form body breaks the reading. Receive has a source take a body that is a
// form, with the signature of signed if it signs; also is that of
// [Reader.FuzzParse].
func (r Reader) FuzzForm(f *testing.F, receive func(signed, body []byte) (events.Event, error), also func(*testing.T, *events.Event)) {
	const payload = `{"repository":{"full_name":"a/b","clone_url":"https://h/a"},"ref":"refs/heads/x+y"}`
	for _, s := range []string{
		"payload=%7B%7D", "payload=", "", "payload", "a=b&payload={}", "payload={}&payload={}", "payload=%zz", "payload={};x=1",
		payload, url.Values{"payload": {payload}}.Encode(),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if e, err := receive(body, body); err != nil {
			CheckError(t, err)
		} else {
			r.CheckEvent(t, &e)
			also(t, &e)
		}
		if !json.Valid(body) {
			return
		}
		// The same bytes, taken as the payload.
		direct, directErr := r.Parse("push", body)
		wrapped, wrappedErr := receive(body, []byte(url.Values{"payload": {string(body)}}.Encode()))
		if !bytes.Equal(direct.Payload, wrapped.Payload) || (directErr == nil) != (wrappedErr == nil) {
			t.Errorf("directly %v, through a form %v", directErr, wrappedErr)
		}
	})
}
