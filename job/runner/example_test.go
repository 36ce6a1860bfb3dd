package runner_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/runner"
	"github.com/patchpolicy/patchpolicy/job/runner/boltstate"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// office is a Server that has nothing to do for anybody.
type office struct{ called chan struct{} }

func (o office) CheckIn(_ context.Context, in manifest.CheckIn) (manifest.Answer, error) {
	if in.Asset != "web-1" {
		return manifest.Answer{}, errors.New("unknown asset")
	}
	close(o.called)
	return manifest.Answer{At: time.Now()}, nil
}

// An agent is a runner over a state file, the platform of its asset, and the way to its server. A real one takes dpkg.New for the platform
// and the client of manifest/agenthttp for the server.
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
	server := office{called: make(chan struct{})}
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		<-server.called // a real agent runs until it is told to stop
		stop()
	}()
	err = runner.Run(ctx, runner.Config{
		Agent:    agent.Config{Asset: "web-1", Key: manifest.NewVerifier(serverKey.Public().(ed25519.PublicKey))},
		State:    state,
		Platform: newComputer(map[catalog.ProductID]string{"app": "1.0.0"}),
		Server:   server,
		Verifier: unsigned{},
		Stage:    filepath.Join(dir, "stage"),
	})
	fmt.Println("stopped:", err)
	// Output:
	// stopped: <nil>
}
