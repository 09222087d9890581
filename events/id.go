package events

import "github.com/google/uuid"

// NewID returns a new event id: a version 7 UUID (RFC 9562), so that ids sort
// by the time they were made, also within a millisecond of one process.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }
