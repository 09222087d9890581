package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/client"
)

func newEvents() *cobra.Command {
	return group("events", "List and show the events that an agent has stored", newEventsList(), newEventsShow())
}

func newEventsList() *cobra.Command {
	var r remote
	var l listFlags
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List events, the latest first",
		Args:  cobra.NoArgs,
		Example: `  pocketci events list --repo you/hello --since 2h
  pocketci events list --event pull_request --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f := client.EventFilter{Repository: l.repo, Ref: l.ref, Vendor: l.vendor, Filter: l.filter}
			id, name, err := l.named()
			if err != nil {
				return err
			}
			if id != "" {
				return fmt.Errorf("--event %s is one event; see pocketci events show", id)
			}
			f.Name = name
			if f.Since, f.Until, err = l.between(); err != nil {
				return err
			}
			c, err := r.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			all, next, err := collect(l.limit, func(p client.Page) ([]v1.Event, string, error) {
				f.Page = p
				page, err := c.Events(cmd.Context(), f)
				return page.Events, page.Next, err
			})
			if err != nil {
				return err
			}
			s := newScreen(cmd.OutOrStdout())
			return l.listed(s, v1.Events{Events: all, Next: next}, len(all), next, func(t *table) {
				t.row("EVENT", "RECEIVED", "WHAT", "REPOSITORY", "REF", "SHA", "SENDER")
				for _, e := range all {
					t.row(e.ID, s.when(e.ReceivedAt), what(e.Vendor, e.Event, e.Filter), e.Repository, e.Ref, shortSHA(e.SHA), e.Sender)
				}
			})
		},
	}
	r.flags(cmd)
	l.add(cmd, "repo", "ref", "vendor", "event", "name", "filter", "since", "until")
	return cmd
}

// what names what happened.
func what(vendor, event, filter string) string {
	return strings.TrimSpace(vendor + " " + event + " " + filter)
}

func shortSHA(sha string) string { return sha[:min(12, len(sha))] }

func newEventsShow() *cobra.Command {
	var r remote
	var file, payload string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show an event, or write its event file or payload",
		Args:  cobra.ExactArgs(1),
		Example: `  pocketci events show 0198c1f0-7f3c-7d1e-9c44-0d6f3a1b2c4d
  pocketci events show 0198c1f0-7f3c-7d1e-9c44-0d6f3a1b2c4d --file event.json
  pocketci events show 0198c1f0-7f3c-7d1e-9c44-0d6f3a1b2c4d --payload - | jq .action`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if file == "-" && payload == "-" {
				return errors.New("--file and --payload cannot both go to standard output")
			}
			c, err := r.connect()
			if err != nil {
				return err
			}
			defer c.Close()
			if file == "" && payload == "" {
				event, err := c.Event(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSON(cmd.OutOrStdout(), event)
				}
				return showEvent(newScreen(cmd.OutOrStdout()), event)
			}
			if file != "" {
				if err := save(cmd, file, args[0], c.EventFile); err != nil {
					return err
				}
			}
			if payload != "" {
				return save(cmd, payload, args[0], c.EventPayload)
			}
			return nil
		},
	}
	r.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&file, "file", "", "write the event file, as functions receive it, to this `PATH`; - is standard output")
	f.StringVar(&payload, "payload", "", "write the payload, as it was sent, to this `PATH`; - is standard output")
	jsonFlag(cmd, &asJSON)
	cmd.MarkFlagFilename("file", "json")
	cmd.MarkFlagFilename("payload", "json")
	for _, name := range []string{"file", "payload"} {
		cmd.MarkFlagsMutuallyExclusive("json", name)
	}
	return cmd
}

// save writes something of an event to a file that only the user can read, or
// to standard output.
func save(cmd *cobra.Command, name, event string, download func(context.Context, string, io.Writer) error) error {
	if name == "-" {
		return download(cmd.Context(), event, cmd.OutOrStdout())
	}
	if err := writeFile(name, func(f *os.File) error { return download(cmd.Context(), event, f) }); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

func showEvent(s *screen, e v1.Event) error {
	t := s.table()
	field := func(name string, value any) {
		if shown := s.text(value); shown != "" && shown != "0" {
			t.row(name, value)
		}
	}
	field("event", e.ID)
	field("what", what(e.Vendor, e.Event, e.Filter))
	field("repository", e.Repository)
	field("page", e.WebURL)
	field("ref", e.Ref)
	field("sha", e.SHA)
	field("base", e.Base)
	field("pull request", e.PR)
	field("fork", e.Fork)
	field("sender", e.Sender)
	field("trusted", map[bool]string{true: "yes", false: "no"}[e.Trusted])
	field("occurred", s.whenPtr(e.OccurredAt))
	field("received", s.when(e.ReceivedAt))
	field("hook", e.Hook)
	field("delivery", e.Delivery)
	field("replays", e.Original)
	field("follows from", e.Cause)
	for _, again := range e.Redeliveries {
		text := s.when(again.At)
		if again.Attempt > 0 {
			text += fmt.Sprintf(", which added attempt %d", again.Attempt)
		}
		field("redelivered", text)
	}
	if err := t.flush(); err != nil {
		return fmt.Errorf("write the event: %w", err)
	}
	for i := range e.Runs {
		s.printf("\n")
		s.tree(&e.Runs[i])
	}
	return nil
}
