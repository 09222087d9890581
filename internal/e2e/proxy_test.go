package e2e_test

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/franela/pocketci/internal/enginetest"
)

// gateway stands between an agent and a server with a unix socket, so that the
// server can go away for this agent alone.
type gateway struct {
	t      *testing.T
	path   string
	target string

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]bool
	served   sync.WaitGroup
}

// newGateway makes a gateway to the engine for tests that is shut.
func newGateway(t *testing.T) *gateway {
	t.Helper()
	host, _ := enginetest.Env(t)
	target, ok := strings.CutPrefix(host, "unix://")
	if !ok {
		t.Fatalf("the engine for tests is %s; this test needs one with a unix socket", host)
	}
	return gatewayTo(t, target)
}

// gatewayTo makes a gateway to a socket, with the same name in a directory of
// its own, that is shut.
func gatewayTo(t *testing.T, target string) *gateway {
	t.Helper()
	// Not t.TempDir: the path of a socket is limited to about 100 bytes.
	dir, err := os.MkdirTemp("", "gw")
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{t: t, path: filepath.Join(dir, filepath.Base(target)), target: target, conns: map[net.Conn]bool{}}
	t.Cleanup(func() {
		g.shut()
		g.served.Wait()
		os.RemoveAll(dir)
	})
	return g
}

// host is the runner host for the agent.
func (g *gateway) host() string { return "unix://" + g.path }

// open lets the engine be reached.
func (g *gateway) open() {
	g.t.Helper()
	listener, err := net.Listen("unix", g.path)
	if err != nil {
		g.t.Fatal(err)
	}
	g.mu.Lock()
	g.listener = listener
	g.mu.Unlock()
	g.served.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			g.served.Go(func() { g.pass(listener, conn) })
		}
	})
}

// shut refuses connections and breaks those there are, as an engine does that
// was killed.
func (g *gateway) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.listener != nil {
		g.listener.Close()
		g.listener = nil
	}
	for conn := range g.conns {
		conn.Close()
	}
}

func (g *gateway) pass(listener net.Listener, client net.Conn) {
	engine, err := net.Dial("unix", g.target)
	if err != nil {
		client.Close()
		return
	}
	g.mu.Lock()
	g.conns[client], g.conns[engine] = true, true
	late := g.listener != listener
	g.mu.Unlock()
	if late {
		client.Close()
	}
	var both sync.WaitGroup
	for _, pair := range [][2]net.Conn{{client, engine}, {engine, client}} {
		both.Go(func() {
			_, _ = io.Copy(pair[0], pair[1]) // ends when either side does
			client.Close()
			engine.Close()
		})
	}
	both.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.conns, client)
	delete(g.conns, engine)
}
