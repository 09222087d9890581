package webhook_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/webhook"
)

func TestPayload(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		contentType, body string
		want              string // the payload, or a part of the error after a !
	}{
		"object":              {"application/json", ` {"a" : 1e2}` + "\n", ` {"a" : 1e2}` + "\n"},
		"list":                {"application/json; charset=utf-8", `[1,"<b>"]`, `[1,"<b>"]`},
		"scalar":              {"application/json", `"x"`, `"x"`},
		"a kind of JSON":      {"application/cloudevents+json", `{}`, `{}`},
		"broken":              {"application/json", "{\n\"a\":}", "!line 2, column 5"},
		"empty JSON":          {"application/json", "", "!is empty"},
		"two values":          {"application/json", "{}{}", "!line 1, column 3"},
		"not UTF-8":           {"application/json", "{\"a\":\"\xff\"}", "!is not UTF-8"},
		"too deep":            {"application/json", strings.Repeat("[", 20000) + strings.Repeat("]", 20000), "!"},
		"form":                {"application/x-www-form-urlencoded", "a=1&b=x+y&a=%3Cb%3E", `{"content_type":"application/x-www-form-urlencoded","form":{"a":["1","<b>"],"b":["x y"]}}`},
		"empty form":          {"application/x-www-form-urlencoded", "", `{"content_type":"application/x-www-form-urlencoded","form":{}}`},
		"broken form":         {"application/x-www-form-urlencoded", "a=%zz", "!the form cannot be read"},
		"form of bytes":       {"application/x-www-form-urlencoded", "a=%ff", "!the form cannot be read"},
		"text":                {"text/plain; charset=utf-8", "a\n\"b\"\x00ü", `{"content_type":"text/plain; charset=utf-8","text":"a\n\"b\"\u0000ü"}`},
		"empty text":          {"text/plain", "", `{"content_type":"text/plain","text":""}`},
		"XML":                 {"application/soap+xml", "<a/>", `{"content_type":"application/soap+xml","text":"<a/>"}`},
		"text that is none":   {"text/plain", "\xff\xfe", `{"content_type":"text/plain","base64":"//4="}`},
		"binary":              {"application/octet-stream", "abc", `{"content_type":"application/octet-stream","base64":"YWJj"}`},
		"multipart":           {"multipart/form-data; boundary=x", "--x--", `{"content_type":"multipart/form-data; boundary=x","base64":"LS14LS0="}`},
		"nothing":             {"", "", `null`},
		"bytes of no kind":    {"", "abc", `{"content_type":"","base64":"YWJj"}`},
		"a kind that is none": {strings.Repeat("x", 300), "abc", "!header Content-Type"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := webhook.New(webhook.Options{Name: "deploy", Proof: webhook.None()})
			if err != nil {
				t.Fatal(err)
			}
			header := http.Header{}
			if c.contentType != "" {
				header.Set("Content-Type", c.contentType)
			}
			e, err := s.Receive(header, []byte(c.body))
			if reason, bad := strings.CutPrefix(c.want, "!"); bad {
				if m, ok := errors.AsType[*events.MalformedError](err); !ok || !strings.Contains(m.Error(), reason) {
					t.Errorf("%v, want %q", err, reason)
				}
				return
			}
			if err != nil || string(e.Payload) != c.want {
				t.Errorf("the payload is %s (%v), want %s", e.Payload, err, c.want)
			}
			if e.Trusted || e.Name != "deploy" || e.Vendor != "webhook" || e.Delivery != "" || e.Repository != nil {
				t.Errorf("%+v", e)
			}
		})
	}
}

// What a hook keeps beside the body is in the payload with it, and nothing else is.
func TestEnvelope(t *testing.T) {
	t.Parallel()
	s, err := webhook.New(webhook.Options{
		Name: "deploy", Proof: webhook.None(), Headers: []string{"X-Event", "x-empty"}, Query: []string{"env"},
		Filter: pointer(t, "/headers/X-Event"), Key: webhook.Key{Header: "X-Id"},
	})
	if err != nil {
		t.Fatal(err)
	}
	header := http.Header{"X-Event": {"a", "<b>"}, "X-Id": {"7"}, "X-Secret": {"s"}, "Content-Type": {"application/json"}}
	query := url.Values{"env": {"eu", "us"}, "token": {"t"}}
	e, err := s.ReceiveRequest(events.Request{Method: "PUT", Header: header, Query: query, Body: []byte("{\"a\" : 1}\n")})
	const want = `{"method":"PUT","headers":{"X-Event":"a, <b>"},"query":{"env":["eu","us"]},"body":{"a" : 1}` + "\n}"
	if err != nil || string(e.Payload) != want {
		t.Errorf("the payload is %s (%v), want %s", e.Payload, err, want)
	}
	if e.Filter != "a, <b>" || e.Delivery != "7" {
		t.Errorf("filter %q, delivery %q", e.Filter, e.Delivery)
	}
	e, err = s.ReceiveRequest(events.Request{Method: "GET", Header: http.Header{"X-Id": {"8"}}})
	if err != nil || string(e.Payload) != `{"method":"GET","headers":{},"query":{},"body":null}` || e.Filter != "" {
		t.Errorf("the payload is %s (%v)", e.Payload, err)
	}
}

func TestKeysAndFilters(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		key    webhook.Key
		filter string
		body   string
		header string
		want   string // key and filter, or a part of the error after a !
	}{
		"a string":                {webhook.Key{Pointer: pointer(t, "/id")}, "/a", `{"id":"x","a":"f"}`, "", "x f"},
		"numbers as they are":     {webhook.Key{Pointer: pointer(t, "/id")}, "/a", `{"id":9007199254740993,"a":1.50}`, "", "9007199254740993 1.50"},
		"no key":                  {webhook.Key{Pointer: pointer(t, "/id")}, "/a", `{"a":"f"}`, "", "!/id: is missing, and is the key of the delivery"},
		"an empty key":            {webhook.Key{Pointer: pointer(t, "/id")}, "/a", `{"id":""}`, "", "!/id: is missing"},
		"a key of null":           {webhook.Key{Pointer: pointer(t, "/id")}, "/a", `{"id":null}`, "", "!/id: is missing"},
		"a key that is an object": {webhook.Key{Pointer: pointer(t, "/id")}, "/a", `{"id":{}}`, "", "!/id: is missing"},
		"a long key":              {webhook.Key{Pointer: pointer(t, "/id")}, "/a", `{"id":"` + strings.Repeat("x", 256) + `"}`, "", "!/id: is 256 bytes long"},
		"a key for the log":       {webhook.Key{Pointer: pointer(t, "/id")}, "/a", `{"id":"a\nb"}`, "", "!/id: \"a\\nb\" holds characters that cannot be printed"},
		"a header":                {webhook.Key{Header: "X-Id"}, "/a", `{"a":"f"}`, "7", "7 f"},
		"no header":               {webhook.Key{Header: "X-Id"}, "/a", `{}`, "", "!header X-Id: is missing"},
		"neither":                 {webhook.Key{}, "/a", `{"a":false}`, "", " false"},
		"a long filter":           {webhook.Key{}, "/a", `{"a":"` + strings.Repeat("x", 256) + `"}`, "", "!/a: is 256 bytes long"},
		"a filter for the log":    {webhook.Key{}, "/a", `{"a":"\u0007"}`, "", "!/a: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := webhook.New(webhook.Options{Name: "x", Proof: webhook.None(), Filter: pointer(t, c.filter), Key: c.key})
			if err != nil {
				t.Fatal(err)
			}
			header := http.Header{"Content-Type": {"application/json"}}
			if c.header != "" {
				header.Set("X-Id", c.header)
			}
			e, err := s.Receive(header, []byte(c.body))
			if reason, bad := strings.CutPrefix(c.want, "!"); bad {
				if m, ok := errors.AsType[*events.MalformedError](err); !ok || !strings.Contains(m.Error(), reason) {
					t.Errorf("%v, want %q", err, reason)
				}
				return
			}
			if got := e.Delivery + " " + e.Filter; err != nil || got != c.want {
				t.Errorf("%q (%v), want %q", got, err, c.want)
			}
		})
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	e, err := webhook.Parse("deploy", "production", []byte(`{"a":1}`))
	if err != nil || e.Vendor != "webhook" || e.Name != "deploy" || e.Kind != "deploy" || e.Filter != "production" || !e.Trusted || string(e.Payload) != `{"a":1}` {
		t.Errorf("%+v (%v)", e, err)
	}
	for name, c := range map[string][3]string{"a payload": {"a", "", "{"}, "a name": {"a\n", "", "{}"}, "a filter": {"a", "\x00", "{}"}} {
		if _, err := webhook.Parse(c[0], c[1], []byte(c[2])); err == nil {
			t.Errorf("%s that is none is taken", name)
		} else if _, ok := errors.AsType[*events.MalformedError](err); !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzReceive is that whatever is sent becomes an event whose file can be written, or
// an error of a source.
func FuzzReceive(f *testing.F) {
	for _, c := range [][2]string{
		{"application/json", `{"a":"b","id":1}`}, {"application/x-www-form-urlencoded", "a=b&c=%20"}, {"text/plain", "x\x00"},
		{"application/octet-stream", "\xff"}, {"", ""}, {";", "x"}, {"a/b+json", "[]"},
	} {
		f.Add(c[0], c[1], "value", "q=1")
	}
	s, err := webhook.New(webhook.Options{
		Name: "x", Proof: webhook.None(), Filter: pointer(f, "/body/a"), Key: webhook.Key{Header: "X-Id"}, Headers: []string{"X-Any"}, Query: []string{"q"},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, contentType, body, value, query string) {
		parameters, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		header := http.Header{"Content-Type": {contentType}, "X-Any": {value}, "X-Id": {"1"}}
		e, err := s.ReceiveRequest(events.Request{Method: "POST", Header: header, Query: parameters, Body: []byte(body)})
		if err != nil {
			if m, ok := errors.AsType[*events.MalformedError](err); !ok || m.Error() == "" || len(m.Error()) > 4000 {
				t.Errorf("error of type %T: %v", err, err)
			}
			return
		}
		e.ID = "1"
		data, err := events.EncodeFile(&e, nil)
		if err != nil {
			t.Fatalf("no event file: %v", err)
		}
		file, err := events.DecodeFile(data)
		if err != nil {
			t.Fatalf("the event file cannot be read: %v", err)
		}
		var payload struct {
			Method string
			Body   json.RawMessage
		}
		if err := json.Unmarshal(file.Payload, &payload); err != nil || payload.Method != "POST" || payload.Body == nil {
			t.Errorf("the payload is %s (%v)", file.Payload, err)
		}
	})
}
