package v1

import "time"

// Webhook is an address at which an agent receives webhooks.
type Webhook struct {
	Name     string   `json:"name"`
	Path     string   `json:"path" doc:"on the agent"`
	URL      string   `json:"url,omitempty" doc:"in full, if the agent knows where it is reached"`
	Vendor   string   `json:"vendor" doc:"of its events"`
	Methods  []string `json:"methods" nullable:"false"`
	Root     bool     `json:"root,omitempty" doc:"it is received at / as well"`
	Unproven bool     `json:"unproven,omitempty" doc:"anybody can send deliveries"`
	Waits    bool     `json:"waits,omitempty" doc:"senders are answered with what functions return"`
	Filters  int      `json:"filters,omitempty" doc:"how many conditions there are on the payload"`
	// Last is what this agent received last, since it was started.
	Last *WebhookDelivery `json:"last,omitempty" doc:"the last delivery since the agent was started, also one that was refused"`
}

// WebhookDelivery is a delivery as it was answered.
type WebhookDelivery struct {
	At     time.Time `json:"at"`
	Status int       `json:"status" doc:"of the answer"`
	Event  string    `json:"event,omitempty" doc:"id of its event"`
	Run    int64     `json:"run,omitempty" doc:"number of its run"`
	Reason string    `json:"reason,omitempty" doc:"why it was refused or starts nothing"`
}

// Webhooks are those that an agent receives, by name.
type Webhooks struct {
	Webhooks []Webhook `json:"webhooks" nullable:"false"`
}
