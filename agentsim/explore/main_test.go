package explore

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain lets garbage grow: a search makes much and keeps little of it.
func TestMain(m *testing.M) {
	debug.SetGCPercent(300)
	os.Exit(m.Run())
}
