package v1_test

import (
	"testing"

	v1 "github.com/franela/pocketci/internal/api/v1"
)

func TestScopes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		has, needed v1.Scope
		want        bool
	}{
		{v1.ScopeRead, v1.ScopeRead, true}, {v1.ScopeRead, v1.ScopeRun, false}, {v1.ScopeRun, v1.ScopeRead, true},
		{v1.ScopeRun, v1.ScopeAdmin, false}, {v1.ScopeAdmin, v1.ScopeRun, true}, {v1.ScopeAdmin, v1.ScopeAdmin, true},
		{"", v1.ScopeRead, false}, {"root", v1.ScopeRead, false}, {v1.ScopeAdmin, "root", false}, {"root", "root", false},
	} {
		if got := tt.has.Allows(tt.needed); got != tt.want {
			t.Errorf("%q allows %q: %v", tt.has, tt.needed, got)
		}
	}
}
