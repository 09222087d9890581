package gitlab

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/internal/delivery"
)

// nameComment is what GitHub calls a comment on a pull request, and so does
// pocketci for every forge.
const nameComment = "issue_comment"

var (
	headerPattern = regexp.MustCompile(`^[A-Z][A-Za-z]*(?: [A-Z][A-Za-z]*)* Hook$`)
	kindPattern   = regexp.MustCompile(`^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$`)
)

// kind is a kind of events whose commit, filter or trust are found in fields of
// their own.
type kind struct {
	// names are ours.
	names []string
	// headers are GitLab's words in X-Gitlab-Event, the usual one first.
	headers []string
	read    func(*events.Event) error
}

// kinds are by the object_kind of their payloads, which alone decides how a
// payload is read: the header stands outside of the signature.
var kinds = map[string]kind{
	"push":          {[]string{events.NamePush}, []string{"Push Hook"}, readPush},
	"tag_push":      {[]string{events.NameTag, events.NamePush}, []string{"Tag Push Hook"}, readTag},
	"merge_request": {[]string{events.NamePullRequest}, []string{"Merge Request Hook"}, readMergeRequest},
	"note":          {[]string{"note", nameComment}, []string{"Note Hook", "Confidential Note Hook"}, readNote},
	"release":       {[]string{"release"}, []string{"Release Hook"}, readRelease},
	"pipeline":      {[]string{"pipeline"}, []string{"Pipeline Hook"}, readPipeline},
	"build":         {[]string{"job"}, []string{"Job Hook"}, readJob},
	"deployment":    {[]string{"deployment"}, []string{"Deployment Hook"}, readDeployment},
}

// Parse reads the payload of an event. Kind is GitLab's word in the header
// X-Gitlab-Event (Merge Request Hook), the payload's object_kind, or pocketci's
// own name of the event; the payload has to be of that kind.
//
// The event's ID, Delivery and ReceivedAt are left for the caller to set; its
// Payload is the slice that was given. GitLab's payloads say neither whether a
// push was forced nor what the target branch of a merge request was at: Forced
// and BaseSHA are always empty. The error is an [*events.MalformedError] or,
// together with as much of the event as is known, an [*events.NothingError].
func Parse(kind string, payload []byte) (events.Event, error) {
	e := events.Event{Vendor: events.VendorGitlab}
	if len(kind) > 100 || !headerPattern.MatchString(kind) && !kindPattern.MatchString(kind) {
		return e, &events.MalformedError{Reason: fmt.Sprintf("%.100q is not the name of a GitLab event", kind)}
	}
	e.Payload = payload
	var common envelope
	if err := events.DecodeObject(payload, &common); err != nil {
		return e, err
	}
	object := cmp.Or(common.ObjectKind, common.EventName)
	if err := checkKind(kind, object); err != nil {
		return e, delivery.Malformed("object_kind", err)
	}
	known, isKnown := kinds[object]
	e.Name, e.Kind = object, kind
	if isKnown {
		e.Name = known.names[0]
	}
	if !headerPattern.MatchString(kind) {
		e.Kind = object
		if isKnown {
			e.Kind = known.headers[0]
		}
	}
	sender, path := common.UserUsername, "user_username"
	if common.User != nil && common.User.Username != "" {
		sender, path = common.User.Username, "user.username"
	}
	if err := events.CheckText(sender); err != nil {
		return e, delivery.Malformed(path, err)
	}
	e.Sender = sender
	if common.Project == nil {
		if isKnown {
			return e, delivery.Malformed("project", errors.New("is missing"))
		}
		return e, &events.NothingError{Reason: "the event " + object + " belongs to no repository"}
	}
	repository, err := readProject(common.Project)
	if err != nil {
		return e, err
	}
	e.Repository = repository
	if isKnown {
		return e, known.read(&e)
	}
	return e, readOther(&e)
}

// checkKind returns an error unless a payload of the kind object may come under
// this name. No kind of GitLab's may bear a name that pocketci gives to another
// one: it would match the same functions and be read as something harmless.
func checkKind(kind, object string) error {
	if object == "" {
		return errors.New("is missing")
	}
	if len(object) > 100 || !kindPattern.MatchString(object) {
		return fmt.Errorf("%.100q is not the name of a GitLab event", object)
	}
	own, isKnown := kinds[object]
	if !isKnown {
		for _, k := range kinds {
			if slices.Contains(k.names, object) {
				return fmt.Errorf("%q is not what GitLab calls an event", object)
			}
		}
	}
	if kind == object || slices.Contains(own.names, kind) || slices.Contains(own.headers, kind) {
		return nil
	}
	foreign := kindPattern.MatchString(kind)
	for _, k := range kinds {
		foreign = foreign || slices.Contains(k.headers, kind)
	}
	if foreign {
		return fmt.Errorf("is %q, and the event is a %s", object, kind)
	}
	// A header that is not in the table, such as System Hook, tells nothing.
	return nil
}

func readProject(p *project) (*events.Repository, error) {
	if err := events.CheckFullName(p.FullName); err != nil {
		return nil, delivery.Malformed("project.path_with_namespace", err)
	}
	if err := events.CheckCloneURL(p.CloneURL); err != nil {
		return nil, delivery.Malformed("project.git_http_url", err)
	}
	if err := events.CheckWebURL(p.WebURL); err != nil {
		return nil, delivery.Malformed("project.web_url", err)
	}
	if err := delivery.CheckDefaultBranch(p.DefaultBranch); err != nil {
		return nil, delivery.Malformed("project.default_branch", err)
	}
	const public = 20
	return &events.Repository{
		FullName:      p.FullName,
		CloneURL:      p.CloneURL,
		WebURL:        p.WebURL,
		DefaultBranch: p.DefaultBranch,
		// What is internal is not shown without an account either.
		Private: p.Visibility < public,
	}, nil
}

// words are GitHub's for what GitLab calls otherwise.
var words = map[string]string{
	"open": "opened", "reopen": "reopened", "close": "closed", "create": "created", "update": "edited", "delete": "deleted",
}

// readAction returns what was done: the vendor's word unless GitHub has one for
// the same thing, and nothing if the payload does not say.
func readAction(e *events.Event) (string, error) {
	var a actions
	if err := events.DecodeObject(e.Payload, &a); err != nil {
		return "", err
	}
	action, path := a.Attributes.Action, "object_attributes.action"
	if action == "" {
		action, path = a.Action, "action"
	}
	if err := events.CheckText(action); err != nil {
		return "", delivery.Malformed(path, err)
	}
	return cmp.Or(words[action], action), nil
}

// readOther reads every event whose commit is the head of the default branch.
// What is said on a fork's merge request is not trusted.
func readOther(e *events.Event) error {
	action, err := readAction(e)
	if err != nil {
		return err
	}
	e.Filter = action
	var p conversation
	if err := events.DecodeObject(e.Payload, &p); err != nil {
		return err
	}
	if p.MergeRequest != nil {
		return readConversation(e, "merge_request", p.MergeRequest)
	}
	e.Trusted = true
	return nil
}
