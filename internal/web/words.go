package web

import (
	"fmt"
	"html/template"
	"time"
)

// functions are what templates can call.
func functions(a *assets) template.FuncMap {
	return template.FuncMap{
		"asset":          a.path,
		"now":            time.Now,
		"ago":            func(t any) string { return ago(time.Now(), moment(t)) },
		"exact":          func(t any) string { return exact(moment(t)) },
		"machine":        func(t any) string { return machine(moment(t)) },
		"given":          func(t any) bool { return !moment(t).IsZero() },
		"duration":       duration,
		"span":           span,
		"short":          short,
		"state":          stateOf,
		"many":           many,
		"dict":           dict,
		"ref":            shortRef,
		"clear":          clear,
		"clearlines":     clearLines,
		"manylines":      manyLines,
		"stepname":       stepName,
		"repositoryPath": repositoryPath,
		"callPath":       callPath,
		"under":          under,
		"zoned":          zoned,
		"every":          every,
		"size":           size,
	}
}

// moment takes the times of the API, which are pointers where there may be none.
func moment(t any) time.Time {
	switch t := t.(type) {
	case time.Time:
		return t
	case *time.Time:
		if t != nil {
			return *t
		}
	}
	return time.Time{}
}

// exact is a time to the second, in UTC: the agent does not know where its readers are.
func exact(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// machine is a time for the attribute datetime.
func machine(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// ago says how long ago a time is, or how long it is until then. app.js counts on in the
// same words.
func ago(now, t time.Time) string {
	if t.IsZero() {
		return ""
	}
	d := now.Sub(t)
	if d < 0 {
		return "in " + rough(-d)
	}
	if d < 10*time.Second {
		return "just now"
	}
	return rough(d) + " ago"
}

// rough is a duration in its largest unit.
func rough(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d d", int(d.Hours()/24))
}

// duration is how long something took, in two units at most. app.js counts on in the same
// words.
func duration(d time.Duration) string {
	switch {
	case d < 0:
		return ""
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %02d min", int(d.Hours()), int(d.Minutes())%60)
}

// secondsOf is a duration as the API has it.
func secondsOf(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

// timespan is the time that something took or takes.
type timespan struct{ From, To time.Time }

// Begun reports whether it has.
func (s timespan) Begun() bool { return !s.From.IsZero() }

// Ended reports whether it has begun and ended. What never began may have an end alone.
func (s timespan) Ended() bool { return s.Begun() && !s.To.IsZero() }

// Text is how long it took, by now if it has not ended.
func (s timespan) Text() string {
	if !s.Begun() {
		return ""
	}
	to := s.To
	if !s.Ended() {
		to = time.Now()
	}
	return duration(max(0, to.Sub(s.From)))
}

func span(from, to any) timespan { return timespan{moment(from), moment(to)} }

// short is the beginning of a commit's id.
func short(sha string) string {
	if len(sha) > 7 {
		return sha[:7]
	}
	return sha
}

// shortRef is a branch or tag by its name alone.
func shortRef(ref string) string {
	for _, prefix := range []string{"refs/heads/", "refs/tags/", "refs/"} {
		if len(ref) > len(prefix) && ref[:len(prefix)] == prefix {
			return ref[len(prefix):]
		}
	}
	return ref
}

// stateView is how a state is shown: by a word, an icon and a colour.
type stateView struct{ Name, Word, Icon string }

// states are those of runs, calls, steps and what else has some.
var states = map[string]stateView{
	"queued":           {"queued", "queued", "waits"},
	"waiting-approval": {"waiting", "waits for approval", "asks"},
	"running":          {"running", "running", "runs"},
	"succeeded":        {"succeeded", "succeeded", "good"},
	"failed":           {"failed", "failed", "bad"},
	"aborted":          {"aborted", "aborted", "stopped"},
	"timed-out":        {"failed", "timed out", "late"},
	"invalid":          {"failed", "invalid", "wrong"},
	"skipped":          {"skipped", "skipped", "skipped"},
	"cached":           {"succeeded", "cached", "good"},
	"ok":               {"succeeded", "ok", "good"},
	"paused":           {"aborted", "paused", "stopped"},
	"disabled":         {"aborted", "disabled", "stopped"},

	// Of what comes by schedules, registries, mirrors and tokens.
	"on":           {"succeeded", "on", "good"},
	"over":         {"skipped", "over", "skipped"},
	"failing":      {"failed", "failing", "bad"},
	"deployed":     {"succeeded", "deployed", "good"},
	"deploying":    {"running", "deploying", "runs"},
	"given-up":     {"failed", "given up", "bad"},
	"not-called":   {"waiting", "not called", "wrong"},
	"not-deployed": {"skipped", "nothing deployed", "skipped"},
	"working":      {"running", "working", "runs"},
	"up-to-date":   {"succeeded", "up to date", "good"},
	"not-yet":      {"queued", "not yet there", "waits"},
	"no-token":     {"queued", "no token yet", "waits"},

	// Of keys and variables.
	"expired":     {"skipped", "expired", "skipped"},
	"set":         {"succeeded", "set", "good"},
	"not-set":     {"skipped", "not set", "skipped"},
	"no-delivery": {"queued", "no delivery yet", "waits"},
	"refused":     {"waiting", "refused", "wrong"},
}

func stateOf(name string) stateView {
	if s, known := states[name]; known {
		return s
	}
	return stateView{"skipped", name, "skipped"}
}

// many is a number with its noun.
func many(n any, one, more string) string {
	if text := fmt.Sprint(n); text != "1" {
		return text + " " + more
	}
	return "1 " + one
}

// dict gives a template more than one value: names and values in turn.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict has a name without a value")
	}
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict has %v where a name is to be", pairs[i])
		}
		m[name] = pairs[i+1]
	}
	return m, nil
}
