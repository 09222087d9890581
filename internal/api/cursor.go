package api

import (
	"encoding/base64"
	"strconv"
	"strings"
)

// Page are the parameters of lists that come in pages. Like the other types that
// parameters are embedded from it is exported because huma fills no others.
type Page struct {
	Cursor string `query:"cursor" maxLength:"100" doc:"next of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"how many there are on a page at most"`
}

// before is the place in a list, such as "event", that the page begins behind.
// 0 is the beginning.
func (p Page) before(list string) (int64, error) {
	if p.Cursor == "" {
		return 0, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err == nil {
		if digits, ok := strings.CutPrefix(string(text), list+" "); ok {
			if n, err := strconv.ParseInt(digits, 10, 64); err == nil && n > 0 {
				return n, nil
			}
		}
	}
	return 0, invalid("query.cursor", "is no cursor of this list")
}

// cut splits what was asked for, one more than the page holds, into the page
// and the cursor of the next one.
func cut[T any](p Page, list string, found []T, place func(T) int64) ([]T, string) {
	if len(found) <= p.Limit {
		return found, ""
	}
	found = found[:p.Limit]
	return found, cursorOf(list, place(found[p.Limit-1]))
}

// cursorOf is the cursor of the page behind a place in a list.
func cursorOf(list string, place int64) string {
	return base64.RawURLEncoding.EncodeToString([]byte(list + " " + strconv.FormatInt(place, 10)))
}
