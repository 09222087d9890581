package server_test

import (
	"testing"

	"go.uber.org/goleak"
)

// No test leaves a goroutine behind: each would be one that an agent gathers for
// ever.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
