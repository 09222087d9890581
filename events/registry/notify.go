package registry

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/internal/delivery"
)

// Notifications receives what a registry itself tells of, as an [events.Source]. It
// is a nudge and nothing more: what it says is not believed, but the registry is asked
// now and not only when it is time. So it makes no events.
type Notifications struct {
	secrets delivery.Secrets
	nudge   func(repositories []string)
}

// NewNotifications returns the receiver for notifications that a secret proves.
// Nudge is told the repositories that one names, and nothing if it names none that
// can be read; it must not wait.
func NewNotifications(secret string, nudge func(repositories []string)) (*Notifications, error) {
	secrets, err := delivery.NewSecrets(secret)
	if err != nil {
		return nil, err
	}
	return &Notifications{secrets: secrets, nudge: nudge}, nil
}

// Vendor returns [events.VendorRegistry].
func (n *Notifications) Vendor() string { return events.VendorRegistry }

// Screen refuses what does not have the secret as a bearer token, or as the password
// of a login, which is all that some registries can send.
func (n *Notifications) Screen(header map[string][]string) error {
	values := events.HeaderValues(header, "Authorization")
	if len(values) != 1 {
		return &events.UnauthenticatedError{Reason: "the notification needs one header Authorization with the webhook-secret"}
	}
	scheme, sent, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		request := http.Request{Header: http.Header{"Authorization": values}}
		_, sent, _ = request.BasicAuth()
	}
	if !n.secrets.Include(strings.TrimSpace(sent)) {
		return &events.UnauthenticatedError{Reason: "the notification's Authorization is not the webhook-secret"}
	}
	return nil
}

// Receive nudges. Its error is always an [*events.NothingError] of a ping, unless
// that of Screen or an [*events.MalformedError].
func (n *Notifications) Receive(header map[string][]string, body []byte) (events.Event, error) {
	event := events.Event{Vendor: events.VendorRegistry}
	if err := n.Screen(header); err != nil {
		return event, err
	}
	repositories, err := readNotification(body)
	if err != nil {
		return event, err
	}
	n.nudge(repositories)
	return event, &events.NothingError{Ping: true, Reason: "the registry is asked now"}
}

// readNotification returns the repositories that a notification names: those of
// Distribution's envelope (a list of events with a target each), or that of Docker
// Hub's webhook.
func readNotification(body []byte) ([]string, error) {
	var in struct {
		Events []struct {
			Target struct {
				Repository string `json:"repository"`
			} `json:"target"`
		} `json:"events"`
		Repository struct {
			RepoName string `json:"repo_name"`
		} `json:"repository"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, &events.MalformedError{Reason: fmt.Sprintf("not a notification: %v", err)}
	}
	var list []string
	for _, e := range in.Events {
		if e.Target.Repository != "" {
			list = append(list, e.Target.Repository)
		}
	}
	if in.Repository.RepoName != "" {
		list = append(list, in.Repository.RepoName)
	}
	return list, nil
}
