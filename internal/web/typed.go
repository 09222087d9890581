package web

import (
	"net/http"
	"strings"
)

// formLimit is the largest body of a request in bytes, but of forms that hold a payload.
const formLimit = 1 << 20

// typed is what was typed into a form that holds no payload.
func (v *visit) typed(name string) string {
	return strings.TrimSpace(v.r.PostFormValue(name))
}

// objected is what is said above a form of what was typed into it, and the status of the
// page; ok is false for errors for which there is no use in showing the form again.
func objected(err error) (status int, text string, ok bool) {
	status, text = reply(err)
	switch status {
	case http.StatusUnauthorized, http.StatusNotFound, http.StatusInternalServerError:
		return status, text, false
	}
	return status, text, true
}
