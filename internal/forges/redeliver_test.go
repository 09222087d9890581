package forges_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/franela/pocketci/internal/forge"
	"github.com/franela/pocketci/internal/forges"
	"github.com/franela/pocketci/internal/gap"
)

// hooked is a forge with webhooks, of which some have deliveries to make again.
type hooked struct {
	forge.Forge
	hooks  []forge.Webhook
	err    error
	failed map[string]int
	errs   map[string]error
	asked  []string
}

func (h *hooked) Webhooks(_ context.Context, owner, url string) ([]forge.Webhook, error) {
	h.asked = append(h.asked, owner+" "+url)
	return h.hooks, h.err
}

func (h *hooked) Redeliver(_ context.Context, owner, hook string, since time.Time) (int, error) {
	h.asked = append(h.asked, fmt.Sprintf("%s %s %s", owner, hook, since.Format(time.TimeOnly)))
	return h.failed[hook], h.errs[hook]
}

func TestRedeliver(t *testing.T) {
	since := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
	denied := errors.New("the token may not")
	two := []forge.Webhook{{ID: "1", Active: true}, {ID: "2", Active: true}, {ID: "3"}}
	for name, c := range map[string]struct {
		forge hooked
		want  gap.Result
		err   error
		asked string
	}{
		"no webhooks":           {hooked{}, gap.Result{}, nil, "a/b https://ci"},
		"some of two":           {hooked{hooks: two, failed: map[string]int{"1": 2, "2": 1, "3": 9}}, gap.Result{Webhooks: 3, Asked: 3}, nil, "a/b https://ci, a/b 1 10:00:00, a/b 2 10:00:00"},
		"a forge without it":    {hooked{hooks: two[:1], errs: map[string]error{"1": forge.ErrUnsupported}}, gap.Result{Webhooks: 1}, nil, "a/b https://ci, a/b 1 10:00:00"},
		"it cannot be listed":   {hooked{err: denied}, gap.Result{}, denied, "a/b https://ci"},
		"the first is not made": {hooked{hooks: two, failed: map[string]int{"1": 1}, errs: map[string]error{"1": denied}}, gap.Result{Webhooks: 3, Asked: 1}, denied, "a/b https://ci, a/b 1 10:00:00"},
	} {
		got, err := forges.Redeliver(t.Context(), &c.forge, "a/b", "https://ci", since)
		if got != c.want || !errors.Is(err, c.err) || strings.Join(c.forge.asked, ", ") != c.asked {
			t.Errorf("%s: %+v, %v, asked for %q", name, got, err, c.forge.asked)
		}
	}
}
