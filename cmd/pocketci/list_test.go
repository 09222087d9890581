package main

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/client"
)

func TestCollect(t *testing.T) {
	for name, test := range map[string]struct {
		there, limit int
		pages, found int
		next         string
	}{
		"nothing":          {0, 20, 1, 0, ""},
		"less":             {7, 20, 1, 7, ""},
		"as many":          {20, 20, 1, 20, ""},
		"more":             {21, 20, 1, 20, "20"},
		"several pages":    {1000, 250, 3, 250, "250"},
		"all of them":      {230, 500, 3, 230, ""},
		"a limit of pages": {300, 200, 2, 200, "200"},
	} {
		t.Run(name, func(t *testing.T) {
			pages := 0
			found, next, err := collect(test.limit, func(p client.Page) (part []int, next string, err error) {
				pages++
				from, _ := strconv.Atoi(p.Cursor)
				for i := from; i < min(from+p.Limit, test.there); i++ {
					part = append(part, i)
				}
				if end := from + p.Limit; end < test.there {
					next = strconv.Itoa(end)
				}
				return part, next, nil
			})
			if err != nil || len(found) != test.found || next != test.next || pages != test.pages {
				t.Errorf("found %d on %d pages, next %q, %v", len(found), pages, next, err)
			}
			for i, n := range found {
				if i != n {
					t.Fatalf("%d is at %d", n, i)
				}
			}
		})
	}
	if _, _, err := collect(0, func(client.Page) ([]int, string, error) { return nil, "", nil }); err == nil {
		t.Error("a limit of 0 is taken")
	}
	broken := errors.New("broken")
	if _, _, err := collect(5, func(client.Page) ([]int, string, error) { return nil, "", broken }); !errors.Is(err, broken) {
		t.Errorf("error is %v", err)
	}
}

func TestParseTime(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"":                     {},
		"2h":                   now.Add(-2 * time.Hour),
		"7d":                   now.AddDate(0, 0, -7),
		"1d12h":                now.Add(-36 * time.Hour),
		"1.5d":                 now.Add(-36 * time.Hour),
		"2026-11-01":           time.Date(2026, 11, 1, 0, 0, 0, 0, time.Local),
		"2026-11-01T10:00:00Z": time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC),
	} {
		if got, err := parseTime(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q is %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"yesterday", "-2h", "0d", "0", "d", "5", "1h2d", "99999999999d", "2026-13-01"} {
		if got, err := parseTime(text, now); err == nil {
			t.Errorf("%q is %v, want an error", text, got)
		}
	}
}
