package web

import (
	v1 "github.com/franela/pocketci/internal/api/v1"
)

// abortCall ends one call of a run. Those that do not come after it go on.
func (s *Site) abortCall(v *visit) error {
	ref, err := v.findCall()
	if err != nil {
		return err
	}
	err = v.api.AbortCall(v.ctx(), ref.call.ID, v1.Abort{Reason: v.typed("reason")})
	if err == nil {
		return v.back(ref.path(""), "The call is aborted.")
	}
	_, text, ok := objected(err)
	if !ok {
		return err
	}
	// As a rule it has ended a moment ago, which its page shows.
	return v.back(ref.path(""), text)
}
