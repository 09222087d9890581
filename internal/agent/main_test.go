package agent_test

import (
	"testing"

	"go.uber.org/goleak"
)

// No test leaves a goroutine behind: an agent would gather them for ever.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
