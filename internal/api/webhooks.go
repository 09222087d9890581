package api

import (
	"context"
	"net/http"
	"strings"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

func (s *service) webhookRoutes() {
	register(s, operation{
		id: "list-webhooks", method: http.MethodGet, path: "/webhooks", tag: tagAgent, scope: v1.ScopeRead,
		summary:     "List the addresses at which webhooks are received, with their last deliveries",
		description: "What was delivered last is that of the agent that answers, since it was started.",
	}, s.listWebhooks)
}

func (s *service) listWebhooks(context.Context, *struct{}) (*body[v1.Webhooks], error) {
	out := v1.Webhooks{Webhooks: []v1.Webhook{}}
	if s.Webhooks == nil {
		return answer(out), nil
	}
	out.Webhooks = append(out.Webhooks, s.Webhooks()...)
	for i := range out.Webhooks {
		if s.PublicURL != "" {
			out.Webhooks[i].URL = strings.TrimSuffix(s.PublicURL, "/") + out.Webhooks[i].Path
		}
	}
	return answer(out), nil
}
