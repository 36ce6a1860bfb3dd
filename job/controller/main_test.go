package controller_test

import (
	"os"
	"runtime/debug"
	"testing"
)

// TestMain collects garbage less often: a world makes much and keeps little.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}
