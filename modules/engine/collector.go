package engine

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// maxBatch bounds one batch of telemetry, in bytes.
const maxBatch = 64 << 20

// collector is the address on loopback to which sessions send what happens
// inside of them: spans and log lines in OpenTelemetry's protocol, OTLP over
// HTTP (https://opentelemetry.io/docs/specs/otlp/). Code on the engine can
// reach the host's loopback too, therefore every session has a token.
type collector struct {
	server *http.Server
	url    string
	log    *slog.Logger
	mask   func(string) string

	mu       sync.Mutex
	sessions map[string]*traces // by token
}

// collector gives the engine's collector, which it starts once.
func (e *Engine) collector() (*collector, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.tracer != nil {
		return e.tracer, nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for telemetry: %w", err)
	}
	c := &collector{url: "http://" + l.Addr().String(), log: e.cfg.Log, mask: e.cfg.Mask, sessions: map[string]*traces{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/traces", func(w http.ResponseWriter, r *http.Request) {
		var batch tracepb.TracesData
		c.serve(w, r, &batch, func(t *traces) { t.addSpans(&batch) })
	})
	mux.HandleFunc("POST /v1/logs", func(w http.ResponseWriter, r *http.Request) {
		var batch logspb.LogsData
		c.serve(w, r, &batch, func(t *traces) { t.addLogs(&batch) })
	})
	c.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := c.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			c.log.Error("telemetry of sessions is lost", "error", err)
		}
	}()
	e.tracer = c
	return c, nil
}

// Close stops listening.
func (c *collector) Close() error { return c.server.Close() }

// register makes a place for the telemetry of one session.
func (c *collector) register() *traces {
	t := &traces{collector: c, token: rand.Text(), calls: map[trace.TraceID]*callTrace{}}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sessions[t.token] = t
	return t
}

func (c *collector) serve(w http.ResponseWriter, r *http.Request, batch proto.Message, take func(*traces)) {
	t := c.session(r.Header.Get("Authorization"))
	if t == nil {
		http.Error(w, "unknown token", http.StatusUnauthorized)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBatch))
	if err != nil {
		http.Error(w, "cannot read the batch", http.StatusRequestEntityTooLarge)
		return
	}
	if err := proto.Unmarshal(body, batch); err != nil {
		http.Error(w, "not a batch of OTLP", http.StatusBadRequest)
		return
	}
	take(t)
	// An answer without fields says that everything was taken.
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func (c *collector) session(header string) *traces {
	c.mu.Lock()
	defer c.mu.Unlock()
	for token, t := range c.sessions {
		if subtle.ConstantTimeCompare([]byte("Bearer "+token), []byte(header)) == 1 {
			return t
		}
	}
	return nil
}

// traces is what one session sends, sorted by call.
type traces struct {
	collector *collector
	token     string

	mu    sync.Mutex
	calls map[trace.TraceID]*callTrace
}

// env are the variables that make a session send its telemetry here.
func (t *traces) env() []string {
	return []string{
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=" + t.collector.url + "/v1/traces",
		"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf",
		"OTEL_EXPORTER_OTLP_TRACES_LIVE=1",
		"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=" + t.collector.url + "/v1/logs",
		"OTEL_EXPORTER_OTLP_LOGS_PROTOCOL=http/protobuf",
		"OTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer " + t.token,
	}
}

func (t *traces) close() {
	t.collector.mu.Lock()
	defer t.collector.mu.Unlock()
	delete(t.collector.sessions, t.token)
}

// call finds the call that a trace belongs to, or nil.
func (t *traces) call(id []byte) *callTrace {
	if len(id) != len(trace.TraceID{}) {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.calls[trace.TraceID(id)]
}

func (t *traces) addSpans(batch *tracepb.TracesData) {
	touched := map[*callTrace]bool{}
	for _, resource := range batch.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			for _, span := range scope.Spans {
				if c := t.call(span.TraceId); c != nil {
					c.addSpan(span)
					touched[c] = true
				}
			}
		}
	}
	for c := range touched {
		c.publish()
	}
}

func (t *traces) addLogs(batch *logspb.LogsData) {
	touched := map[*callTrace]bool{}
	for _, resource := range batch.ResourceLogs {
		for _, scope := range resource.ScopeLogs {
			for _, record := range scope.LogRecords {
				if c := t.call(record.TraceId); c != nil {
					c.addLog(record)
					touched[c] = true
				}
			}
		}
	}
	for c := range touched {
		c.publish()
	}
}
