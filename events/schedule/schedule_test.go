package schedule_test

import (
	"slices"
	"testing"
	"time"

	"github.com/franela/pocketci/events/schedule"
)

func parse(t *testing.T, expression, zone string) schedule.Schedule {
	t.Helper()
	s, err := schedule.Parse(expression, zoneOf(t, zone))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func zoneOf(t *testing.T, name string) *time.Location {
	t.Helper()
	if name == "" {
		return nil
	}
	zone, err := schedule.Zone(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func at(t *testing.T, text string) time.Time {
	t.Helper()
	parsed, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// TestNext names the zones of the world whose clocks are changed in unusual ways.
func TestNext(t *testing.T) {
	for name, c := range map[string]struct {
		expression, zone, after string
		want                    []string
	}{
		"each minute":     {"* * * * *", "", "2026-01-01T00:00:30Z", []string{"2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z"}},
		"strictly after":  {"0 3 * * *", "", "2026-01-01T03:00:00Z", []string{"2026-01-02T03:00:00Z"}},
		"a moment before": {"0 3 * * *", "", "2026-01-01T02:59:59Z", []string{"2026-01-01T03:00:00Z"}},
		"lists, ranges and steps": {"5,20-30/5 8-9 * * *", "", "2026-01-01T08:21:00Z",
			[]string{"2026-01-01T08:25:00Z", "2026-01-01T08:30:00Z", "2026-01-01T09:05:00Z", "2026-01-01T09:20:00Z"}},
		"names":                                {"0 0 1 feb,DEC *", "", "2026-01-01T00:00:00Z", []string{"2026-02-01T00:00:00Z", "2026-12-01T00:00:00Z"}},
		"on weekdays":                          {"30 2 * * 1-5", "", "2026-01-02T02:30:00Z", []string{"2026-01-05T02:30:00Z", "2026-01-06T02:30:00Z"}},
		"Sunday is 0":                          {"0 0 * * 0", "", "2026-01-01T00:00:00Z", []string{"2026-01-04T00:00:00Z"}},
		"Sunday is 7 too":                      {"0 0 * * 7", "", "2026-01-01T00:00:00Z", []string{"2026-01-04T00:00:00Z", "2026-01-11T00:00:00Z"}},
		"a range that ends on Sunday":          {"0 0 * * sat-7", "", "2026-01-01T00:00:00Z", []string{"2026-01-03T00:00:00Z", "2026-01-04T00:00:00Z", "2026-01-10T00:00:00Z"}},
		"and by name, with steps":              {"0 0 * * fri-sun/2", "", "2026-01-01T00:00:00Z", []string{"2026-01-02T00:00:00Z", "2026-01-04T00:00:00Z", "2026-01-09T00:00:00Z"}},
		"either day, if both are given":        {"0 0 13 * 5", "", "2026-01-01T00:00:00Z", []string{"2026-01-02T00:00:00Z", "2026-01-09T00:00:00Z", "2026-01-13T00:00:00Z"}},
		"both days, if one begins with a star": {"0 0 */2 * 5", "", "2026-01-01T00:00:00Z", []string{"2026-01-09T00:00:00Z", "2026-01-23T00:00:00Z"}},
		"a month without the day":              {"0 0 31 * *", "", "2026-01-31T00:00:00Z", []string{"2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z"}},
		"over a year without a leap day":       {"0 0 29 2 *", "", "2096-03-01T00:00:00Z", []string{"2104-02-29T00:00:00Z"}},
		"@daily":                               {"@daily", "", "2026-01-01T00:00:00Z", []string{"2026-01-02T00:00:00Z"}},
		"@weekly":                              {"@weekly", "", "2026-01-01T00:00:00Z", []string{"2026-01-04T00:00:00Z"}},
		"@yearly, in capitals":                 {"@YEARLY", "", "2026-01-01T00:00:00Z", []string{"2027-01-01T00:00:00Z"}},
		"in a zone":                            {"0 3 * * *", "Europe/Berlin", "2026-01-01T00:00:00Z", []string{"2026-01-01T03:00:00+01:00"}},
		"its own zone wins":                    {"CRON_TZ=Asia/Kolkata 0 3 * * *", "Europe/Berlin", "2026-01-01T00:00:00Z", []string{"2026-01-02T03:00:00+05:30"}},

		"Berlin in spring: what is left out comes right after": {"30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z",
			[]string{"2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"}},
		"and all that is left out comes once": {"*/15 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z",
			[]string{"2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00"}},
		"and is not there twice with what is due then": {"0 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z",
			[]string{"2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00"}},
		"asked in the moment of the change": {"30 2 * * *", "Europe/Berlin", "2026-03-29T01:00:00Z", []string{"2026-03-30T02:30:00+02:00"}},
		"asked in the second before":        {"30 2 * * *", "Europe/Berlin", "2026-03-29T00:59:59Z", []string{"2026-03-29T03:00:00+02:00"}},
		"each hour is real time in spring": {"0 * * * *", "Europe/Berlin", "2026-03-29T00:30:00+01:00",
			[]string{"2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T04:00:00+02:00"}},
		"each half hour too": {"*/30 * * * *", "Europe/Berlin", "2026-03-29T01:00:00+01:00",
			[]string{"2026-03-29T01:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00"}},
		"every second hour leaves out what is not there": {"0 */2 * * *", "Europe/Berlin", "2026-03-29T00:30:00+01:00",
			[]string{"2026-03-29T04:00:00+02:00", "2026-03-29T06:00:00+02:00"}},

		"Berlin in autumn: what is there twice comes the first time": {"30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z",
			[]string{"2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"}},
		"each minute of an hour too": {"0-59 2 * * *", "Europe/Berlin", "2026-10-25T02:58:30+02:00",
			[]string{"2026-10-25T02:59:00+02:00", "2026-10-26T02:00:00+01:00"}},
		"asked in between": {"30 2 * * *", "Europe/Berlin", "2026-10-25T02:15:00+01:00", []string{"2026-10-26T02:30:00+01:00"}},
		"the hour after":   {"0 3 * * *", "Europe/Berlin", "2026-10-25T02:15:00+01:00", []string{"2026-10-25T03:00:00+01:00"}},
		"each hour is real time in autumn": {"0 * * * *", "Europe/Berlin", "2026-10-25T01:30:00+02:00",
			[]string{"2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00"}},
		"all hours by number too": {"0 0-23 * * *", "Europe/Berlin", "2026-10-25T01:30:00+02:00",
			[]string{"2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00"}},
		"each minute is real time": {"* * * * *", "Europe/Berlin", "2026-10-25T02:59:00+02:00", []string{"2026-10-25T02:00:00+01:00"}},

		"New York in spring":             {"30 2 * * *", "America/New_York", "2026-03-07T12:00:00Z", []string{"2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"}},
		"New York in autumn":             {"30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", []string{"2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"}},
		"a day without midnight":         {"0 0 * * *", "America/Sao_Paulo", "2018-11-03T12:00:00Z", []string{"2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00"}},
		"a midnight that is there twice": {"0 0 * * *", "America/Havana", "2026-10-31T12:00:00Z", []string{"2026-11-01T00:00:00-04:00", "2026-11-02T00:00:00-05:00"}},
		"half an hour forward":           {"15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00Z", []string{"2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"}},
		"half an hour back":              {"45 1 * * *", "Australia/Lord_Howe", "2026-04-04T12:00:00Z", []string{"2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"}},
		"a day that was left out":        {"0 3 * * *", "Pacific/Apia", "2011-12-29T20:00:00Z", []string{"2011-12-31T00:00:00+14:00", "2011-12-31T03:00:00+14:00"}},

		"@every does not drift":         {"@every 30s", "", "2026-01-01T00:00:01Z", []string{"2026-01-01T00:00:30Z", "2026-01-01T00:01:00Z"}},
		"@every, an odd period":         {"@every 7h", "", "1970-01-01T00:00:00Z", []string{"1970-01-01T07:00:00Z", "1970-01-01T14:00:00Z"}},
		"@every before the anchor":      {"@every 1h", "", "1969-12-31T22:30:00Z", []string{"1969-12-31T23:00:00Z", "1970-01-01T00:00:00Z"}},
		"@every is real time in autumn": {"@every 1h", "Europe/Berlin", "2026-10-25T00:30:00Z", []string{"2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"}},
		"once":                          {"2026-03-01T12:00:00+01:00", "", "2026-01-01T00:00:00Z", []string{"2026-03-01T12:00:00+01:00", ""}},
		"once, over":                    {"2026-03-01T12:00:00Z", "", "2026-03-01T12:00:00Z", []string{""}},
	} {
		t.Run(name, func(t *testing.T) {
			s := parse(t, c.expression, c.zone)
			last := at(t, c.after)
			for i, want := range c.want {
				got := s.Next(last)
				if want == "" {
					if !got.IsZero() {
						t.Errorf("%d: got %s, want none", i, got)
					}
					break
				}
				if got.Format(time.RFC3339) != want {
					t.Errorf("%d: got %s, want %s", i, got.Format(time.RFC3339), want)
				}
				last = got
			}
		})
	}
	if got := (schedule.Schedule{}).Next(time.Unix(0, 0)); !got.IsZero() {
		t.Errorf("the zero schedule is due at %s", got)
	}
}

// TestYearOfHours counts what a year with both changes of the clock has.
func TestYearOfHours(t *testing.T) {
	from, to := at(t, "2025-12-31T22:59:59Z"), at(t, "2026-12-31T22:59:59Z")
	for expression, want := range map[string]int{
		"0 * * * *": 365 * 24, "30 2 * * *": 365, "0 2,3 * * *": 2*365 - 1, "* * * * *": 365 * 24 * 60,
		"@every 1h": 365 * 24, "@every 1s": 365 * 24 * 3600, "59 23 * * *": 365, "0 0 1 1 *": 1,
	} {
		t.Run(expression, func(t *testing.T) {
			list, earlier := parse(t, expression, "Europe/Berlin").Due(from, to, 3)
			if len(list)+earlier != want || len(list) != min(want, 3) {
				t.Errorf("%d times and %d before, want %d in all", len(list), earlier, want)
			}
		})
	}
}

func TestDue(t *testing.T) {
	for name, c := range map[string]struct {
		expression, after, until string
		want                     []string
		earlier                  int
	}{
		"none":                   {"0 3 * * *", "2026-01-01T03:00:00Z", "2026-01-02T02:59:59Z", nil, 0},
		"the end is included":    {"0 3 * * *", "2026-01-01T03:00:00Z", "2026-01-02T03:00:00Z", []string{"2026-01-02T03:00:00Z"}, 0},
		"the latest":             {"0 3 * * *", "2026-01-01T03:00:00Z", "2026-01-06T03:00:00Z", []string{"2026-01-05T03:00:00Z", "2026-01-06T03:00:00Z"}, 3},
		"the latest of a period": {"@every 10s", "2026-01-01T00:00:05Z", "2026-01-01T00:01:05Z", []string{"2026-01-01T00:00:50Z", "2026-01-01T00:01:00Z"}, 4},
		"all of a period":        {"@every 10s", "2026-01-01T00:00:10Z", "2026-01-01T00:00:30Z", []string{"2026-01-01T00:00:20Z", "2026-01-01T00:00:30Z"}, 0},
		"until before after":     {"@every 10s", "2026-01-01T00:00:30Z", "2026-01-01T00:00:10Z", nil, 0},
		"once":                   {"2026-01-01T00:00:00Z", "2025-01-01T00:00:00Z", "2027-01-01T00:00:00Z", []string{"2026-01-01T00:00:00Z"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			list, earlier := parse(t, c.expression, "").Due(at(t, c.after), at(t, c.until), 2)
			var got []string
			for _, due := range list {
				got = append(got, due.Format(time.RFC3339))
			}
			if !slices.Equal(got, c.want) || earlier != c.earlier {
				t.Errorf("got %v and %d before, want %v and %d", got, earlier, c.want, c.earlier)
			}
		})
	}
}

func TestShortest(t *testing.T) {
	for expression, want := range map[string]time.Duration{
		"* * * * *": time.Minute, "0,5 3 * * *": 5 * time.Minute, "0 3 * * 1-5": 24 * time.Hour, "@every 90s": 90 * time.Second,
		"2026-01-01T00:00:00Z": 0, "CRON_TZ=Europe/Berlin 0 2 * * *": 24 * time.Hour,
	} {
		if got := parse(t, expression, "").Shortest(); got != want {
			t.Errorf("%s: got %s, want %s", expression, got, want)
		}
	}
}

func TestByClock(t *testing.T) {
	berlin := zoneOf(t, "Europe/Berlin")
	for name, c := range map[string]struct {
		make       func() (schedule.Schedule, error)
		expression string
		next       string
	}{
		"hourly":                {func() (schedule.Schedule, error) { return schedule.Hourly(schedule.Clock{Minute: 5}, nil) }, "5 * * * *", "2026-01-01T01:05:00Z"},
		"hourly, with a second": {func() (schedule.Schedule, error) { return schedule.Hourly(schedule.Clock{Second: 7}, nil) }, "@hourly 00:07", "2026-01-01T01:00:07Z"},
		"daily":                 {func() (schedule.Schedule, error) { return schedule.Daily(schedule.Clock{3, 30, 0}, berlin) }, "30 3 * * *", "2026-01-01T03:30:00+01:00"},
		"daily, with a second":  {func() (schedule.Schedule, error) { return schedule.Daily(schedule.Clock{3, 30, 15}, berlin) }, "@daily 03:30:15", "2026-01-01T03:30:15+01:00"},
		"weekly":                {func() (schedule.Schedule, error) { return schedule.Weekly(time.Sunday, schedule.Clock{Hour: 1}, nil) }, "0 1 * * 0", "2026-01-04T01:00:00Z"},
		"weekly, with a second": {func() (schedule.Schedule, error) { return schedule.Weekly(time.Monday, schedule.Clock{1, 2, 3}, nil) }, "@weekly mon 01:02:03", "2026-01-05T01:02:03Z"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := c.make()
			if err != nil {
				t.Fatal(err)
			}
			if got := s.Next(at(t, "2026-01-01T00:30:00Z")).Format(time.RFC3339); got != c.next || s.Expression() != c.expression {
				t.Errorf("%s is due at %s, want %s at %s", s.Expression(), got, c.expression, c.next)
			}
		})
	}
	for _, clock := range []schedule.Clock{{Hour: 24}, {Minute: 60}, {Second: -1}} {
		if _, err := schedule.Daily(clock, nil); err == nil {
			t.Errorf("%v is taken", clock)
		}
	}
	for name, want := range map[string]time.Weekday{"monday": time.Monday, "Sun": time.Sunday, "SATURDAY": time.Saturday} {
		if day, ok := schedule.Weekday(name); !ok || day != want {
			t.Errorf("%s: %s, %v", name, day, ok)
		}
	}
	if _, ok := schedule.Weekday("m"); ok {
		t.Error("m is a day")
	}
}

func TestJitter(t *testing.T) {
	due := at(t, "2026-01-01T03:00:00Z")
	seen := map[time.Duration]bool{}
	for i := range 100 {
		d := schedule.Jitter("nightly", due.AddDate(0, 0, i), 10*time.Minute)
		if d < 0 || d >= 10*time.Minute {
			t.Fatalf("jitter of %s", d)
		}
		if again := schedule.Jitter("nightly", due.AddDate(0, 0, i).In(time.FixedZone("", 3600)), 10*time.Minute); again != d {
			t.Fatalf("%s and then %s for the same tick", d, again)
		}
		seen[d.Truncate(time.Minute)] = true
	}
	if len(seen) < 10 {
		t.Errorf("a hundred days hit %d of ten minutes", len(seen))
	}
	if schedule.Jitter("a", due, time.Hour) == schedule.Jitter("b", due, time.Hour) {
		t.Error("two names have the same jitter")
	}
	if d := schedule.Jitter("a", due, 0); d != 0 {
		t.Errorf("no jitter is %s", d)
	}
}
