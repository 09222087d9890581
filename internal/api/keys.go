package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/franela/pocketci/events"
	v1 "github.com/franela/pocketci/internal/api/v1"
	"github.com/franela/pocketci/internal/store"
)

// listAudit names the audit log in cursors.
const listAudit = "audit"

func (s *service) keyRoutes() {
	register(s, operation{
		id: "list-keys", method: http.MethodGet, path: "/keys", tag: tagKeys, scope: v1.ScopeAdmin,
		summary: "List the API keys, the oldest first", description: "Their secrets are not kept.",
	}, s.listKeys)
	register(s, operation{
		id: "create-key", method: http.MethodPost, path: "/keys", tag: tagKeys, scope: v1.ScopeAdmin,
		summary: "Make an API key", description: "The answer is the only place where its secret is shown.",
		status: http.StatusCreated,
	}, s.createKey)
	register(s, operation{
		id: "delete-key", method: http.MethodDelete, path: "/keys/{id}", tag: tagKeys, scope: v1.ScopeAdmin,
		summary: "Delete an API key", description: "It counts no longer at once. Streams that were opened with it end within a quarter of a minute.",
		status: http.StatusNoContent, errors: []int{http.StatusNotFound},
	}, s.deleteKey)
	register(s, operation{
		id: "list-audit", method: http.MethodGet, path: "/audit", tag: tagKeys, scope: v1.ScopeAdmin,
		summary: "List what people did, the latest first",
	}, s.listAudit)
}

func wireKey(k *store.Key) v1.Key {
	return v1.Key{
		ID: k.ID, Name: k.Name, Scope: v1.Scope(k.Scope), Login: k.Login, CreatedAt: k.CreatedAt.UTC(), CreatedBy: k.CreatedBy,
		ExpiresAt: moment(k.ExpiresAt), UsedAt: moment(k.UsedAt),
	}
}

func (s *service) listKeys(ctx context.Context, _ *struct{}) (*body[v1.Keys], error) {
	keys, err := s.Store.Keys(ctx)
	if err != nil {
		return nil, err
	}
	out := v1.Keys{Keys: make([]v1.Key, len(keys))}
	for i := range keys {
		out.Keys[i] = wireKey(&keys[i])
	}
	return answer(out), nil
}

type createKeyInput struct{ Body v1.KeyRequest }

func (s *service) createKey(ctx context.Context, in *createKeyInput) (*body[v1.NewKey], error) {
	if err := events.CheckText(in.Body.Name); err != nil {
		return nil, invalid("body.name", err.Error())
	}
	if err := events.CheckText(in.Body.Login); err != nil {
		return nil, invalid("body.login", err.Error())
	}
	n := store.NewKey{Name: in.Body.Name, Scope: string(in.Body.Scope), Login: in.Body.Login}
	if in.Body.ExpiresAt != nil {
		n.ExpiresAt = *in.Body.ExpiresAt
	}
	k, secret, err := s.Store.CreateKey(ctx, n, who(ctx).actor)
	if errors.Is(err, store.ErrBadKey) {
		return nil, invalid("body", err.Error())
	}
	if err != nil {
		return nil, err
	}
	return answer(v1.NewKey{Key: wireKey(&k), Secret: secret}), nil
}

type keyID struct {
	ID string `path:"id" maxLength:"100" pattern:"^[0-9A-Za-z_.~-]+$" patternDescription:"an id" doc:"id of the key"`
}

func (s *service) deleteKey(ctx context.Context, in *keyID) (*struct{}, error) {
	return nil, s.Store.DeleteKey(ctx, in.ID, who(ctx).actor)
}

type auditQuery struct{ Page }

func (s *service) listAudit(ctx context.Context, in *auditQuery) (*body[v1.Audit], error) {
	before, err := in.before(listAudit)
	if err != nil {
		return nil, err
	}
	found, err := s.Store.Audit(ctx, store.AuditFilter{Before: before, Limit: in.Limit + 1})
	if err != nil {
		return nil, err
	}
	found, next := cut(in.Page, listAudit, found, func(e store.AuditEntry) int64 { return e.ID })
	out := v1.Audit{Entries: make([]v1.AuditEntry, len(found)), Next: next}
	for i, e := range found {
		out.Entries[i] = v1.AuditEntry{
			ID: e.ID, At: e.At.UTC(), Person: e.Person, Key: e.Key, Action: e.Action, Object: e.Object, Detail: e.Detail, Remote: e.Remote,
		}
	}
	return answer(out), nil
}
