package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/franela/pocketci/events"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/client"
)

func newReplay() *cobra.Command {
	var r remote
	var w waiting
	var in input
	cmd := &cobra.Command{
		Use:   "replay EVENT",
		Short: "Run an event again: on the agent, or here with --local",
		Long: `Replay makes a new event of a stored one, which is planned anew. Trust is not
inherited: the run of an untrusted event waits for an approval again.

With --local nothing happens on the agent: the event's payload is downloaded and
run on a local directory, as "pocketci run --payload" does.`,
		Args: cobra.ExactArgs(1),
		Example: `  pocketci replay 0198c1f0-7f3c-7d1e-9c44-0d6f3a1b2c4d --wait --fail
  pocketci replay 0198c1f0-7f3c-7d1e-9c44-0d6f3a1b2c4d --local .`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := allOrNone(cmd, "local", in.dir != "", localFlags); err != nil {
				return err
			}
			c, err := r.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			if in.dir != "" {
				in.json = w.json
				return replayHere(cmd, c, &in, args[0])
			}
			accepted, err := c.Replay(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return w.accepted(cmd, c, accepted)
		},
	}
	r.flags(cmd)
	w.flags(cmd)
	cmd.Flags().StringVar(&in.dir, "local", "", "run the event here, on the repository in this `DIR`")
	in.localFlags(cmd)
	for _, name := range []string{"wait", "fail", "logs"} {
		cmd.MarkFlagsMutuallyExclusive("local", name)
	}
	cmd.MarkFlagDirname("local")
	cmd.Flags().BoolVar(&w.json, "json", false, "print JSON, as the agent's API has it; with --local one object a line as pocketci run does")
	return cmd
}

// allOrNone refuses flags that mean something only with another one.
func allOrNone(cmd *cobra.Command, with string, given bool, flags []string) error {
	for _, name := range flags {
		if !given && cmd.Flags().Changed(name) {
			return fmt.Errorf("--%s needs --%s", name, with)
		}
	}
	return nil
}

// replayHere runs a stored event on a local directory.
func replayHere(cmd *cobra.Command, c *client.Client, in *input, id string) error {
	event, err := c.Event(cmd.Context(), id)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "pocketci-replay-")
	if err != nil {
		return fmt.Errorf("make a place for the payload: %w", err)
	}
	// What stays behind is in a directory for such things.
	defer os.RemoveAll(dir)
	payload, err := payloadFile(cmd, c, &event, dir)
	if err != nil {
		return err
	}
	in.lines = true
	if event.Vendor == events.VendorManual {
		if err := notByHand(payload); err != nil {
			return err
		}
		in.event = manualEvent
		return in.run(cmd)
	}
	in.vendor, in.event, in.payload = event.Vendor, event.Event, payload
	if event.Vendor == events.VendorTime {
		in.filter = event.Filter
	}
	return in.run(cmd)
}

// notByHand refuses the event of one function that was called by hand, which
// no event calls.
func notByHand(payload string) error {
	data, err := os.ReadFile(payload)
	if err != nil {
		return fmt.Errorf("read payload: %w", err)
	}
	var asked events.ByHand
	if err := json.Unmarshal(data, &asked); err != nil || asked.Function == "" {
		return nil // it is of the whole repository, and its payload anybody's
	}
	command := "pocketci call " + joined(":", asked.Module, asked.Function)
	for _, name := range slices.Sorted(maps.Keys(asked.Args)) {
		command += " --arg " + strconv.Quote(name+"="+asked.Args[name])
	}
	return fmt.Errorf("the event is a call by hand; make it here with %s", command)
}

// payloadFile downloads the payload of an event. The file is as old as the
// event, so that each replay gives the same event file.
func payloadFile(cmd *cobra.Command, c *client.Client, event *v1.Event, dir string) (string, error) {
	name := filepath.Join(dir, "payload.json")
	if err := save(cmd, name, event.ID, c.EventPayload); err != nil {
		return "", err
	}
	if err := os.Chtimes(name, event.ReceivedAt, event.ReceivedAt); err != nil {
		return "", fmt.Errorf("write %s: %w", name, err)
	}
	return name, nil
}
