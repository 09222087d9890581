package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/franela/pocketci/dispatcher"
	"github.com/franela/pocketci/events"
	v1 "github.com/franela/pocketci/internal/api/v1"
)

// planTimeout limits a plan that somebody waits for.
const planTimeout = 5 * time.Minute

func (s *service) planRoutes() {
	register(s, operation{
		id: "plan-event", method: http.MethodPost, path: "/plan", tag: tagEvents, scope: v1.ScopeRun,
		summary: "Say what an event would call", body: payloadLimit,
		description: "Plans a stored event, a payload as its vendor would send it, or the next tick of a schedule, and calls nothing. The repository is fetched " +
			"and its modules are loaded, which may take minutes. The answer is as docs/plan.schema.json says.",
		errors:  []int{http.StatusNotFound, http.StatusConflict, http.StatusGatewayTimeout},
		patient: true,
	}, s.plan)
	register(s, operation{
		id: "call", method: http.MethodPost, path: "/call", tag: tagRuns, scope: v1.ScopeRun,
		summary: "Start a run by hand", status: http.StatusAccepted,
		description: "Calls one function, or all that a manual run event calls. A ref without refs/ in front is a branch; if no event of " +
			"such a branch was received, and one of such a tag was, it is the tag. Arguments are checked against the function's own types: " +
			"at once if the repository and its functions are known, else in the run, which is invalid then.",
		errors: []int{http.StatusNotFound},
	}, s.call)
	s.applyRoute()
}

// patient lets an operation take longer than the server gives requests.
func (s *service) patient(ctx huma.Context, next func(huma.Context)) {
	_, w := humago.Unwrap(ctx)
	control := http.NewResponseController(w)
	// Where there are no deadlines, none need to be moved.
	_ = control.SetWriteDeadline(time.Now().Add(bodyTimeout + planTimeout + s.Stall))
	bounded, cancel := context.WithTimeout(ctx.Context(), bodyTimeout+planTimeout)
	defer cancel()
	next(huma.WithValue(huma.WithContext(ctx, bounded), controlKey{}, control))
}

type controlKey struct{}

type planInput struct{ Body v1.PlanRequest }

func (s *service) plan(ctx context.Context, in *planInput) (*body[*dispatcher.View], error) {
	// The body is here. Its deadline would end the request's context.
	_ = ctx.Value(controlKey{}).(*http.ResponseController).SetReadDeadline(time.Time{})
	e, err := s.toPlan(ctx, &in.Body)
	if err != nil {
		return nil, err
	}
	if e.Fork != "" {
		return nil, conflict("the event is of the fork " + e.Fork + ", and this version does not load the code of forks")
	}
	view, err := s.Planner.Plan(ctx, e)
	if err != nil {
		return nil, &unplannedError{err}
	}
	return answer(view), nil
}

// toPlan finds or reads the event that is to be planned.
func (s *service) toPlan(ctx context.Context, in *v1.PlanRequest) (events.Event, error) {
	switch {
	case in.Schedule != "" && (in.Event != "" || len(in.Payload) > 0 || in.Vendor != "" || in.Name != ""):
		return events.Event{}, invalid("body.schedule", "is given together with an event or a payload; want one of them")
	case in.Schedule != "":
		return s.scheduled(ctx, in.Schedule)
	case in.Event != "" && (len(in.Payload) > 0 || in.Vendor != "" || in.Name != ""):
		return events.Event{}, invalid("body.event", "is given together with a payload; want one of them")
	case in.Event != "":
		e, err := s.Store.Event(ctx, in.Event)
		return e.Event, err
	case len(in.Payload) == 0:
		return events.Event{}, invalid("body.payload", "is missing, and so are event and schedule; want one of them")
	case in.Name == "":
		return events.Event{}, invalid("body.name", "is missing: the name of the payload's event, such as push")
	}
	vendor := in.Vendor
	if vendor == "" {
		vendor = events.VendorGithub
	}
	e, err := s.Parse(vendor, in.Name, in.Payload)
	if err != nil {
		return events.Event{}, err
	}
	e.ID, e.ReceivedAt = events.NewID(), time.Now().UTC()
	return e, nil
}
