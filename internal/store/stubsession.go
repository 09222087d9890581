package store

import "time"

// Session is a stand-in.
type Session struct {
	ID                   string
	Key                  Key
	CreatedAt, ExpiresAt time.Time
}
