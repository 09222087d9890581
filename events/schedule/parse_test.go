package schedule_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/events/schedule"
)

func TestParse(t *testing.T) {
	for name, c := range map[string]struct{ text, expression, zone, all string }{
		"five fields":               {"0 3 * * *", "0 3 * * *", "UTC", "0 3 * * *"},
		"spaces, tabs and capitals": {"  0\t3 * *  MON-Fri ", "0 3 * * mon-fri", "UTC", "0 3 * * mon-fri"},
		"a word":                    {"@Daily", "@daily", "UTC", "@daily"},
		"a zone":                    {"CRON_TZ=Europe/Berlin 0 3 * * *", "0 3 * * *", "Europe/Berlin", "CRON_TZ=Europe/Berlin 0 3 * * *"},
		"a zone, the short key":     {"TZ=Europe/Berlin @daily", "@daily", "Europe/Berlin", "CRON_TZ=Europe/Berlin @daily"},
		"UTC by name":               {"TZ=UTC 0 3 * * *", "0 3 * * *", "UTC", "0 3 * * *"},
		"a period":                  {"@every  90s", "@every 1m30s", "UTC", "@every 1m30s"},
		"a time":                    {"2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z", "UTC", "2026-03-01T12:00:00Z"},
		"a time with an offset":     {"2026-03-01T12:00:00+01:00", "2026-03-01T12:00:00+01:00", "+01:00", "2026-03-01T12:00:00+01:00"},
		"each hour at a second":     {"@hourly 05:07", "@hourly 05:07", "UTC", "@hourly 05:07"},
		"each day at a minute":      {"@daily 03:30", "30 3 * * *", "UTC", "30 3 * * *"},
		"each week in a zone":       {"TZ=Europe/Berlin @weekly Monday 03:30:15", "@weekly mon 03:30:15", "Europe/Berlin", "CRON_TZ=Europe/Berlin @weekly mon 03:30:15"},
		"question marks":            {"0 3 ? * ?", "0 3 ? * ?", "UTC", "0 3 ? * ?"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := schedule.Parse(c.text, nil)
			if err != nil {
				t.Fatal(err)
			}
			if s.Expression() != c.expression || s.TimeZone() != c.zone || s.String() != c.all {
				t.Errorf("got %q in %s, %q", s.Expression(), s.TimeZone(), s)
			}
			again, err := schedule.Parse(s.String(), nil)
			if err != nil || again.String() != s.String() {
				t.Errorf("read again: %q, %v", again, err)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"nothing":                 {" ", "is empty; write a cron expression"},
		"three fields":            {"1 2 3", "five fields (minute, hour, day of month, month, day of week), such as \"30 2 * * 1-5\", not of 3"},
		"six fields":              {"0 1 2 3 4 5", "not of 6"},
		"a minute":                {"60 * * * *", `has the minute "60": minutes are 0 to 59`},
		"an hour":                 {"0 24 * * *", `has the hour "24": hours are 0 to 23`},
		"a day":                   {"0 0 0 * *", `has the day of month "0": days are 1 to 31`},
		"a month":                 {"0 0 1 juno *", `has the month "juno": months are 1 to 12 or jan to dec`},
		"a day of the week":       {"0 0 * * 8", `has the day of week "8": days of the week are 0 to 7`},
		"a range that goes back":  {"0 0 * * 5-1", `has the day of week "5-1"`},
		"an empty entry":          {"0,,5 * * * *", `has the minute "0,,5": it has an empty entry; remove a comma`},
		"a step of nothing":       {"*/0 * * * *", `has the minute "*/0"`},
		"a sign":                  {"+5 * * * *", `has the minute "+5"`},
		"a star with an end":      {"*-5 * * * *", `a star has no end`},
		"the last day":            {"0 0 l * *", "standard cron has no L, W and #"},
		"the second Monday":       {"0 0 * * 1#2", "standard cron has no L, W and #"},
		"a day that never comes":  {"0 0 30 2 *", "is never due: no month of 2 has a day 30"},
		"@reboot":                 {"@reboot", "names no time"},
		"another word":            {"@fortnightly", "has no meaning; the words are @yearly"},
		"a day of no week":        {"@weekly m 03:30", "has no day of the week that can be read"},
		"a clock of letters":      {"@daily x", "has no time that can be read"},
		"a clock without minutes": {"@daily 03", "has no time that can be read"},
		"a clock out of range":    {"@daily 24:00", "has the hour 24; it is 0 to 23"},
		"no period":               {"@every", "has no period that can be read"},
		"a period without a unit": {"@every 30", "has a period without a unit; write @every 30s, @every 30m or @every 30h"},
		"a short period":          {"@every 10ms", "less than a second"},
		"a period in between":     {"@every 1500ms", "periods are whole seconds, write @every 2s"},
		"a long period":           {"@every 9000h", "more than a year"},
		"a negative period":       {"@every -5s", "less than a second"},
		"a zone that is none":     {"CRON_TZ=Europe/Berln 0 3 * * *", `has the time zone "Europe/Berln", which is none; write its name in the IANA database`},
		"the machine's zone":      {"TZ=Local 0 3 * * *", `time zone "Local", which is none`},
		"a zone without a name":   {"TZ= 0 3 * * *", "time zone of no name"},
		"only a zone":             {"TZ=UTC", "is empty"},
		"a zone that is a path":   {"TZ=../../etc/passwd 0 3 * * *", "which is none"},
		"a zone and a period":     {"TZ=UTC @every 5s", "remove the time zone"},
		"a zone and a time":       {"TZ=UTC 2026-01-01T00:00:00Z", "remove the time zone"},
		"a time without offset":   {"2026-01-01T00:00:00", "has no offset from UTC; write 2026-01-01T00:00:00Z"},
		"a date":                  {"2026-01-01", "is not a time as RFC 3339 has it"},
		"half a second":           {"2026-01-01T00:00:00.5Z", "whole seconds"},
		"too long":                {strings.Repeat("1,", 200), "is 400 bytes long, more than 255"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := schedule.Parse(c.text, nil)
			wrong, ok := errors.AsType[*schedule.ExpressionError](err)
			if !ok || !strings.Contains(wrong.Reason, c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if len(c.text) < 100 && wrong.Expression != c.text {
				t.Errorf("the error is about %q, want %q", wrong.Expression, c.text)
			}
		})
	}
}

// FuzzParse takes expressions as pocketci.yaml and modules of repositories have them.
// What is taken has a spelling that means the same, and each next time is after the
// one before and the same time on the wall or later.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"0 3 * * *", "*/5 1-3,7 * jan-mar 5-7", "@daily", "@every 30s", "2026-03-01T12:00:00+01:00", "CRON_TZ=Europe/Berlin 30 2 * * *",
		"TZ=", "TZ=0", "CRON_TZ=Pacific/Apia * * 29 2 sun", "? ? ? ? ?", "0 0 31 2 *", "1/99999999999999999999 * * * *", "0 0 * * 7/2", "@every 1h0.5s", "@hourly 05:07", "@weekly mon 01:02:03",
	} {
		f.Add(seed, int64(1_790_000_000))
	}
	f.Fuzz(func(t *testing.T, text string, after int64) {
		s, err := schedule.Parse(text, nil)
		if err != nil {
			if wrong, ok := errors.AsType[*schedule.ExpressionError](err); !ok || wrong.Reason == "" {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		again, err := schedule.Parse(s.String(), nil)
		if err != nil || again.String() != s.String() {
			t.Fatalf("%q is %q, and that is %q: %v", text, s, again, err)
		}
		// Four digits of years, within which times can be written.
		last := time.Unix(after%200_000_000_000, 0)
		for range 5 {
			next := s.Next(last)
			if next.IsZero() {
				if !s.Once() {
					t.Fatalf("%q is not due after %s", text, last)
				}
				return
			}
			if !next.After(last) || !next.Equal(again.Next(last)) || next.Nanosecond() != 0 {
				t.Fatalf("%q is due at %s after %s", text, next, last)
			}
			last = next
		}
	})
}
