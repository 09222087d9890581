package client

import (
	"context"
	"io"
	"net/url"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

// LineFilter selects lines of the log of a call. Zero values select all.
type LineFilter struct {
	// Attempt 0 is the present one.
	Attempt int
	// First is the number of the first line. Before, unless it is 0, selects the last
	// lines before that number in place of the first ones.
	First, Before int64
	// Count is how many lines come at most, 0 for as many as the agent likes.
	Count int
	// Step is the id of a step.
	Step string
	// Contains is a part of the text, in upper or lower case.
	Contains string
	// Wait is how many seconds to wait for the first line to be written, at most 25.
	Wait int
}

// LogLines returns a part of the lines of the log of a call, with their numbers.
func (c *Client) LogLines(ctx context.Context, call string, f LineFilter) (v1.LogLines, error) {
	var lines v1.LogLines
	r := get("calls", call, "log", "lines")
	r.query = url.Values(params{}.number("attempt", int64(f.Attempt)).number("first", f.First).number("before", f.Before).
		number("count", int64(f.Count)).text("step", f.Step).text("contains", f.Contains).number("wait", int64(f.Wait)))
	return lines, c.do(ctx, r, &lines)
}

// LogSteps returns the steps of an attempt of a call, as far as its log tells of them by
// now. Attempt 0 is the present one.
func (c *Client) LogSteps(ctx context.Context, call string, attempt int) (v1.LogSteps, error) {
	var steps v1.LogSteps
	r := get("calls", call, "log", "steps")
	r.query = url.Values(params{}.number("attempt", int64(attempt)))
	return steps, c.do(ctx, r, &steps)
}

// RawLog writes to w what the steps of an attempt of a call have printed so far, byte for
// byte. Attempt 0 is the present one.
func (c *Client) RawLog(ctx context.Context, call string, attempt int, w io.Writer) error {
	r := get("calls", call, "log")
	r.query = url.Values(params{"format": {"raw"}}.number("attempt", int64(attempt)))
	r.accept = "text/plain"
	return c.download(ctx, r, w)
}
