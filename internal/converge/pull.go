package converge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/converge/config"
	"github.com/franela/pocketci/internal/signed"
)

const (
	maxDepth = events.MaxDepth
	// pullTime is how long one place may take to answer.
	pullTime = 30 * time.Second
)

func contains(list []string, name string) bool { return slices.Contains(list, name) }

// keep runs the source at its times until the process stops.
func (s *source) keep() {
	ctx := s.process.stop
	s.begin(ctx)
	looks := len(s.conf.Pull) > 0 || s.conf.Pattern != ""
	next, repeat := s.later(0), time.Time{}
	if s.conf.RunEvery > 0 {
		repeat = s.process.Now().Add(s.conf.RunEvery)
	}
	for {
		due := repeat
		if looks && (due.IsZero() || next.Before(due)) {
			due = next
		}
		if due.IsZero() {
			<-ctx.Done()
			return
		}
		timer := time.NewTimer(due.Sub(s.process.Now()))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		if looks && due.Equal(next) {
			s.say(s.look(ctx))
			next = s.later(s.conf.Every)
		} else {
			s.say(s.again(ctx, trigger{kind: triggerRepeat}))
			repeat = s.process.Now().Add(s.conf.RunEvery)
		}
	}
}

func (s *source) later(d time.Duration) time.Time {
	if spread := s.process.Config.Spread; spread > 0 {
		d += rand.N(spread)
	}
	return s.process.Now().Add(d)
}

// begin takes up what was there before the process was started: a run that was cut off
// goes on, and the pattern is applied again.
func (s *source) begin(ctx context.Context) {
	state, err := s.journal.Load()
	switch {
	case err != nil:
		s.say(Reply{}, err)
		return
	case s.conf.Forget && s.conf.Pattern == "":
		if state.Run != nil {
			s.say(Reply{}, s.abandon(errors.New("restore is false")))
		}
		return
	case s.conf.TriggerOnly && state.Run == nil:
		return
	}
	k, err := s.loadKept()
	if err == nil && k.Token == "" && s.conf.Pattern == "" {
		return // the first start
	}
	t := trigger{kind: triggerStart}
	if state.Run != nil {
		s.log.Info("a run that was cut off goes on", "run", state.Run.ID, "trigger", state.Run.Trigger)
	}
	s.say(s.again(ctx, t))
}

// say logs what nobody waits for. What is the same as before is not said again.
func (s *source) say(_ Reply, err error) {
	text := ""
	if err != nil && s.process.stop.Err() == nil {
		text = err.Error()
	}
	if text != "" && text != s.said {
		s.log.Error("the source was not run", "error", text)
	}
	s.said = text
}

// look pulls, or reads the pattern of this host.
func (s *source) look(ctx context.Context) (Reply, error) {
	if s.conf.Pattern == "" {
		return s.pull(ctx)
	}
	var reply Reply
	err := s.exclusive(ctx, func() error {
		c, err := s.local(ctx)
		if err != nil {
			s.process.metrics.refused(s.conf.Name, err)
			return err
		}
		state, err := s.journal.Load()
		if err != nil {
			return err
		}
		if state.Pattern == c.files.Digest() && state.Run == nil && state.Last.Err == "" || s.conf.TriggerOnly {
			reply.Note = "nothing new"
			return nil
		}
		reply, err = s.run(c, trigger{kind: triggerPull})
		return err
	})
	return reply, err
}

// once pulls and runs the source.
func (s *source) once(ctx context.Context) (Reply, error) {
	if len(s.conf.Pull) > 0 {
		reply, err := s.pull(ctx)
		if err != nil || reply.Run != "" || reply.Dry || s.conf.TriggerOnly {
			return reply, err
		}
	}
	if s.conf.TriggerOnly {
		return Reply{Note: "the source runs when it is triggered"}, nil
	}
	return s.again(ctx, trigger{kind: triggerStart})
}

// fetched is what a place answered last.
type fetched struct{ etag, modified, text string }

// fetch returns the tokens of the places that answer, in their order.
func (s *source) fetch(ctx context.Context) ([]string, error) {
	var texts []string
	var failed []error
	for i, place := range s.conf.Pull {
		text, err := s.ask(ctx, i, place)
		if err != nil {
			failed = append(failed, fmt.Errorf("pull from place %d: %w", i+1, err))
			continue
		}
		texts = append(texts, text)
	}
	if len(texts) == 0 {
		err := errors.Join(failed...)
		s.process.metrics.refused(s.conf.Name, err)
		return nil, err
	}
	return texts, nil
}

func (s *source) ask(ctx context.Context, i int, place config.Place) (string, error) {
	if filepath.IsAbs(place.URL) {
		return readFile(place.URL)
	}
	ctx, cancel := context.WithTimeout(ctx, pullTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, place.URL, nil)
	if err != nil {
		return "", err
	}
	for name, value := range s.headers[i] {
		request.Header.Set(name, value)
	}
	last := &s.fetched[i]
	if last.text != "" {
		for name, value := range map[string]string{"If-None-Match": last.etag, "If-Modified-Since": last.modified} {
			if value != "" {
				request.Header.Set(name, value)
			}
		}
	}
	response, err := puller.Do(request)
	if err != nil {
		// What it wraps does not have the address, which may hold a secret.
		if bad, ok := errors.AsType[*url.Error](err); ok {
			err = bad.Err
		}
		return "", fmt.Errorf("ask the server: %w", err)
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusNotModified && last.text != "":
		return last.text, nil
	case response.StatusCode != http.StatusOK:
		return "", fmt.Errorf("the server answers %s", response.Status)
	}
	text, err := limited(response.Body)
	if err != nil {
		return "", err
	}
	*last = fetched{response.Header.Get("ETag"), response.Header.Get("Last-Modified"), text}
	return text, nil
}

// puller follows redirects to the same host alone, which the headers are for.
var puller = &http.Client{
	Transport: func() http.RoundTripper {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
		return t
	}(),
	CheckRedirect: func(next *http.Request, via []*http.Request) error {
		if len(via) > 5 || next.URL.Host != via[0].URL.Host || next.URL.Scheme != via[0].URL.Scheme {
			return errors.New("it redirects to another host; write that one's address")
		}
		return nil
	},
}

// readFile reads a file that is not a pipe or a device, which could keep the source
// waiting for ever.
func readFile(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a regular file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return limited(f)
}

func limited(r io.Reader) (string, error) {
	data, err := io.ReadAll(io.LimitReader(r, signed.MaxToken+1))
	if err != nil {
		return "", err
	}
	if len(data) > signed.MaxToken {
		return "", fmt.Errorf("it is larger than %d bytes", signed.MaxToken)
	}
	return strings.TrimSpace(string(data)), nil
}
