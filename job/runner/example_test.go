package runner_test

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/runner"
	"github.com/patchpolicy/patchpolicy/job/runner/boltstate"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// bareAsset is a Platform on which nothing is installed.
type bareAsset struct{}

func (bareAsset) Inventory(context.Context) (catalog.Inventory, error) {
	return catalog.NewInventory(catalog.Linux, nil)
}

func (bareAsset) Status(context.Context) (runner.Status, error) {
	return runner.Status{BootID: "boot 1", Sessions: reboot.Nobody}, nil
}

func (bareAsset) Preflight(_ context.Context, patches []runner.Staged) ([]execution.PreflightResult, error) {
	var results []execution.PreflightResult
	for _, p := range patches {
		results = append(results, execution.PreflightResult{Index: p.Index, Refused: "the product is not installed"})
	}
	return results, nil
}

func (bareAsset) Install(_ context.Context, patches []runner.Staged, _ time.Duration) ([]execution.InstallResult, error) {
	var results []execution.InstallResult
	for _, p := range patches {
		results = append(results, execution.InstallResult{Index: p.Index, Code: job.InstallerFailed, Text: "the product is not installed"})
	}
	return results, nil
}

func (bareAsset) RunAction(_ context.Context, a job.Action) (int, string, error) {
	return 0, "", fmt.Errorf("the action %q cannot be run on this asset", a.Name)
}

func (bareAsset) Prompt(context.Context, execution.Prompt, func(execution.PromptAnswered)) error {
	return nil
}

func (bareAsset) Reboot(context.Context) error { return runner.ErrRebootNotAllowed }

// idleServer is a Server that has no orders. It stops the agent when it calls.
type idleServer struct{ stop func() }

func (s idleServer) CheckIn(_ context.Context, in manifest.CheckIn) (manifest.Answer, error) {
	fmt.Println(in.Asset, "checked in")
	s.stop()
	return manifest.Answer{At: time.Now()}, nil
}

// An agent is a runner with a state file, the platform of its asset and a
// connection to its server. A real one uses dpkg.New as the platform and the
// client of manifest/agenthttp as the server, and runs until it is stopped.
func Example() {
	dir, err := os.MkdirTemp("", "agent-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	state, err := boltstate.Open(filepath.Join(dir, "state.db"))
	if err != nil {
		log.Fatal(err)
	}
	defer state.Close()
	serverKey, _, err := ed25519.GenerateKey(nil) // a real agent gets it when it is enrolled
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	err = runner.Run(ctx, runner.Config{
		Agent:    agent.Config{Asset: "web-1", Key: manifest.NewVerifier(serverKey)},
		State:    state,
		Platform: bareAsset{},
		Server:   idleServer{stop},
		Verifier: integrity.Chain(), // no verifiers: trusts no signer
		Stage:    filepath.Join(dir, "stage"),
	})
	fmt.Println("stopped:", err)
	// Output:
	// web-1 checked in
	// stopped: <nil>
}
