package schedule_test

import (
	"testing"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/franela/pocketci/events/schedule"
)

// BenchmarkNext measures the next time of a schedule, each from the one before, and
// what robfig/cron takes for the same expression in the same zone.
func BenchmarkNext(b *testing.B) {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, expression := range map[string]string{
		"every-minute": "* * * * *",
		"working-days": "CRON_TZ=Europe/Berlin 30 3 * * 1-5",
		"leap-day":     "0 0 29 2 *",
	} {
		ours, err := schedule.Parse(expression, nil)
		if err != nil {
			b.Fatal(err)
		}
		theirs, err := cron.ParseStandard(expression)
		if err != nil {
			b.Fatal(err)
		}
		for who, next := range map[string]func(time.Time) time.Time{"pocketci": ours.Next, "robfig": theirs.Next} {
			b.Run(name+"/"+who, func(b *testing.B) {
				b.ReportAllocs()
				at := begin
				for b.Loop() {
					// A few years, so that both go through the same times.
					if at = next(at); at.Year() > 2036 {
						at = begin
					}
				}
			})
		}
	}
}
