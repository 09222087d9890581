package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/webhook"
	"github.com/franela/pocketci/internal/forges"
	"github.com/franela/pocketci/internal/mirror"
)

// manualEvent is short for vendor manual, event run.
const manualEvent = "manual"

// input is what an event and its repository are given by.
type input struct {
	dir    string
	vendor string
	event  string
	// schedule is short for the tick of one.
	schedule string
	payload  string
	// filter is that of a tick or of the event of a webhook, whose payloads do not
	// tell it.
	filter  string
	changes []string
	base    string
	allow   []string
	labels  []string
	timeout time.Duration
	json    bool
	// lines says that JSON is one object a line, as a run prints it.
	lines bool

	vendorGiven bool
}

// flags adds all flags that choose an event.
func (in *input) flags(cmd *cobra.Command) {
	in.dirFlags(cmd)
	f := cmd.Flags()
	f.StringVar(&in.event, "event", "", "the event's `NAME` as the vendor's webhook header or pocketci has it, or manual")
	f.StringVar(&in.vendor, "vendor", events.VendorGithub, "the `VENDOR` that sends the event")
	f.StringVar(&in.payload, "payload", "", "a `FILE` with the event's payload, - for standard input")
	f.StringVar(&in.filter, "filter", "", "the event's filter as `TEXT`, with --vendor webhook; the name of the schedule with --vendor time")
	in.tickFlags(cmd)
	cmd.MarkFlagFilename("payload", "json")
	cmd.RegisterFlagCompletionFunc("event", cobra.FixedCompletions([]string{"push", "tag", "pull_request", "release", "issue_comment", "create", "workflow_dispatch", manualEvent}, cobra.ShellCompDirectiveNoFileComp))
	cmd.RegisterFlagCompletionFunc("vendor", cobra.FixedCompletions(in.vendors(), cobra.ShellCompDirectiveNoFileComp))
}

// dirFlags adds the flags that choose a repository and what calls may use.
func (in *input) dirFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&in.dir, "dir", ".", "the `DIR` of the repository, taken as it is")
	cmd.MarkFlagDirname("dir")
	in.localFlags(cmd)
}

// localFlags are the names of the flags that need a local directory.
var localFlags = []string{"changes", "base", "allow-secret-env", "runner-label", "call-timeout"}

// localFlags adds the flags that say how a local directory is looked at.
func (in *input) localFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringSliceVar(&in.changes, "changes", nil, "the changed `FILES`, with commas, instead of asking git")
	f.StringVar(&in.base, "base", "", "take as changed what differs from where HEAD left this `REV`, uncommitted work included")
	f.StringSliceVar(&in.allow, "allow-secret-env", nil, "`NAME` of a variable that pocketci.yaml may map to a secret, besides GITHUB_USERNAME and GITHUB_TOKEN (repeatable)")
	f.StringSliceVar(&in.labels, "runner-label", nil, "a `LABEL` that the engine has, for runs-on (repeatable)")
	f.DurationVar(&in.timeout, "call-timeout", time.Hour, "how long a call may take that sets no timeout")
	cmd.MarkFlagsMutuallyExclusive("changes", "base")
}

// read makes the event. A [*events.NothingError] comes with as much of the
// event as is known.
func (in *input) read(stdin io.Reader) (events.Event, error) {
	if tick, err := in.ticks(); err != nil {
		return events.Event{}, err
	} else if tick {
		return in.tick(stdin)
	}
	if in.event == manualEvent || in.vendor == events.VendorManual {
		switch {
		case in.vendorGiven && in.vendor != events.VendorManual:
			return events.Event{}, fmt.Errorf("--event manual has no --vendor %s", in.vendor)
		case in.event != manualEvent && in.event != events.NameRun:
			return events.Event{}, fmt.Errorf("--vendor manual has no event %s, only run", in.event)
		case in.payload != "":
			return events.Event{}, errors.New("--event manual takes no --payload: nothing was sent")
		}
		event := events.Manual(nil, "", "", os.Getenv("USER"))
		event.ID, event.ReceivedAt = events.NewID(), time.Now()
		return event, nil
	}
	if !slices.Contains(in.vendors(), in.vendor) {
		return events.Event{}, fmt.Errorf("--vendor %s: there is no such vendor; it is one of %s", in.vendor, strings.Join(in.vendors(), ", "))
	}
	if in.filter != "" && in.vendor != events.VendorWebhook {
		return events.Event{}, fmt.Errorf("--vendor %s has no --filter: it is told by the payload", in.vendor)
	}
	if in.payload == "" {
		return events.Event{}, fmt.Errorf("--event %s needs --payload FILE", in.event)
	}
	data, received, err := in.readPayload(stdin)
	if err != nil {
		return events.Event{}, err
	}
	event, err := in.parse(data)
	// The same payload is the same event, so that its plan and its cached
	// steps stay the same from one call to the next.
	event.ID, event.ReceivedAt = localID(in.event, data), received
	if _, malformed := errors.AsType[*events.MalformedError](err); malformed {
		return event, fmt.Errorf("payload %s: %w", in.payload, err)
	}
	return event, err
}

// vendors lists whose payloads can be given.
func (in *input) vendors() []string {
	return append(forges.Vendors(), events.VendorTime, events.VendorWebhook)
}

// parse reads the payload as the vendor's.
func (in *input) parse(data []byte) (events.Event, error) {
	if in.vendor == events.VendorWebhook {
		return webhook.Parse(in.event, in.filter, data)
	}
	return forges.Parse(in.vendor, in.event, data)
}

// readPayload returns the payload and since when it exists.
func (in *input) readPayload(stdin io.Reader) (data []byte, since time.Time, err error) {
	if in.payload == "-" {
		if data, err = io.ReadAll(stdin); err != nil {
			return nil, since, fmt.Errorf("read payload from standard input: %w", err)
		}
		return data, time.Now(), nil
	}
	info, err := os.Stat(in.payload)
	if err == nil {
		data, err = os.ReadFile(in.payload)
	}
	if err != nil {
		return nil, since, fmt.Errorf("read payload: %w", err)
	}
	return data, info.ModTime(), nil
}

// repository opens the directory as the event sees it.
func (in *input) repository(cmd *cobra.Command, event *events.Event) (*mirror.Snapshot, error) {
	o := mirror.LocalOptions{Base: in.base}
	if cmd.Flags().Changed("changes") {
		o.Changes = append([]string{}, in.changes...)
	}
	return mirror.Local(cmd.Context(), in.dir, event, o)
}

// start is the directory that commands have to be started in, empty if it is
// the current one.
func (in *input) start() (string, error) {
	dir, err := filepath.Abs(in.dir)
	if err != nil {
		return "", fmt.Errorf("open %s: %w", in.dir, err)
	}
	here, err := os.Getwd()
	if err == nil && here == dir {
		return "", nil
	}
	return dir, nil
}
