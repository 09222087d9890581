package v1

import "time"

// Key is an API key without its secret part.
type Key struct {
	ID        string     `json:"id"`
	Name      string     `json:"name" doc:"of the person or program that uses it; named in the audit log"`
	Scope     Scope      `json:"scope" enum:"read,run,admin"`
	Login     string     `json:"login,omitempty" doc:"of the person whose key it is, as forges know them"`
	CreatedAt time.Time  `json:"created_at"`
	CreatedBy string     `json:"created_by"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	UsedAt    *time.Time `json:"used_at,omitempty" doc:"when it was last used, to the minute"`
}

// Keys is the list of keys.
type Keys struct {
	Keys []Key `json:"keys" nullable:"false"`
}

// KeyRequest asks for a new key.
type KeyRequest struct {
	Name      string     `json:"name" minLength:"1" maxLength:"100"`
	Scope     Scope      `json:"scope" enum:"read,run,admin"`
	Login     string     `json:"login,omitempty" maxLength:"255" doc:"binds the key to a person, as forges know them, who may then approve runs of the repositories that they may write to"`
	ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"never if it is left out"`
}

// NewKey is a key with its secret part, which is shown this once.
type NewKey struct {
	Key
	Secret string `json:"secret" doc:"what to send as Authorization: Bearer; it cannot be shown again"`
}

// Me says whose key a request was made with.
type Me struct {
	Key
	Version string `json:"version" doc:"of the agent"`
}

// AuditEntry records one change that somebody made.
type AuditEntry struct {
	ID     int64     `json:"id"`
	At     time.Time `json:"at"`
	Person string    `json:"person" doc:"name of the key"`
	Key    string    `json:"key,omitempty" doc:"id of the key"`
	Action string    `json:"action" doc:"such as restart"`
	Object string    `json:"object" doc:"what it was done to"`
	Detail string    `json:"detail,omitempty"`
	Remote string    `json:"remote,omitempty" doc:"address of the client"`
}

// Audit is a page of the audit log, the latest first.
type Audit struct {
	Entries []AuditEntry `json:"entries" nullable:"false"`
	Next    string       `json:"next,omitempty" doc:"cursor of the next page"`
}
