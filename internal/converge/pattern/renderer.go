package pattern

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"
)

// renderTime is how long rendering takes at most.
const renderTime = 10 * time.Second

// Renderer turns files into a pattern. Jsonnet is a programming language: it is
// evaluated in a process of its own, which is ended when it takes too long and has an
// end to its memory.
type Renderer struct {
	// Command is a program with arguments that does what [Child] does.
	Command []string
	// Time is how long rendering takes at most; zero is ten seconds.
	Time time.Duration
}

// request is what the child reads, reply what it answers.
type (
	request struct {
		Files       Files       `json:"files"`
		Environment Environment `json:"environment"`
	}
	reply struct {
		Pattern string `json:"pattern"`
		Error   string `json:"error"`
	}
)

// Render returns the pattern that the files stand for in an environment.
func (r *Renderer) Render(ctx context.Context, files *Files, env Environment) (*Pattern, error) {
	if err := files.Check(); err != nil {
		return nil, err
	}
	if !files.rendered() {
		return Parse(files.Entrypoint, []byte(files.Files[files.Entrypoint]))
	}
	data, err := r.evaluate(ctx, request{*files, env})
	if err != nil {
		return nil, err
	}
	return Parse(files.Entrypoint+" (rendered)", data)
}

func (r *Renderer) evaluate(ctx context.Context, q request) ([]byte, error) {
	input, err := json.Marshal(q)
	if err != nil {
		return nil, fmt.Errorf("render the pattern: %w", err)
	}
	limit := r.Time
	if limit == 0 {
		limit = renderTime
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, r.Command[0], r.Command[1:]...)
	// It needs nothing of the environment: what the pattern may read is in its
	// input.
	cmd.Env = []string{"GOMEMLIMIT=256MiB"}
	cmd.Stdin = bytes.NewReader(input)
	cmd.WaitDelay = time.Second
	output, err := cmd.Output()
	var answer reply
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("render the pattern: it took longer than %s", limit)
	case err != nil:
		return nil, fmt.Errorf("render the pattern: the process that does ended with %w; it may need too much memory", err)
	}
	if err := json.Unmarshal(output, &answer); err != nil {
		return nil, fmt.Errorf("render the pattern: read the answer of the process that does: %w", err)
	}
	if answer.Error != "" {
		return nil, errors.New(answer.Error)
	}
	return []byte(answer.Pattern), nil
}

// Child renders what a [Renderer] writes to it, with limits on the process, and
// answers it.
func Child(stdin io.Reader, stdout io.Writer) error {
	if err := limitMemory(); err != nil {
		return fmt.Errorf("limit the memory of a process: %w", err)
	}
	var q request
	if err := json.NewDecoder(stdin).Decode(&q); err != nil {
		return fmt.Errorf("read what to render: %w", err)
	}
	var answer reply
	data, err := Evaluate(&q.Files, q.Environment)
	if err != nil {
		answer.Error = err.Error()
	}
	answer.Pattern = string(data)
	return json.NewEncoder(stdout).Encode(answer)
}
