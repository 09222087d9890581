package schedule

import (
	"time"
)

// At is due once, at a time of whole seconds. It is shown in the zone, or with the
// offset that it has itself if that is nil.
func At(at time.Time, zone *time.Location) (Schedule, error) {
	if zone != nil {
		at = at.In(zone)
	}
	text := at.Format(time.RFC3339Nano)
	if at.Nanosecond() != 0 {
		return Schedule{}, &ExpressionError{text, "has a fraction of a second; times are whole seconds"}
	}
	if zone == nil {
		if _, offset := at.Zone(); offset == 0 {
			zone = time.UTC
		} else {
			zone = time.FixedZone(at.Format("-07:00"), offset)
		}
		at = at.In(zone)
	}
	return Schedule{expression: text, zone: zone, at: at}, nil
}

// ParseAt reads a single time as RFC 3339 has it. It is shown in the zone, or with its
// own offset if that is nil. The error is an [*ExpressionError].
func ParseAt(text string, zone *time.Location) (Schedule, error) {
	at, err := time.Parse(time.RFC3339, text)
	switch {
	case err == nil:
		return At(at, zone)
	case lacksOffset(text):
		return Schedule{}, &ExpressionError{text, "has no offset from UTC; write " + text + "Z, or an offset such as +01:00 in place of Z"}
	}
	return Schedule{}, &ExpressionError{text, "is not a time as RFC 3339 has it, such as 2026-03-01T12:00:00Z"}
}

func lacksOffset(text string) bool {
	_, err := time.Parse("2006-01-02T15:04:05", text)
	return err == nil
}
