// Command oracle answers questions with the code of pocketci-module, one JSON
// object a line. The module is a Go module of its own that pocketci's own does
// not require, so that its tests ask another process.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	"dagger/pocketci/event"
)

// question is about changed files and globs, or about a filter and entries.
// Byte slices, as neither has to be UTF-8.
type question struct {
	Changes, Globs [][]byte
	Filter         []byte
	Entries        [][]byte
}

type answer struct {
	// Changed, Matches and Bad answer the question. Version is always the
	// newest version of the event file that the module reads.
	Changed, Matches, Bad bool
	Version               int
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
}

func run() error {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var q question
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			return err
		}
		f := &event.File{Changes: texts(q.Changes), Filter: string(q.Filter)}
		changed, err := f.Changed(texts(q.Globs))
		a := answer{Changed: changed, Matches: f.Matches(texts(q.Entries)), Bad: err != nil, Version: event.FileVersion}
		if err := out.Encode(a); err != nil {
			return err
		}
	}
	return lines.Err()
}

// texts keeps nil, which means that the changes are not known.
func texts(list [][]byte) []string {
	if list == nil {
		return nil
	}
	out := make([]string, len(list))
	for i, b := range list {
		out[i] = string(b)
	}
	return out
}
