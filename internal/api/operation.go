package api

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

const (
	// bodyLimit is the largest body of a request in bytes.
	bodyLimit = 1 << 20
	// payloadLimit is the same where the body holds the payload of a delivery,
	// which may have 25 MiB.
	payloadLimit = 26 << 20
	// deployLimit is the same for modules, which are in base64.
	deployLimit = 64 << 20
	// bodyTimeout is how long a body may take to arrive.
	bodyTimeout = 30 * time.Second
	// keyScheme is the name of the security scheme in the document.
	keyScheme = "key"
)

// The tags that operations are grouped by.
const (
	tagEvents       = "events"
	tagRuns         = "runs"
	tagCalls        = "calls"
	tagRepositories = "repositories"
	tagModules      = "modules"
	tagRegistries   = "registries"
	tagAgent        = "agent"
	tagKeys         = "keys"
)

// operation is what differs between operations.
type operation struct {
	id, method, path, summary, description, tag string
	// scope is what the key must allow.
	scope v1.Scope
	// status is that of success, 200 if it is 0.
	status int
	// errors are the statuses that it has beyond those that all have.
	errors []int
	// produces are the content types of success if they are not JSON.
	produces map[string]*huma.MediaType
	// body is the limit of the body, bodyLimit if it is 0.
	body int64
	// takes are the content types of the body if they are not JSON alone. The
	// handler reads the body then.
	takes map[string]*huma.MediaType
	// open operations need no key: the body proves itself who sent it.
	open bool
	// public operations may be used by strangers who look at the pages, for what
	// belongs to repositories that are public: their handlers ask [seen].
	public bool
	// patient operations may take longer than the server gives requests.
	patient bool
}

func (s *service) config() huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title:   "pocketci",
				Version: s.Version,
				Description: "The API of a pocketci agent. Every request but push-signed-token needs a key, sent as `Authorization: Bearer pci_…`; " +
					"`pocketci keys create NAME` makes one on the agent's own machine. Lists are pages: give `next` of one " +
					"answer as `cursor` of the next request. Errors are problem details (RFC 9457). Fields are only ever added.",
			},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					keyScheme: {Type: "http", Scheme: "bearer", Description: "A key with the scope read, run or admin; each includes the ones before it."},
				},
			},
		},
		Formats:                      huma.DefaultFormats,
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{discreet},
	}
}

// register adds an operation. It is the only way to do so: it has the key
// checked, maps the handler's errors, and declares what every operation has.
func register[I, O any](s *service, o operation, handler func(context.Context, *I) (*O, error)) {
	op := huma.Operation{
		OperationID:     o.id,
		Method:          o.method,
		Path:            o.path,
		Summary:         o.summary,
		Description:     strings.TrimSpace(o.description + "\n\nNeeds a key with the scope " + string(o.scope) + "."),
		Tags:            []string{o.tag},
		DefaultStatus:   o.status,
		Security:        []map[string][]string{{keyScheme: {}}},
		Metadata:        map[string]any{"scope": o.scope, "public": o.public},
		BodyReadTimeout: bodyTimeout,
		// One more, as huma refuses what reaches the limit.
		MaxBodyBytes: max(o.body, bodyLimit) + 1,
		Errors: append([]int{http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity,
			http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable}, o.errors...),
	}
	if o.method == http.MethodPost {
		op.Errors = append(op.Errors, http.StatusBadRequest, http.StatusRequestTimeout,
			http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	slices.Sort(op.Errors)
	op.Errors = slices.Compact(op.Errors)
	if o.open {
		op.Description, op.Security = o.description, nil
		delete(op.Metadata, "scope")
	}
	if o.takes != nil {
		op.RequestBody = &huma.RequestBody{Required: true, Content: o.takes}
		op.SkipValidateBody = true // which takes it for JSON
	}
	if o.patient {
		op.Middlewares = huma.Middlewares{s.patient}
	}
	if o.produces != nil {
		op.Responses = map[string]*huma.Response{"200": {Description: http.StatusText(http.StatusOK), Content: o.produces}}
	}
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handler(ctx, in)
		if err != nil {
			return nil, s.problem(ctx, o.id, hide(ctx, err))
		}
		return out, nil
	})
}

// text refuses parameters that are no text, which PostgreSQL would refuse later
// and SQLite would not.
func (s *service) text(ctx huma.Context, next func(huma.Context)) {
	u := ctx.URL()
	for name, values := range u.Query() {
		for _, value := range values {
			if !utf8.ValidString(value) || strings.Contains(value, "\x00") {
				// It fails if the client has gone, who does not need it then.
				_ = huma.WriteErr(s.api, ctx, http.StatusUnprocessableEntity, "validation failed",
					&huma.ErrorDetail{Location: "query." + strings.ToValidUTF8(name, "\uFFFD"), Message: "is not text in UTF-8, or holds a NUL"})
				return
			}
		}
	}
	next(ctx)
}

// body is an answer of JSON.
type body[T any] struct{ Body T }

func answer[T any](v T) *body[T] { return &body[T]{v} }

// open lets answers have fields that the document does not name, because later
// versions add some. Requests stay closed: a field that nobody reads is a slip.
func open(doc *huma.OpenAPI) {
	closed := map[string]bool{}
	for _, path := range doc.Paths {
		for _, op := range []*huma.Operation{path.Get, path.Post, path.Delete} {
			if op == nil || op.RequestBody == nil {
				continue
			}
			for _, content := range op.RequestBody.Content {
				closed[strings.TrimPrefix(content.Schema.Ref, "#/components/schemas/")] = true
			}
		}
	}
	schemas := doc.Components.Schemas.Map()
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		if schemas[name].AdditionalProperties == false && !closed[name] {
			schemas[name].AdditionalProperties = nil
		}
	}
}
