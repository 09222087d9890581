package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/internal/predicate"
)

// Hook is one address that webhooks are sent to.
type Hook struct {
	// Name ends its path and tells its deliveries from those of others. It is
	// the source's vendor if it is empty.
	Name   string
	Source events.Source
	// Path is where it is received, /webhooks/NAME if it is empty. It must be none
	// that the server has something else at.
	Path string
	// Accepts says whether deliveries about a repository are taken, by its
	// full name. Nil takes all.
	Accepts func(repository string) bool
	// Rules are nil for a webhook as forges send them. Such a one is also
	// received at / if it is the first, unless it has a Path.
	Rules *Rules
	// Aim has an event that comes from no repository belong to the one whose
	// functions it calls. Nothing says why it cannot, so that nothing can be
	// planned; an error is that of a [Sink]. Nil leaves events as they are.
	Aim func(ctx context.Context, e *events.Event) (nothing string, err error)
	// Filters are what the payload must fulfil for anything to be planned.
	Filters []predicate.Filter
	// Unproven says that anybody can send deliveries. They are not told why nothing is
	// called: that has the filters' values in it, and whose functions they are.
	Unproven bool
	// Wait, if it is not nil, has a delivery be answered with what comes of it.
	Wait *Wait
}

// Rules are what a request must be to be looked at.
type Rules struct {
	// Methods are those that are allowed, at least one.
	Methods []string
	// ContentTypes are the media types that are allowed, at least one: text/plain,
	// text/*, */*. A request without a body needs none, unless it is a POST.
	ContentTypes []string
	// MaxBody is the largest body in bytes, up to [MaxBody].
	MaxBody int64
	// Challenge, if it is not empty, is the WWW-Authenticate of what is refused for
	// want of a proof.
	Challenge string
}

// forgeRules are those of a webhook as forges send them.
var forgeRules = Rules{
	Methods:      []string{http.MethodPost},
	ContentTypes: []string{"application/json", "application/x-www-form-urlencoded"},
	MaxBody:      MaxBody,
}

func (h *Hook) rules() *Rules {
	if h.Rules == nil {
		return &forgeRules
	}
	return h.Rules
}

// takes reports whether a request may have such content.
func (r *Rules) takes(method, contentType string, length int64) bool {
	if contentType == "" && length == 0 && method != http.MethodPost {
		return true
	}
	mediaType, _, _ := mime.ParseMediaType(contentType)
	main, _, ok := strings.Cut(mediaType, "/")
	return ok && slices.ContainsFunc(r.ContentTypes, func(allowed string) bool {
		return allowed == "*/*" || allowed == main+"/*" || allowed == mediaType
	})
}

// webhooks begins the paths of webhooks that have none of their own.
const webhooks = "/webhooks/"

// hooks are what is received at a time.
type hooks struct {
	// root is received at / as well; nil if none is.
	root *Hook
	at   map[string]*Hook // by their paths
	last map[string]*last // by their names
}

// SetHooks replaces what is received, all at once. Requests that are being answered
// go on by the hooks that they came by. An error leaves the hooks as they are.
func (s *Server) SetHooks(list []Hook) error {
	made, err := newHooks(list)
	if err != nil {
		return err
	}
	if before := s.hooks.Load(); before != nil {
		for name := range made.last {
			if kept, ok := before.last[name]; ok {
				made.last[name] = kept
			}
		}
	}
	s.hooks.Store(made)
	return nil
}

func newHooks(list []Hook) (*hooks, error) {
	made := &hooks{at: map[string]*Hook{}, last: map[string]*last{}}
	named := map[string]bool{}
	for i := range list {
		hook := list[i]
		if hook.Source == nil {
			return nil, errors.New("the webhook " + hook.Name + " has no source")
		}
		hook.Name = cmp.Or(hook.Name, hook.Source.Vendor())
		if named[hook.Name] {
			return nil, errors.New("two webhooks have the name " + hook.Name)
		}
		named[hook.Name] = true
		path := cmp.Or(hook.Path, webhooks+hook.Name)
		if made.at[path] != nil {
			return nil, errors.New("two webhooks have the path " + path)
		}
		if r := hook.Rules; r != nil && (len(r.Methods) == 0 || len(r.ContentTypes) == 0 || r.MaxBody <= 0 || r.MaxBody > MaxBody) {
			return nil, errors.New("the webhook " + hook.Name + " takes nothing by its rules, or too much")
		}
		if hook.Wait != nil && hook.Wait.Timeout <= 0 {
			return nil, errors.New("the webhook " + hook.Name + " waits for no time")
		}
		made.at[path], made.last[hook.Name] = &hook, &last{}
		if made.root == nil && hook.Rules == nil && hook.Path == "" {
			made.root = &hook
		}
	}
	return made, nil
}

// size is a number of bytes in words.
func size(n int64) string {
	switch {
	case n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
