package webhook

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/internal/delivery"
)

// envelope is the payload of a hook that keeps more of a request than its body.
type envelope struct {
	Method string `json:"method"`
	// Headers are those that were sent of the hook's, by the names that the hook has
	// for them; what was sent several times is joined with commas.
	Headers map[string]string   `json:"headers"`
	Query   map[string][]string `json:"query"`
	Body    json.RawMessage     `json:"body"`
}

// content is a body that is not JSON. One of Form, Text and Base64 is set.
type content struct {
	Type   string     `json:"content_type"`
	Form   url.Values `json:"form,omitzero"`
	Text   *string    `json:"text,omitempty"`
	Base64 *string    `json:"base64,omitempty"`
}

// payload is what the event says of a request: the body, and what the hook keeps of
// the rest.
func (s *Source) payload(r events.Request) (json.RawMessage, error) {
	body, err := bodyOf(r)
	if err != nil || len(s.o.Headers)+len(s.o.Query) == 0 {
		return body, err
	}
	e := envelope{Method: r.Method, Headers: map[string]string{}, Query: map[string][]string{}, Body: body}
	for _, name := range s.o.Headers {
		if values := events.HeaderValues(r.Header, name); len(values) > 0 {
			e.Headers[name] = strings.Join(values, ", ")
		}
	}
	for _, name := range s.o.Query {
		if values := r.Query[name]; len(values) > 0 {
			e.Query[name] = values
		}
	}
	// A body that is JSON stays as it was sent.
	e.Body = json.RawMessage("null")
	head, err := encode(e)
	if err != nil {
		return nil, err
	}
	head = bytes.TrimSuffix(head, []byte("null}"))
	out := make(json.RawMessage, 0, len(head)+len(body)+1)
	return append(append(append(out, head...), body...), '}'), nil
}

// bodyOf is the body as JSON: as it was sent if it is that, and else an object that
// holds it.
func bodyOf(r events.Request) (json.RawMessage, error) {
	contentType, err := delivery.Header(r.Header, "Content-Type")
	if err != nil {
		return nil, err
	}
	if contentType == "" && len(r.Body) == 0 {
		return json.RawMessage("null"), nil
	}
	mediaType, _, _ := mime.ParseMediaType(contentType)
	switch {
	case mediaType == "application/json", strings.HasSuffix(mediaType, "+json"):
		return readJSON(r.Body)
	case mediaType == "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(r.Body))
		if err != nil || !utf8.Valid(r.Body) || !validForm(form) {
			// Its error repeats what was sent.
			return nil, delivery.Malformed("", errors.New("the form cannot be read"))
		}
		return encode(content{Type: contentType, Form: form})
	case isText(mediaType) && utf8.Valid(r.Body):
		text := string(r.Body)
		return encode(content{Type: contentType, Text: &text})
	}
	text := base64.StdEncoding.EncodeToString(r.Body)
	return encode(content{Type: contentType, Base64: &text})
}

// readJSON returns a body that is JSON, and says where one is not.
func readJSON(body []byte) (json.RawMessage, error) {
	if utf8.Valid(body) && json.Valid(body) {
		return bytes.Clone(body), nil
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, delivery.Malformed("", errors.New("the body is empty, where its content type promises JSON"))
	}
	if err := events.DecodeObject(body, new(struct{})); err != nil {
		return nil, err
	}
	return nil, delivery.Malformed("", errors.New("is not JSON"))
}

// Parse makes the event of a webhook of a payload that a person gives, as functions
// find it in the event file, and of its filter. The error is an
// [*events.MalformedError].
func Parse(name, filter string, payload []byte) (events.Event, error) {
	e := events.Event{Vendor: events.VendorWebhook, Name: name, Kind: name, Filter: filter, Trusted: true}
	for what, text := range map[string]string{"name": name, "filter": filter} {
		if err := events.CheckText(text); err != nil {
			return e, delivery.Malformed(what, err)
		}
	}
	var err error
	e.Payload, err = readJSON(payload)
	return e, err
}

func validForm(form url.Values) bool {
	for name, values := range form {
		if !utf8.ValidString(name + strings.Join(values, "")) {
			return false
		}
	}
	return true
}

func isText(mediaType string) bool {
	switch mediaType {
	case "application/xml", "application/yaml", "application/x-yaml", "application/toml", "application/x-ndjson":
		return true
	}
	return strings.HasPrefix(mediaType, "text/") || strings.HasSuffix(mediaType, "+xml") || strings.HasSuffix(mediaType, "+yaml")
}

// encode is JSON without what is meant for pages, and without a line break.
func encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// Methods are those that a hook may allow.
func Methods() []string {
	return []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodGet}
}
