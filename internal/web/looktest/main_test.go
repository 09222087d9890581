package looktest

import (
	"os"
	"testing"

	"github.com/franela/pocketci/internal/web/browsertest"
)

func TestMain(m *testing.M) {
	code := m.Run()
	browsertest.Stop()
	os.Exit(code)
}
