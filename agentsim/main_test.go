package agentsim_test

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain collects garbage less often: worlds allocate much and keep little.
func TestMain(m *testing.M) {
	debug.SetGCPercent(800)
	os.Exit(m.Run())
}
