package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/client"
	"github.com/franela/pocketci/internal/terminal"
)

func newLogs() *cobra.Command {
	var r remote
	var follow, asJSON, raw bool
	var attempt int
	cmd := &cobra.Command{
		Use:   "logs CALL|RUN",
		Short: "Print the log of a call, or of all calls of a run",
		Long: `Print what a call did step by step. For a run, given by its number or id, the
logs of all its calls are printed, with the function in front of each line.
Times are in UTC.

With -f the log is followed until its end, also over a restart of the agent.`,
		Args: cobra.ExactArgs(1),
		Example: `  pocketci logs 42 -f
  pocketci logs 0198c1f0-7f3c-7d1e-9c44-0d6f3a1b2c4d --attempt 1
  pocketci logs 42 --json | jq 'select(.state == "failed")'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if attempt < 0 {
				return errors.New("--attempt: attempts are counted from 1")
			}
			c, err := r.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			p := &logPrinter{w: cmd.OutOrStdout(), notes: newScreen(cmd.ErrOrStderr()), json: asJSON, raw: raw}
			call, run, err := callOrRun(cmd.Context(), c, args[0])
			switch {
			case err != nil:
				return err
			case call == nil && attempt > 0:
				return errors.New("--attempt is for the log of one call")
			case call == nil && follow:
				p.prefix = true
				return followRun(cmd, c, run, p)
			case call == nil:
				p.prefix = true
				for i := range run.Calls {
					if err := p.print(&run.Calls[i], c.Log(cmd.Context(), run.Calls[i].ID, 0)); err != nil {
						return err
					}
				}
				return nil
			case follow:
				err := p.print(call, c.FollowLog(cmd.Context(), call.ID, attempt, retrying(cmd, c)))
				return interrupted(cmd, err)
			}
			return p.print(call, c.Log(cmd.Context(), call.ID, attempt))
		},
	}
	r.flags(cmd)
	f := cmd.Flags()
	f.BoolVarP(&follow, "follow", "f", false, "go on until the end of the log")
	f.IntVar(&attempt, "attempt", 0, "the log of an earlier attempt of a call, by its `NUMBER`")
	f.BoolVar(&asJSON, "json", false, "print one JSON object a line, as the agent's API has it, with call, module and function")
	f.BoolVar(&raw, "raw", false, "print only what the steps printed, with all control characters")
	cmd.MarkFlagsMutuallyExclusive("json", "raw")
	return cmd
}

// callOrRun finds what an argument names. A number is that of a run.
func callOrRun(ctx context.Context, c *client.Client, name string) (*v1.Call, *v1.Run, error) {
	if strings.Trim(name, "0123456789") != "" {
		call, err := c.Call(ctx, name)
		if err == nil {
			return &call, nil, nil
		}
		if refusal, ok := errors.AsType[*client.Error](err); !ok || refusal.Status != http.StatusNotFound {
			return nil, nil, err
		}
	}
	run, err := c.Run(ctx, name)
	return nil, &run, err
}

// retrying says on standard error that a stream is broken.
func retrying(cmd *cobra.Command, c *client.Client) client.Retry {
	var mu sync.Mutex
	s := newScreen(cmd.ErrOrStderr())
	return func(err error, wait time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		s.printf("pocketci: %s; trying again in %s\n", err.Error(), wait.String())
	}
}

// interrupted makes the error of a person who does not want to wait any more.
func interrupted(cmd *cobra.Command, err error) error {
	if err != nil && cmd.Context().Err() != nil {
		return &exitError{code: exitFailed}
	}
	return err
}

// followRun prints the logs of all calls of a run until it has ended.
func followRun(cmd *cobra.Command, c *client.Client, run *v1.Run, p *logPrinter) error {
	retry := retrying(cmd, c)
	f := newFollower(cmd.Context(), c, p, retry)
	for run, err := range c.WatchRun(f.ctx, run.ID, 0, retry) {
		if err != nil {
			return interrupted(cmd, f.end(err))
		}
		f.see(&run)
	}
	return interrupted(cmd, f.end(nil))
}

// follower follows the logs of all attempts of a run's calls, each from when it
// begins.
type follower struct {
	ctx     context.Context
	cancel  context.CancelFunc
	group   *errgroup.Group
	client  *client.Client
	printer *logPrinter
	retry   client.Retry
	seen    map[string]bool
}

func newFollower(ctx context.Context, c *client.Client, p *logPrinter, retry client.Retry) *follower {
	f := &follower{client: c, printer: p, retry: retry, seen: map[string]bool{}}
	f.ctx, f.cancel = context.WithCancel(ctx)
	f.group, f.ctx = errgroup.WithContext(f.ctx)
	return f
}

// see follows the attempts that have begun and are not followed yet.
func (f *follower) see(run *v1.Run) {
	for _, call := range run.Calls {
		key := fmt.Sprintf("%s %d", call.ID, call.Attempt)
		if call.StartedAt == nil || f.seen[key] {
			continue
		}
		f.seen[key] = true
		f.group.Go(func() error {
			return f.printer.print(&call, f.client.FollowLog(f.ctx, call.ID, call.Attempt, f.retry))
		})
	}
}

// end waits until all logs are printed, or gives them up if there is an error,
// which it returns.
func (f *follower) end(err error) error {
	defer f.cancel()
	if err != nil {
		f.cancel()
	}
	// A log that cannot be printed ends the others, and that is the error then.
	if failed := f.group.Wait(); failed != nil && (err == nil || !errors.Is(failed, context.Canceled)) {
		return failed
	}
	return err
}

// logPrinter prints the lines of logs, whole and one after the other.
type logPrinter struct {
	mu sync.Mutex
	w  io.Writer
	// notes is for what is to be said about a log.
	notes *screen
	// prefix has each line begin with its function.
	prefix, json, raw bool
}

// logRecord is a line of a log with the call that it belongs to.
type logRecord struct {
	Call     string `json:"call"`
	Module   string `json:"module"`
	Function string `json:"function"`
	v1.LogLine
}

// print prints the lines of one log. Among several logs it only notes one that
// is no longer kept.
func (p *logPrinter) print(call *v1.Call, lines iter.Seq2[v1.LogLine, error]) error {
	for line, err := range lines {
		if refusal, ok := errors.AsType[*client.Error](err); ok && refusal.Status == http.StatusGone && p.prefix {
			p.note("%s: %s\n", qualified(call), refusal.Detail)
			return nil
		}
		if err != nil {
			return err
		}
		if err := p.line(call, &line); err != nil {
			return fmt.Errorf("write the log: %w", err)
		}
	}
	if call.LogCut {
		p.note("%s: the log was longer than is kept; this is its beginning\n", qualified(call))
	}
	return nil
}

func (p *logPrinter) note(format string, values ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.notes.printf(format, values...)
}

func (p *logPrinter) line(call *v1.Call, line *v1.LogLine) error {
	var text string
	switch {
	case p.json:
		data, err := json.Marshal(logRecord{call.ID, call.Module, call.Function, *line})
		if err != nil {
			return err
		}
		text = string(data) + "\n"
	case p.raw && line.State != "output":
		return nil
	case p.raw:
		if text = line.Text; !line.Open && !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
	default:
		front := line.Time.UTC().Format(time.TimeOnly) + " "
		if p.prefix {
			front += terminal.Quote(qualified(call)) + " "
		}
		for _, l := range shownLines(line) {
			text += front + l + "\n"
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_, err := io.WriteString(p.w, text)
	return err
}

// shownLines is a line of a log for people, in the form in which pocketci run
// shows steps.
func shownLines(line *v1.LogLine) []string {
	step := terminal.Quote(line.Step)
	switch line.State {
	case "started":
		return []string{"· " + step}
	case "done":
		return []string{fmt.Sprintf("✔ %s (%s)", step, seconds(line.Seconds))}
	case "cached":
		return []string{fmt.Sprintf("$ %s (cached)", step)}
	case "failed":
		lines := terminal.Lines(line.Text)
		lines[0] = strings.TrimRight(fmt.Sprintf("✘ %s (%s) %s", step, seconds(line.Seconds), lines[0]), " ")
		return lines
	}
	lines := terminal.Lines(line.Text)
	for i := range lines {
		lines[i] = "│ " + lines[i]
	}
	return lines
}
