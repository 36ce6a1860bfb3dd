package killtest

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"testing"
	"time"
)

var (
	long   = flag.Bool("long", false, "kill at every single point, and many more worlds at random: takes over ten minutes")
	stride = flag.Int("stride", 1, "with -long: kill at every n-th point only")
	seed   = flag.Uint64("seed", 1, "seed of the random numbers")
)

// childEnv holds the spec of a process that a test starts.
const childEnv = "KILLTEST_CHILD"

// spec says what a process does.
type spec struct {
	Role   string // one of the roles
	Dir    string // the world's folder
	Server string // base URL; for the agent
	At     int    // number of the point where it kills itself, over all processes of the role in this world; zero: none
	Fault  string // the planted fault; empty: none
}

// The roles of a process.
const (
	agentRole   = "agent"
	serverRole  = "server"  // examples/server as it is
	steppedRole = "stepped" // the same packages, with points
)

// exitReboot is the exit code of an agent's process when its asset reboots.
const exitReboot = 10

func TestMain(m *testing.M) {
	text, child := os.LookupEnv(childEnv)
	if !child {
		flag.Parse()
		if testing.Short() {
			fmt.Println("SKIPPED: killing real processes takes minutes; run without -short")
			return
		}
		if runtime.GOOS == "windows" { // there a killed process looks like a failed one
			fmt.Println("SKIPPED: these tests need signals")
			if os.Getenv("CI") == "true" {
				os.Exit(1)
			}
			os.Exit(0)
		}
		os.Exit(m.Run())
	}
	go func() { // a process ends with the test that started it
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	var s spec
	err := json.Unmarshal([]byte(text), &s)
	if err == nil {
		err = map[string]func(spec) error{agentRole: runAgent, serverRole: runServer, steppedRole: runStepped}[s.Role](s)
	}
	fmt.Fprintln(os.Stderr, time.Now().Format(time.StampMilli), s.Role, "ended:", err)
	os.Exit(1)
}
