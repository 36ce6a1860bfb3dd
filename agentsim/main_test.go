package agentsim_test

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain lets garbage grow: worlds make much and keep little.
func TestMain(m *testing.M) {
	debug.SetGCPercent(800)
	os.Exit(m.Run())
}
