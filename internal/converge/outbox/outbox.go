// Package outbox tells an agent of outcomes, each at least once: what is to be told is
// a file until the agent has taken it.
package outbox

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/franela/pocketci/events/converge"
	"github.com/franela/pocketci/internal/converge/apply"
)

const (
	// maxFiles is how many reports are kept. The oldest make way for new ones.
	maxFiles = 1000
	// sendTime is how long one report may take to be sent.
	sendTime = 30 * time.Second
	// leastWait and mostWait are how long is waited after a failure, at first and
	// at most.
	leastWait = time.Second
	mostWait  = 5 * time.Minute
)

// Config says where reports are kept and who is told.
type Config struct {
	// Dir is a directory of the outbox's own.
	Dir string
	// URL is the agent's webhook, and Secret proves what is sent to it.
	URL, Secret string
	Log         *slog.Logger
	// Waiting, if it is not nil, is told how many reports wait.
	Waiting func(int)
}

// Outbox keeps reports and sends them, the oldest first.
type Outbox struct {
	Config
	client *http.Client
	wake   chan struct{}
}

// New returns an outbox. [Outbox.Run] sends what is in it.
func New(c Config) *Outbox {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	return &Outbox{Config: c, wake: make(chan struct{}, 1), client: &http.Client{
		Timeout: sendTime, Transport: transport,
		// What is signed for one address is not sent to another.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Put keeps a report, which survives a crash of the machine. One with the id of a
// report that waits replaces it. Ids are fit to be names of files, and sort by time.
func (o *Outbox) Put(id string, report []byte) error {
	names, err := o.names()
	if err != nil {
		return err
	}
	for len(names) >= maxFiles {
		o.Log.Error("a report is given up, since too many wait", "report", names[0])
		// It may be sent at this moment, or another source gives it up.
		if err := os.Remove(filepath.Join(o.Dir, names[0])); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("give up a report: %w", err)
		}
		names = names[1:]
	}
	if err := apply.WriteFile(filepath.Join(o.Dir, id+".json"), report); err != nil {
		return fmt.Errorf("keep a report: %w", err)
	}
	select {
	case o.wake <- struct{}{}:
	default:
	}
	return nil
}

func (o *Outbox) names() ([]string, error) {
	entries, err := os.ReadDir(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("list the reports: %w", err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".json") {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	if o.Waiting != nil {
		o.Waiting(len(names))
	}
	return names, nil
}

// Run sends reports until ctx is done. What the agent does not take is sent again after
// a second, then two, four and so on up to five minutes.
func (o *Outbox) Run(ctx context.Context) {
	wait := leastWait
	for {
		err := o.Flush(ctx)
		pause := mostWait
		if err != nil && ctx.Err() == nil {
			o.Log.Warn("the agent was not told", "error", err, "again-in", wait)
			pause, wait = wait, min(2*wait, mostWait)
		} else {
			wait = leastWait
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		case <-o.wake:
			timer.Stop()
		}
	}
}

// Flush sends all that wait, up to the first that cannot be sent.
func (o *Outbox) Flush(ctx context.Context) error {
	names, err := o.names()
	if err != nil {
		return err
	}
	for _, name := range names {
		path := filepath.Join(o.Dir, name)
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was given up meanwhile
		}
		if err != nil {
			return fmt.Errorf("read a report: %w", err)
		}
		err = o.send(ctx, strings.TrimSuffix(name, ".json"), data)
		if refused, ok := errors.AsType[*refusedError](err); ok {
			o.Log.Error("a report is given up", "report", name, "error", refused)
			err = nil
		}
		if err != nil {
			return err
		}
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove a report that was sent: %w", err)
		}
	}
	_, err = o.names()
	return err
}

// refusedError says that the agent will never take a report.
type refusedError struct{ status string }

func (e *refusedError) Error() string { return "the agent answers " + e.status }

func (o *Outbox) send(ctx context.Context, id string, report []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, o.URL, bytes.NewReader(report))
	if err != nil {
		return fmt.Errorf("tell the agent: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(converge.HeaderDelivery, id)
	request.Header.Set(converge.HeaderSignature, "sha256="+converge.Sign(o.Secret, report))
	response, err := o.client.Do(request)
	if err != nil {
		return fmt.Errorf("tell the agent: %w", err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20)); err != nil {
		return fmt.Errorf("tell the agent: %w", err)
	}
	switch {
	case response.StatusCode < 300:
		return nil
	case response.StatusCode == http.StatusBadRequest, response.StatusCode == http.StatusRequestEntityTooLarge, response.StatusCode == http.StatusUnprocessableEntity:
		return &refusedError{response.Status}
	}
	// Secrets and addresses can be put right on either side.
	return fmt.Errorf("tell the agent: it answers %s", response.Status)
}
