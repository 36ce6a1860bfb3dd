package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// How long anything may take that has no bound of its own: much longer than it
// takes. The first is for a tiny root, the second for a real repository.
const (
	patience     = 3 * time.Minute
	longPatience = 5 * time.Minute
)

// pause is the shortest time between two looks at what is awaited.
const pause = 25 * time.Millisecond

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		fmt.Println("SKIPPED: real packages and processes take minutes; run without -short")
		return
	}
	code := m.Run()
	if binaries != "" {
		_ = os.RemoveAll(binaries) // in the system's folder for temporary files
	}
	os.Exit(code)
}

// need skips the test and says why, or fails it with CI=true, if something is
// missing; empty: nothing is.
func need(t *testing.T, missing string) {
	t.Helper()
	if missing == "" {
		return
	}
	fmt.Printf("SKIPPED %s: %s\n", t.Name(), missing)
	if os.Getenv("CI") == "true" {
		t.Fatalf("with CI=true this must run: %s", missing)
	}
	t.Skip(missing)
}

var binaries string // folder of the built programs

// build builds the server and the agent, once.
var build = sync.OnceValue(func() error {
	dir, err := os.MkdirTemp("", "patchpolicy-e2e-")
	if err != nil {
		return err
	}
	binaries = dir
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", dir, "../../examples/server", "../../examples/agent")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w: %s", err, out)
	}
	return nil
})

// program returns the path of "server" or "agent".
func program(t *testing.T, name string) string {
	t.Helper()
	if err := build(); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(binaries, name)
}

// died holds, per test, the name of a process that ended by itself.
var died sync.Map

// await waits until ok returns true, and fails the test if that takes too long.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	awaitFor(t, patience, what, ok)
}

func awaitFor(t *testing.T, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); ; {
		looked := time.Now()
		if ok() {
			return
		}
		if name, has := died.Load(t); has {
			t.Fatalf("%s ended while the test waited for %s", name, what)
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for %s", limit, what)
		}
		time.Sleep(max(pause, 4*time.Since(looked))) // many looks start a program, and that slows down what is awaited
	}
}

// happens waits for a channel to be closed.
func happens(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	await(t, what, func() bool {
		select {
		case <-c:
			return true
		default:
			return false
		}
	})
}
