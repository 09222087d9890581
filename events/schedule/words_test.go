package schedule_test

import (
	"testing"

	"github.com/franela/pocketci/events/schedule"
)

func TestWords(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		"* * * * *":            "every minute",
		"*/5 * * * *":          "every 5 minutes",
		"*/25 * * * *":         "", // which is not due every 25 minutes
		"17 * * * *":           "each hour at :17",
		"5 */6 * * *":          "every 6 hours at :05",
		"5 */5 * * *":          "",
		"30 2 * * *":           "each day at 02:30",
		"30 2 * * 1-5":         "Monday to Friday at 02:30",
		"30 2 * * mon-fri":     "Monday to Friday at 02:30",
		"0 9 * * 7":            "on Sundays at 09:00",
		"0 9 * * 1,3,sat":      "on Mondays, Wednesdays and Saturdays at 09:00",
		"0 9 1 * *":            "on day 1 of each month at 09:00",
		"0 0 29 2 *":           "on 29 February at 00:00",
		"0 0 13 * 5":           "", // either of both
		"0 9-17 * * *":         "",
		"1,2 3 * * *":          "",
		"@daily":               "each day at 00:00",
		"@daily 03:30:15":      "each day at 03:30:15",
		"@hourly 05:30":        "each hour at 05:30 past it",
		"@weekly mon 03:30":    "on Mondays at 03:30",
		"@every 90s":           "every 90 seconds",
		"@every 1h":            "every hour",
		"@every 48h":           "every 2 days",
		"@yearly":              "on 1 January at 00:00",
		"2027-03-01T12:00:00Z": "once, on 1 March 2027 at 12:00:00",
	} {
		s, err := schedule.Parse(expression, nil)
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		if got := schedule.Words(s.Expression()); got != want {
			t.Errorf("%s, spelled %s, is %q, want %q", expression, s.Expression(), got, want)
		}
	}
	for _, nonsense := range []string{"", "@every", "@every x", "@weekly", "@weekly x 03:30", "a b c d e", "1 2 3 4 5 6", "<b>"} {
		if got := schedule.Words(nonsense); nonsense != "@weekly" && got != "" {
			t.Errorf("%q is %q", nonsense, got)
		}
	}
}
