//go:build linux

package daemon

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"time"

	"github.com/franela/pocketci/ci/engine/internal/tools"
)

// infoMethod is the gRPC method that answers who the engine is.
const infoMethod = "/moby.buildkit.v1.Control/Info"

// errOtherVersion is what an engine gives that an older version of this
// program started.
var errOtherVersion = errors.New("not of version " + tools.Version)

// probe asks the engine who it is. It costs a few milliseconds, so it is what
// a second start relies on.
func (e Engine) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{
		Protocols: protocols,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", e.Socket)
		},
	}
	defer transport.CloseIdleConnections()

	// An empty message: one byte for no compression, four for no length.
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://engine"+infoMethod, bytes.NewReader(make([]byte, 5)))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/grpc")
	request.Header.Set("TE", "trailers")
	response, err := transport.RoundTrip(request)
	if err != nil {
		return fmt.Errorf("ask the engine at %s: %w", e.Socket, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<16))
	if err != nil {
		return fmt.Errorf("read the engine's answer: %w", err)
	}
	if status := response.Trailer.Get("Grpc-Status"); status != "0" {
		return fmt.Errorf("the engine at %s answers with status %q %s", e.Socket, status, response.Trailer.Get("Grpc-Message"))
	}
	if !bytes.Contains(body, []byte(tools.Version)) {
		return fmt.Errorf("the engine at %s is %w", e.Socket, errOtherVersion)
	}
	return nil
}

// query opens a session as any client does and asks the API for its version:
// the proof that the variables work.
func (e Engine) query(ctx context.Context, cli string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, cli, "--silent", "query")
	cmd.Env = e.clientEnvironment(cli)
	cmd.Dir = e.State
	cmd.Stdin = strings.NewReader("{ version }")
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("open a session: %w\n%s", err, out)
	}
	if !strings.Contains(string(out), tools.Version) {
		return fmt.Errorf("open a session: expected version %s, got %s", tools.Version, out)
	}
	return nil
}
