package settings

import (
	"fmt"
	"mime"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/franela/pocketci/events"
	"github.com/franela/pocketci/events/webhook"
	"github.com/franela/pocketci/internal/predicate"
	"github.com/franela/pocketci/internal/yamlfile"
)

// Webhook is a webhook that belongs to no vendor with a name.
type Webhook struct {
	// Name is unique among everything that is received at /webhooks/NAME, and the
	// name of the events.
	Name   string
	Verify Verify
	// Methods and ContentTypes are those that are allowed, MaxSize is the largest
	// body in bytes.
	Methods, ContentTypes []string
	MaxSize               int64
	// Filter is where in the payload the filter of the event is; nil for none.
	Filter *predicate.Pointer
	// Dedup is where the key of a delivery is.
	Dedup Dedup
	// Headers and Query are the names of headers and parameters that the payload
	// has.
	Headers, Query []string
	// Filters are what the payload must fulfil for anything to be planned.
	Filters []predicate.Filter
	// Calls is whose functions are called.
	Calls Target
	// Wait is nil for a hook that is answered at once.
	Wait *Wait
	// Trusted says that functions may be called with secrets.
	Trusted bool
	// Line is where the entry starts in the file, for messages.
	Line int
}

// Dedup is where the key of a delivery is. At most one of them is set.
type Dedup struct {
	Pointer *predicate.Pointer
	Header  string
}

// Wait has a hook be answered with what its functions return.
type Wait struct {
	Timeout     time.Duration
	ContentType string
}

// The keys of webhooks by where they stand.
var (
	webhookKeys = []string{"name", "verify", "methods", "content-types", "max-size", "filter", "dedup", "headers", "query", KeyFilters, KeyCalls, "wait", "trusted"}
	dedupKeys   = []string{"pointer", "header"}
	waitKeys    = []string{"timeout", "content-type"}
)

// What a webhook is without keys, and the bounds of what they may say.
const (
	defaultMaxSize   = 1 << 20
	mostMaxSize      = 25 << 20
	defaultWait      = 30 * time.Second
	leastWait        = time.Second
	mostWait         = 10 * time.Minute
	defaultWaitsType = "text/plain; charset=utf-8"
)

// takenNames are what forges call their events. Rules for secrets and functions would
// take a hook of that name for one of those.
var takenNames = []string{events.NamePush, events.NameTag}

func (r reader) webhooks(n *yaml.Node) []Webhook {
	var list []Webhook
	lines := map[string]int{}
	r.items(n, "webhooks", "a webhook", func(item *yaml.Node, entries []yamlfile.Entry) {
		w := r.webhook(item, entries)
		r.unique(item, "webhook", w.Name, lines)
		list = append(list, w)
	})
	return list
}

func (r reader) webhook(item *yaml.Node, entries []yamlfile.Entry) Webhook {
	w := Webhook{
		Methods: []string{"POST"}, ContentTypes: []string{"application/json", "application/x-www-form-urlencoded"}, MaxSize: defaultMaxSize, Line: item.Line,
	}
	given := map[string]bool{}
	for _, e := range entries {
		given[e.Name] = true
		switch e.Name {
		case "name":
			if w.Name = r.name(e, "a webhook"); slices.Contains(takenNames, w.Name) {
				r.Fail(e.Value, "forges call their events %s; give the webhook another name", w.Name)
			}
		case "verify":
			w.Verify = r.verify(e)
		case "methods":
			w.Methods = r.some(e, oneOf(webhook.Methods()))
		case "content-types":
			w.ContentTypes = r.some(e, checkMediaType)
		case "max-size":
			w.MaxSize = r.size(e)
		case "filter":
			w.Filter = r.pointer(e)
		case "dedup":
			w.Dedup = r.dedup(e)
		case "headers":
			w.Headers = r.some(e, webhook.CheckHeader)
		case "query":
			w.Query = r.some(e, nil)
		case KeyFilters:
			w.Filters = r.filters(e)
		case KeyCalls:
			w.Calls = r.target(e)
		case "wait":
			w.Wait = r.wait(e)
		case "trusted":
			w.Trusted = r.Bool(e.Value, e.Name)
		default:
			r.Unknown(e, "a webhook", webhookKeys)
		}
	}
	if !given["name"] {
		r.Fail(item, "a webhook needs a name; webhooks are received at /webhooks/NAME")
	}
	if !given["verify"] {
		r.Fail(item, "a webhook needs verify, which says how deliveries are proven; write {none: true} to take them from anybody")
	}
	if !given[KeyCalls] {
		r.Fail(item, "a webhook needs %s, whose functions it calls, such as %s: acme/shop", KeyCalls, KeyCalls)
	}
	if !given["trusted"] {
		w.Trusted = !w.Verify.None
	}
	for _, name := range w.Headers {
		if proof := w.Verify.header(); proof != "" && strings.EqualFold(name, proof) {
			r.Fail(item, "headers: %s proves deliveries and is not kept; remove it", name)
		}
	}
	return w
}

func (r reader) pointer(e yamlfile.Entry) *predicate.Pointer {
	p, ok := predicate.ReadPointer(r.Reader, e.Value, e.Name)
	if !ok {
		return nil
	}
	return &p
}

func (r reader) dedup(e yamlfile.Entry) (d Dedup) {
	if n := r.Visit(e.Value); n != nil && n.Kind == yaml.ScalarNode {
		d.Pointer = r.pointer(e)
		return d
	}
	entries, ok := r.Mapping(e.Value, e.Name)
	for _, part := range entries {
		switch part.Name {
		case "pointer":
			d.Pointer = r.pointer(part)
		case "header":
			d.Header = r.header(part)
		default:
			r.Unknown(part, e.Name, dedupKeys)
		}
	}
	if ok && len(entries) != 1 {
		r.Fail(e.Value, "%s needs exactly one of pointer and header", e.Name)
	}
	return d
}

// header reads the name of a header.
func (r reader) header(e yamlfile.Entry) string {
	return r.matching(e, headerName, "the name of a header, such as X-Request-Id")
}

func (r reader) wait(e yamlfile.Entry) *Wait {
	w := &Wait{Timeout: defaultWait, ContentType: defaultWaitsType}
	entries, _ := r.Mapping(e.Value, e.Name)
	for _, part := range entries {
		switch part.Name {
		case "timeout":
			w.Timeout = r.duration(part, leastWait, mostWait)
		case "content-type":
			var ok bool
			if w.ContentType, ok = r.String(part.Value, part.Name); ok {
				if mediaType, _, err := mime.ParseMediaType(w.ContentType); err != nil || !strings.Contains(mediaType, "/") {
					r.Fail(part.Value, "%s must be one such as application/json", part.Name)
				}
			}
		default:
			r.Unknown(part, e.Name, waitKeys)
		}
	}
	return w
}

func (r reader) duration(e yamlfile.Entry, least, most time.Duration) time.Duration {
	s, ok := r.String(e.Value, e.Name)
	if !ok {
		return 0
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < least || d > most {
		r.Fail(e.Value, "%s must be a duration from %s to %s, such as 30s", e.Name, least, most)
		return 0
	}
	return d
}

var sizeForm = regexp.MustCompile(`^([1-9][0-9]{0,8})(KiB|MiB)?$`)

// size reads a number of bytes, KiB or MiB.
func (r reader) size(e yamlfile.Entry) int64 {
	n := r.Visit(e.Value)
	if n == nil {
		return 0
	}
	m := sizeForm.FindStringSubmatch(n.Value)
	if n.Kind != yaml.ScalarNode || m == nil {
		r.Fail(e.Value, "%s must be a size such as 512KiB or 5MiB, or a number of bytes", e.Name)
		return 0
	}
	size, err := strconv.ParseInt(m[1], 10, 64)
	switch m[2] {
	case "KiB":
		size <<= 10
	case "MiB":
		size <<= 20
	}
	if err != nil || size > mostMaxSize {
		r.Fail(e.Value, "%s is 25MiB at most", e.Name)
		return 0
	}
	return size
}

// oneOf checks that a word is among those.
func oneOf(words []string) func(string) error {
	return func(s string) error {
		if slices.Contains(words, s) {
			return nil
		}
		return fmt.Errorf("an entry must be one of %s", strings.Join(words, ", "))
	}
}

var mediaTypes = regexp.MustCompile(`^(\*/\*|[a-z0-9.+_-]+/(\*|[a-z0-9.+_-]+))$`)

func checkMediaType(s string) error {
	if !mediaTypes.MatchString(s) {
		return fmt.Errorf("an entry must be a media type in small letters, such as application/json, text/* or */*")
	}
	return nil
}
