package main

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/franela/pocketci/internal/client"
)

// Bounds of lists.
const (
	defaultLimit = 20
	// pageLimit is how much is asked for at once.
	pageLimit = 100
)

// listFlags select what a list shows. Each list has those that it knows.
type listFlags struct {
	repo, ref, state, event, name string
	module, function, run         string
	vendor, filter                string
	since, until                  string
	limit                         int
	json                          bool
}

// add adds the flags with the given names, and those of every list.
func (l *listFlags) add(cmd *cobra.Command, names ...string) {
	f := cmd.Flags()
	texts := map[string]struct {
		value *string
		usage string
	}{
		"repo":     {&l.repo, "only of this `REPOSITORY`, by its full name"},
		"ref":      {&l.ref, "only of this `REF`, such as refs/heads/main"},
		"state":    {&l.state, "only in this `STATE`"},
		"event":    {&l.event, "only of the event with this id, or of events with this `NAME`"},
		"name":     {&l.name, "only of events with this `NAME`, such as push"},
		"vendor":   {&l.vendor, "only of this `VENDOR`, such as github"},
		"filter":   {&l.filter, "only of events with this `FILTER`, such as a branch or an action"},
		"run":      {&l.run, "only of this `RUN`, by its number or id"},
		"module":   {&l.module, "only of the module at this `PATH`"},
		"function": {&l.function, "only of this `FUNCTION`, as Dagger serves its name"},
		"since":    {&l.since, "not before this `TIME`: 2h or 7d ago, a date, or a time as in RFC 3339"},
		"until":    {&l.until, "only before this `TIME`"},
	}
	for _, name := range names {
		f.StringVar(texts[name].value, name, "", texts[name].usage)
	}
	f.IntVar(&l.limit, "limit", defaultLimit, "list `N` at most")
	jsonFlag(cmd, &l.json)
}

// jsonFlag adds the flag that has a command print the API's objects.
func jsonFlag(cmd *cobra.Command, to *bool) {
	cmd.Flags().BoolVar(to, "json", false, "print JSON, as the agent's API has it")
}

// between reads --since and --until.
func (l *listFlags) between() (since, until time.Time, err error) {
	now := time.Now()
	if since, err = parseTime(l.since, now); err != nil {
		return since, until, fmt.Errorf("--since: %w", err)
	}
	if until, err = parseTime(l.until, now); err != nil {
		return since, until, fmt.Errorf("--until: %w", err)
	}
	return since, until, nil
}

// parseTime reads a time in the past: a duration before now, a date of the
// local calendar, or a time. Empty is the zero time.
func parseTime(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := parseSpan(text); err == nil {
		return now.Add(-d), nil
	}
	if t, err := parseDate(text); err == nil {
		return t, nil
	}
	return time.Time{}, fmt.Errorf("%q is no time: write it as 2h, 7d, 2006-01-02 or 2006-01-02T15:04:05Z", text)
}

// parseDate reads a date of the local calendar or a time.
func parseDate(text string) (time.Time, error) {
	if t, err := time.ParseInLocation(time.DateOnly, text, time.Local); err == nil {
		return t, nil
	}
	return time.Parse(time.RFC3339, text)
}

// parseSpan reads a positive Go duration that may begin with days.
func parseSpan(text string) (time.Duration, error) {
	rest, days := text, time.Duration(0)
	if before, after, ok := strings.Cut(text, "d"); ok {
		n, err := strconv.ParseFloat(before, 64)
		if err != nil || !(n >= 0 && n <= 36500) {
			return 0, fmt.Errorf("%q is no duration", text)
		}
		if rest, days = after, time.Duration(n*24*float64(time.Hour)); rest == "" {
			rest = "0"
		}
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 || days+d <= 0 {
		return 0, fmt.Errorf("%q is no duration", text)
	}
	return days + d, nil
}

// named reads --event and --name: the id of an event, or the name of what
// happened.
func (l *listFlags) named() (id, name string, err error) {
	if _, err := uuid.Parse(l.event); err == nil {
		return l.event, l.name, nil
	}
	if l.event != "" && l.name != "" && l.event != l.name {
		return "", "", fmt.Errorf("--event %s is a name, and --name is %s", l.event, l.name)
	}
	return "", cmp.Or(l.name, l.event), nil
}

// collect reads pages until there are as many as wanted, or no more. It returns
// the cursor of what comes next.
func collect[T any](limit int, read func(client.Page) ([]T, string, error)) ([]T, string, error) {
	if limit < 1 {
		return nil, "", fmt.Errorf("--limit %d: ask for one at least", limit)
	}
	all := []T{}
	cursor := ""
	for len(all) < limit {
		part, next, err := read(client.Page{Cursor: cursor, Limit: min(limit-len(all), pageLimit)})
		if err != nil {
			return nil, "", err
		}
		all = append(all, part...)
		if cursor = next; next == "" || len(part) == 0 {
			return all, "", nil
		}
	}
	return all, cursor, nil
}

// listed prints a list: as JSON, or with table.
func (l *listFlags) listed(s *screen, page any, n int, next string, print func(*table)) error {
	if l.json {
		return writeJSON(s.w, page)
	}
	if n == 0 {
		return nil
	}
	t := s.table()
	print(t)
	if err := t.flush(); err != nil {
		return fmt.Errorf("write the list: %w", err)
	}
	if next != "" {
		s.printf("there are more; see --limit\n")
	}
	return nil
}
