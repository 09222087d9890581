package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/schedule"
)

// tickFlags adds the flags that choose the tick of a schedule.
func (in *input) tickFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&in.schedule, "schedule", "", "the tick of the schedule with this `NAME`, in place of --event: short for --vendor time --event tick --filter NAME")
	cmd.MarkFlagsMutuallyExclusive("event", "schedule")
	cmd.MarkFlagsMutuallyExclusive("filter", "schedule")
}

// ticks reports whether the flags choose a tick, and completes those that --schedule
// stands for.
func (in *input) ticks() (bool, error) {
	switch {
	case in.schedule != "" && in.vendorGiven && in.vendor != events.VendorTime:
		return false, fmt.Errorf("--schedule %s has no --vendor %s", in.schedule, in.vendor)
	case in.schedule != "":
		in.vendor, in.event, in.filter = events.VendorTime, events.NameTick, in.schedule
	case in.event == "":
		return false, errors.New(`required flag(s) "event" not set: give --event NAME, or --schedule NAME for the tick of a schedule`)
	}
	switch {
	case in.vendor != events.VendorTime:
		return false, nil
	case in.event != events.NameTick:
		return false, fmt.Errorf("--vendor time has no event %s, only tick", in.event)
	case in.filter == "":
		return false, errors.New("--vendor time --event tick needs --filter NAME, the name of the schedule")
	}
	return true, nil
}

// tick makes the event of a tick that is due now. Without a payload that says which of
// the schedules of its name it is of, it is of each that functions have, or of the
// agent's.
func (in *input) tick(stdin io.Reader) (events.Event, error) {
	event := schedule.Schedule{}.Event(in.filter, time.Now().UTC().Truncate(time.Second), "", 0)
	event.ID, event.ReceivedAt = events.NewID(), time.Now()
	if in.payload == "" {
		return event, nil
	}
	data, received, err := in.readPayload(stdin)
	if err != nil {
		return events.Event{}, err
	}
	var tick schedule.Tick
	if err := events.DecodeObject(data, &tick); err != nil {
		return events.Event{}, fmt.Errorf("payload %s: %w", in.payload, err)
	}
	event.ID, event.ReceivedAt = localID(in.event+"\n"+in.filter, data), received
	event.Payload, event.OccurredAt = json.RawMessage(data), tick.Time
	return event, nil
}
