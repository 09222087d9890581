package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/franela/pocketci/events/github"
)

const (
	// burst is how many deliveries one repetition sends, over as many
	// connections at a time.
	burst       = 20_000
	connections = 16
	// bodySize is the size of a payload in bytes.
	bodySize = 10_000
	// pushFile is a push as GitHub sends it.
	pushFile = "testdata/payloads/github/push.json"
)

// target is a receiver of webhooks and what was measured of it, for each burst.
type target struct {
	name, address, path, secret string
	status, pid                 int
	rates, cpu, client          []float64
	slow                        []time.Duration
}

// measured is what one burst came to: answers a second, the time within which
// 99 % of them came, and microseconds of CPU for each of the receiver and of
// this program.
type measured struct {
	rate        float64
	slow        time.Duration
	cpu, client float64
}

func (t *target) add(m measured) {
	t.rates, t.slow = append(t.rates, m.rate), append(t.slow, m.slow)
	t.cpu, t.client = append(t.cpu, m.cpu), append(t.client, m.client)
}

// push is what makes a delivery another one than the last: its commit, which
// is also its id, and the signature of its body.
type push struct {
	sha       [40]byte
	signature string
}

// burst sends deliveries, each of another commit and with another id, and waits
// for their answers. What they differ in is made before the clock starts, so
// that the client takes as little as it can from the receiver, with which it
// shares the machine.
func (t *target) burst(stop <-chan struct{}, body []byte) (measured, error) {
	pushes := make([]push, burst)
	at := commits(body)
	for i := range pushes {
		var sha [20]byte
		rand.Read(sha[:])
		hex.Encode(pushes[i].sha[:], sha[:])
		fill(body, at, pushes[i].sha[:])
		pushes[i].signature = github.Sign(t.secret, body)
	}
	var (
		next  atomic.Int64
		mu    sync.Mutex
		took  []time.Duration
		fault error
		wg    sync.WaitGroup
	)
	began, mine, theirs := time.Now(), ownCPU(), cpuOf(t.pid)
	for range connections {
		wg.Go(func() {
			times, err := t.connection(stop, pushes, &next, bytes.Clone(body))
			mu.Lock()
			defer mu.Unlock()
			took = append(took, times...)
			fault = errors.Join(fault, err)
		})
	}
	wg.Wait()
	if fault != nil {
		return measured{}, fault
	}
	passed, each := time.Since(began), func(d time.Duration) float64 { return float64(d.Microseconds()) / burst }
	slices.Sort(took)
	return measured{
		rate: burst / passed.Seconds(), slow: took[len(took)*99/100],
		cpu: each(cpuOf(t.pid) - theirs), client: each(ownCPU() - mine),
	}, nil
}

// connection sends one delivery after the other over one connection. All of
// them have the same length.
func (t *target) connection(stop <-chan struct{}, pushes []push, next *atomic.Int64, body []byte) ([]time.Duration, error) {
	conn, err := net.Dial("tcp", t.address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	fill(body, commits(body), pushes[0].sha[:])
	request := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: GitHub-Hookshot/044aadd\r\nAccept: */*\r\nContent-Type: application/json\r\n"+
		"Content-Length: %d\r\nX-GitHub-Event: push\r\nX-GitHub-Delivery: %s\r\nX-Hub-Signature-256: %s\r\n\r\n%s",
		t.path, t.address, len(body), pushes[0].sha, pushes[0].signature, body)
	var (
		took       = make([]time.Duration, 0, len(pushes))
		answers    = bufio.NewReader(conn)
		at         = occurrences(request, pushes[0].sha[:])
		signatures = occurrences(request, []byte(pushes[0].signature))
	)
	for {
		select {
		case <-stop:
			return nil, errors.New("interrupted")
		default:
		}
		n := int(next.Add(1) - 1)
		if n >= len(pushes) {
			return took, nil
		}
		fill(request, at, pushes[n].sha[:])
		fill(request, signatures, []byte(pushes[n].signature))
		sent := time.Now()
		if _, err := conn.Write(request); err != nil {
			return nil, err
		}
		status, err := readAnswer(answers)
		if err != nil {
			return nil, err
		}
		if status != t.status {
			return nil, fmt.Errorf("it answers with status %d", status)
		}
		took = append(took, time.Since(sent))
	}
}

// readAnswer reads an HTTP answer that has a length and drops its body.
func readAnswer(r *bufio.Reader) (status int, err error) {
	for length := -1; ; {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		switch name, value, _ := bytes.Cut(line, []byte(": ")); {
		case status == 0:
			if len(line) < len("HTTP/1.1 200") {
				return 0, fmt.Errorf("%q is no answer", line)
			}
			if status, err = strconv.Atoi(string(line[len("HTTP/1.1 "):len("HTTP/1.1 200")])); err != nil {
				return 0, fmt.Errorf("%q is no answer", line)
			}
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(value)); err != nil {
				return 0, fmt.Errorf("read the length of an answer: %w", err)
			}
		case len(line) == 0 && length < 0:
			return 0, errors.New("an answer has no length")
		case len(line) == 0:
			_, err := io.CopyN(io.Discard, r, int64(length))
			return status, err
		}
	}
}

// pushBody is the payload of a push as GitHub sends it, filled up to its size
// with random text.
func pushBody() ([]byte, error) {
	data, err := os.ReadFile(pushFile)
	if err != nil {
		return nil, fmt.Errorf("make a payload: %w", err)
	}
	var body bytes.Buffer
	if err := json.Compact(&body, data); err != nil {
		return nil, fmt.Errorf("make a payload: %w", err)
	}
	var text strings.Builder
	for text.Len() < bodySize {
		text.WriteString(rand.Text())
	}
	const before = `"description":"`
	at := bytes.Index(body.Bytes(), []byte(before))
	if at < 0 || body.Len() > bodySize {
		return nil, errors.New("make a payload: " + pushFile + " is not as it was")
	}
	return slices.Insert(body.Bytes(), at+len(before), []byte(text.String()[:bodySize-body.Len()])...), nil
}

// commits finds where the commit of a push is named in its payload.
func commits(body []byte) []int {
	const before = `"after":"`
	sha := body[bytes.Index(body, []byte(before))+len(before):][:40]
	return occurrences(body, bytes.Clone(sha))
}

func occurrences(data, part []byte) (at []int) {
	for from := 0; ; {
		i := bytes.Index(data[from:], part)
		if i < 0 {
			return at
		}
		at = append(at, from+i)
		from += i + len(part)
	}
}

// fill writes a part of a request anew.
func fill(data []byte, at []int, part []byte) {
	for _, i := range at {
		copy(data[i:], part)
	}
}
