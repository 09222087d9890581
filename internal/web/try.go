package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/client"
)

const (
	// tryLimit is the largest form in bytes: a payload as large as the API takes.
	tryLimit = 26 << 20
	// tryUpload is how long it may take to come, and tryPatience how long its plan may.
	tryUpload   = 2 * time.Minute
	tryPatience = 10 * time.Minute
	// tryKept is the largest payload that stands in the form again.
	tryKept = 1 << 20
	// tryEvents is how many of the latest events are offered.
	tryEvents = 50
)

// tryPage says what an event would call.
type tryPage struct {
	tryForm
	Events    []v1.Event
	Schedules []v1.Schedule
	Vendors   []string
	// Plan is nil before anything was planned.
	Plan *planPart
	// Error is why there is no plan. It belongs to the form that Of names.
	Error string
}

// tryForm is what was typed.
type tryForm struct {
	// Of is the form: event, schedule or payload.
	Of, Event, Schedule, Vendor, Name, Payload string
	// file is a payload from a file, which takes the place of a typed one.
	file []byte
	// Dropped says that the payload is too large to stand in the form again.
	Dropped bool
}

// payloadVendors are those whose payloads can be planned.
var payloadVendors = []string{"github", "gitlab", "gitea", "bitbucket"}

func (s *Site) try(v *visit) error {
	q := v.r.URL.Query()
	form := tryForm{Of: "event", Event: q.Get("event"), Schedule: q.Get("schedule"), Vendor: "github", Name: "push"}
	if form.Schedule != "" {
		form.Of = "schedule"
	}
	return s.showTry(v, http.StatusOK, &tryPage{tryForm: form})
}

func (s *Site) showTry(v *visit, status int, p *tryPage) error {
	p.Vendors = payloadVendors
	found, err := v.api.Events(v.ctx(), client.EventFilter{Page: client.Page{Limit: tryEvents}})
	if err != nil {
		return err
	}
	p.Events = found.Events
	list, err := v.api.Schedules(v.ctx(), "")
	if err != nil {
		return err
	}
	p.Schedules = list.Schedules
	if len(p.file) > 0 {
		p.Payload, p.Dropped = "", true
	}
	if len(p.Payload) > tryKept {
		p.Payload, p.Dropped = "", true
	}
	return v.showStatus(status, "try", p)
}

// tryEvent plans what was typed. The browser waits for as long as that takes.
func (s *Site) tryEvent(v *visit) error {
	form, err := v.tryForm()
	if err != nil {
		return s.untried(v, form, err)
	}
	request, err := form.request()
	if err != nil {
		return s.untried(v, form, err)
	}
	raw, err := v.api.Plan(v.ctx(), request)
	if err != nil {
		return s.untried(v, form, err)
	}
	plan, err := planOf(raw, nil, 0, "")
	if err != nil {
		return err
	}
	return s.showTry(v, http.StatusOK, &tryPage{tryForm: *form, Plan: &plan})
}

// untried shows why there is no plan, with what was typed.
func (s *Site) untried(v *visit, form *tryForm, err error) error {
	status, text, ok := objected(err)
	// What is not there was typed here.
	ok = ok || status == http.StatusNotFound
	if !ok || v.ctx().Err() != nil {
		return err
	}
	return s.showTry(v, status, &tryPage{tryForm: *form, Error: text})
}

// tryForm reads the form, and makes room for the time that its plan takes.
func (v *visit) tryForm() (*tryForm, error) {
	form := &tryForm{Of: "payload"}
	control := http.NewResponseController(v.w)
	// Where there are no deadlines, none need to be moved.
	_ = control.SetReadDeadline(time.Now().Add(tryUpload))
	_ = control.SetWriteDeadline(time.Now().Add(tryUpload + tryPatience + v.site.Stall))
	v.r.Body = http.MaxBytesReader(v.w, v.body, tryLimit+formLimit)
	parts, err := v.r.MultipartReader()
	if err != nil {
		return form, &problem{http.StatusUnsupportedMediaType, "The form has to be sent as this page sends it."}
	}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return form, unreadable(err)
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return form, unreadable(err)
		}
		text := strings.TrimSpace(string(data))
		switch part.FormName() {
		case "of":
			form.Of = text
		case "event":
			form.Event = text
		case "schedule":
			form.Schedule = text
		case "vendor":
			form.Vendor = text
		case "name":
			form.Name = text
		case "payload":
			form.Payload = text
		case "file":
			form.file = bytes.TrimSpace(data)
		}
	}
	// Its deadline would end the request.
	_ = control.SetReadDeadline(time.Time{})
	return form, nil
}

func unreadable(err error) error {
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return &problem{http.StatusRequestEntityTooLarge, fmt.Sprintf("A payload may have %s at most.", size(tryLimit))}
	}
	return &problem{http.StatusBadRequest, "The form did not arrive as a whole."}
}

// request is what the API is asked. Its errors are sentences for who typed it.
func (f *tryForm) request() (v1.PlanRequest, error) {
	missing := func(what string) (v1.PlanRequest, error) {
		return v1.PlanRequest{}, &problem{http.StatusUnprocessableEntity, what}
	}
	switch f.Of {
	case "event":
		if f.Event == "" {
			return missing("Choose an event, or give its id.")
		}
		return v1.PlanRequest{Event: f.Event}, nil
	case "schedule":
		if f.Schedule == "" {
			return missing("Choose a schedule.")
		}
		return v1.PlanRequest{Schedule: f.Schedule}, nil
	}
	payload := f.file
	if len(payload) == 0 {
		payload = []byte(f.Payload)
	}
	switch {
	case len(payload) == 0:
		return missing("Paste a payload, or choose a file that has one.")
	case f.Name == "":
		return missing("Give the payload's event by the vendor's own name, such as push.")
	}
	var any json.RawMessage
	if err := json.Unmarshal(payload, &any); err != nil {
		if syntax, is := errors.AsType[*json.SyntaxError](err); is {
			line := 1 + bytes.Count(payload[:min(len(payload), int(syntax.Offset))], []byte("\n"))
			return missing(fmt.Sprintf("The payload is not JSON: line %d: %v", line, err))
		}
		return missing("The payload is not JSON.")
	}
	return v1.PlanRequest{Vendor: f.Vendor, Name: f.Name, Payload: payload}, nil
}
