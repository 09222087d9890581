package schedule

import (
	"fmt"
	"strings"
	"time"
)

// Zone finds a time zone by its name in the IANA database, such as Europe/Berlin or
// UTC. The local zone of a machine has no name here: agents would not agree on it.
func Zone(name string) (*time.Location, error) {
	if name == "" {
		return nil, fmt.Errorf("time zone of no name; write one such as Europe/Berlin, or UTC")
	}
	if zone, err := time.LoadLocation(name); err == nil && name != "Local" {
		return zone, nil
	}
	return nil, fmt.Errorf("time zone %q, which is none; write its name in the IANA database, such as Europe/Berlin, or UTC", name)
}

// cutZone takes the time zone off an expression.
func cutZone(text string) (zone, rest string, ok bool) {
	for _, key := range []string{"CRON_TZ=", "TZ="} {
		if after, ok := strings.CutPrefix(text, key); ok {
			zone, rest, _ = strings.Cut(after, " ")
			return zone, strings.TrimSpace(rest), true
		}
	}
	return "", text, false
}
