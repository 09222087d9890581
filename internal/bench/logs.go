package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

const (
	logFollowers = 200
	// logLines is how many lines a log has before anybody looks, and logAdded how many
	// are added in each quarter of a second, as an agent does, while many do.
	logLines, logAdded = 100_000, 100
	logSeconds         = 10
	logMemory          = 100 // MB
	logLatency         = time.Second
	// agentGC is the agent's own setting, unless GOGC overrides it.
	agentGC = 400
)

// logs measures what those cost who follow the log of a call, and how soon they see a line
// that is written. Followers and what they follow are in this process, so that the memory
// is more than that of an agent.
func (b *bench) logs() ([]row, error) {
	defer debug.SetGCPercent(debug.SetGCPercent(agentGC))
	site, err := b.startPages(1)
	if err != nil {
		return nil, err
	}
	log, err := site.startCall(b.ctx)
	if err != nil {
		return nil, err
	}
	times, err := b.firstLines(site, log)
	if err != nil {
		return nil, err
	}
	took := median(times)
	latency := row{
		what: "first log line: latency, from being stored to a browser", measured: ms(took) + spread(times),
		goal: "under " + logLatency.String(), met: met(took < logLatency),
	}
	if err := log.write(b.ctx, logLines); err != nil {
		return nil, err
	}
	before, after, err := b.logFollowers(site, log)
	more := megabytes(after - before)
	return []row{latency, {
		what:     fmt.Sprintf("log followers: memory of %d, theirs included", logFollowers),
		measured: fmt.Sprintf("%.0f MB at most", more), against: fmt.Sprintf("without them %.0f MB", megabytes(before)),
		goal: fmt.Sprintf("under %d MB", logMemory), met: met(more < logMemory),
	}}, err
}

// firstLines measures how soon a browser that waits has a line.
func (b *bench) firstLines(site *pages, log *callLog) (times []time.Duration, err error) {
	ctx, cancel := context.WithCancel(b.ctx)
	defer cancel()
	lines, err := site.followLog(ctx, log)
	if err != nil {
		return nil, err
	}
	defer lines.Close()
	for range 5 * b.runs {
		begin := time.Now()
		if err := log.write(ctx, 1); err != nil {
			return nil, err
		}
		if err := lines.await(log.lines); err != nil {
			return nil, err
		}
		times = append(times, time.Since(begin))
		time.Sleep(300 * time.Millisecond) // as it is with a step that now and then prints
	}
	return times, nil
}

// logFollowers reads the memory of this process without followers, and then its highest
// while many follow a log that grows.
func (b *bench) logFollowers(site *pages, log *callLog) (before, after int, err error) {
	if _, err := site.get(b.ctx, log.path); err != nil {
		return 0, 0, err
	}
	debug.FreeOSMemory()
	if before, err = ownMemory(); err != nil {
		return 0, 0, err
	}
	ctx, cancel := context.WithCancel(b.ctx)
	var reading sync.WaitGroup
	defer reading.Wait()
	defer cancel()
	last := log.lines + logSeconds*4*logAdded
	ended := make(chan error, logFollowers)
	for range logFollowers {
		lines, err := site.followLog(ctx, log)
		if err != nil {
			return 0, 0, err
		}
		reading.Go(func() {
			defer lines.Close()
			ended <- lines.await(last)
		})
	}
	for range logSeconds * 4 {
		if err := log.write(ctx, logAdded); err != nil {
			return 0, 0, err
		}
		time.Sleep(250 * time.Millisecond)
		now, err := ownMemory()
		if err != nil {
			return 0, 0, err
		}
		after = max(after, now)
	}
	for range logFollowers {
		if err := <-ended; err != nil {
			return 0, 0, err
		}
	}
	return before, after, nil
}

// callLog is the log of a call that is being made.
type callLog struct {
	agent *store.Agent
	claim store.Claim
	path  string
	lines int
}

// startCall begins a call.
func (p *pages) startCall(ctx context.Context) (*callLog, error) {
	if err := p.push(ctx); err != nil {
		return nil, err
	}
	agent, err := p.store.Join(ctx, "bench", true)
	if err != nil {
		return nil, err
	}
	claim, _, err := agent.ClaimRun(ctx, store.Limits{})
	if err != nil {
		return nil, err
	}
	if _, err := agent.Planned(ctx, claim, store.Plan{SHA: strings.Repeat("a", 40), Plan: json.RawMessage(`{"view":{}}`), Calls: []store.NewCall{{Module: "ci", Function: "test", Spec: json.RawMessage(`{}`)}}}); err != nil {
		return nil, err
	}
	run, err := p.store.Run(ctx, claim.Run)
	if err != nil {
		return nil, err
	}
	claim, _, err = agent.ClaimCall(ctx, store.Limits{})
	return &callLog{agent: agent, claim: claim, path: fmt.Sprintf("/runs/%d/calls/test", run.Number)}, err
}

// write adds lines to the log.
func (l *callLog) write(ctx context.Context, n int) error {
	for n > 0 {
		var data bytes.Buffer
		for range min(n, 1000) {
			line, err := json.Marshal(v1.LogLine{Time: time.Now().UTC(), State: "output", StepID: "1", Step: "withExec go test ./...",
				Text: fmt.Sprintf("\x1b[32mok\x1b[0m  \tgithub.com/acme/shop/internal/part%d\t0.1s", l.lines)})
			if err != nil {
				return fmt.Errorf("write a log: %w", err)
			}
			data.Write(append(line, '\n'))
			l.lines++
			n--
		}
		if err := l.agent.AppendLog(ctx, l.claim, data.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// logStream is what a browser is sent that follows a log.
type logStream struct {
	body  interface{ Close() error }
	lines *bufio.Reader
}

func (s *logStream) Close() error { return s.body.Close() }

// followLog follows a log from its end on.
func (p *pages) followLog(ctx context.Context, log *callLog) (*logStream, error) {
	response, err := p.openQuery(ctx, log.path+"/live", url.Values{"view": {"order"}, "first": {fmt.Sprint(log.lines + 1)}})
	if err != nil {
		return nil, err
	}
	return &logStream{response.Body, bufio.NewReaderSize(response.Body, 4<<10)}, nil
}

// await reads until a line has been sent.
func (s *logStream) await(number int) error {
	want := fmt.Appendf(nil, `id="L%d"`, number)
	for {
		line, err := s.lines.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("follow a log: %w", err)
		}
		if bytes.Contains(line, want) {
			return nil
		}
	}
}

// ownMemory is how much this process holds, in kB.
func ownMemory() (int, error) { return residentKB(os.Getpid()) }
