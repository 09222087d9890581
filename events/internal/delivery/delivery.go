// Package delivery holds what sources of webhooks have in common: the secrets
// that prove a delivery, its signature, the values of its headers, and what
// payloads of several vendors say alike.
package delivery

import "github.com/franela/pocketci/events"

// Malformed returns the error that the value at path is faulty.
func Malformed(path string, err error) *events.MalformedError {
	return &events.MalformedError{Path: path, Reason: err.Error()}
}
