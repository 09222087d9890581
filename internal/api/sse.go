package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// sse writes server-sent events. Nothing is held back for a client that is
// slow: writes wait for it, and give up after a while.
type sse struct {
	*paced
	// beats are when something must be sent although there is no news.
	beats *time.Ticker
	check func(context.Context) error
}

// stream answers with server-sent events that f writes, until it returns. Its
// context ends with the client, the server, or the stall of a write.
func (s *service) stream(f func(ctx context.Context, out *sse)) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		r, w := humago.Unwrap(hctx)
		header := w.Header()
		header.Set("Content-Type", "text/event-stream")
		// nginx would gather what is sent.
		header.Set("X-Accel-Buffering", "no")
		if r.Method == http.MethodHead {
			return
		}
		out := &sse{paced: newPaced(w, s.Stall), beats: time.NewTicker(s.KeepAlive), check: who(hctx.Context()).check}
		defer out.beats.Stop()
		if out.flush() == nil {
			f(hctx.Context(), out)
		}
	}}
}

// send writes one message. An empty id or name is left out; data is one line.
func (o *sse) send(id, name string, data []byte) error {
	var b bytes.Buffer
	if id != "" {
		fmt.Fprintf(&b, "id: %s\n", id)
	}
	if name != "" {
		fmt.Fprintf(&b, "event: %s\n", name)
	}
	fmt.Fprintf(&b, "data: %s\n\n", data)
	_, err := o.Write(b.Bytes())
	return err
}

// end sends the last message.
func (o *sse) end(v any) {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // it holds nothing but text and numbers
	}
	if o.send("", "end", data) == nil {
		_ = o.flush() // a client that has gone does not need it
	}
}

// beat keeps the connection in use. It fails if the client may listen no more.
func (o *sse) beat(ctx context.Context) error {
	if err := o.check(ctx); err != nil {
		return err
	}
	if _, err := o.Write([]byte(":\n\n")); err != nil {
		return err
	}
	return o.flush()
}

// streams is what an operation with server-sent events produces. The message
// has no event name; end is the last one.
func (s *service) streams(message, end any) map[string]*huma.MediaType {
	return sent(s.message("news", message, map[string]*huma.Schema{"id": {Type: huma.TypeString}}),
		s.message("end", end, map[string]*huma.Schema{"event": {Type: huma.TypeString, Enum: []any{"end"}}}, "event"))
}

// news is streams without an end.
func (s *service) news(message any) map[string]*huma.MediaType {
	return sent(s.message("news", message, map[string]*huma.Schema{}))
}

// message describes a kind of message.
func (s *service) message(name string, v any, properties map[string]*huma.Schema, required ...string) *huma.Schema {
	properties["data"] = s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeOf(v), true, "")
	return &huma.Schema{Title: name, Type: huma.TypeObject, Properties: properties, Required: append(required, "data")}
}

func sent(messages ...*huma.Schema) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{
		Type: huma.TypeArray, Description: "Server-sent events; data is JSON.",
		Items: &huma.Schema{OneOf: messages},
	}}}
}
