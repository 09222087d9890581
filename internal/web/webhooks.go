package web

import (
	"net/http"
	"strconv"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

// webhooksPage is the addresses at which webhooks are received.
type webhooksPage struct {
	Webhooks []*webhookRow
	None     unconfigured
}

// webhookRow is one of them.
type webhookRow struct{ v1.Webhook }

// State is how the last delivery fared.
func (r *webhookRow) State() string {
	switch {
	case r.Last == nil:
		return "no-delivery"
	case r.Last.Status >= http.StatusInternalServerError:
		return "failing"
	case r.Last.Status >= http.StatusBadRequest:
		return "refused"
	}
	return "ok"
}

// Answer is the status of the last delivery with what it means.
func (r *webhookRow) Answer() string {
	return strconv.Itoa(r.Last.Status) + " " + http.StatusText(r.Last.Status)
}

func (s *Site) webhooks(v *visit) error {
	found, err := v.api.Webhooks(v.ctx())
	if err != nil {
		return err
	}
	page := webhooksPage{None: noWebhooks}
	for i := range found.Webhooks {
		page.Webhooks = append(page.Webhooks, &webhookRow{found.Webhooks[i]})
	}
	return v.show("webhooks", page)
}
