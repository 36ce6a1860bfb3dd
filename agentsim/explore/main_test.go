package explore

import (
	"flag"
	"log"
	"os"
	"runtime/debug"
	"strconv"
	"testing"
)

// fewer returns few in a short run, otherwise many.
func fewer(many, few int) int {
	if testing.Short() {
		return few
	}
	return many
}

// TestMain reads the number of states, and collects garbage less often: a
// search makes much and keeps little.
func TestMain(m *testing.M) {
	flag.Parse()
	if v := os.Getenv("EXPLORE_STATES"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			log.Fatalf("EXPLORE_STATES=%s is not a number of states", v)
		}
		*million, *states = n, max(*states, n/100)
	}
	debug.SetGCPercent(300)
	os.Exit(m.Run())
}
