package boltstate_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/patchpolicy/patchpolicy/job/runner/boltstate"
)

func Example() {
	dir, err := os.MkdirTemp("", "agent-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	state, err := boltstate.Open(filepath.Join(dir, "state.db"))
	if err != nil {
		log.Fatal(err) // in use by another agent, or damaged: the error says what to do
	}
	defer state.Close()

	ctx := context.Background()
	before, _, _ := state.Load(ctx)
	fmt.Println("before:", before == nil)
	if err := state.Commit(ctx, []byte("revision 7"), nil); err != nil {
		log.Fatal(err)
	}
	after, _, _ := state.Load(ctx)
	fmt.Println("after:", string(after))
	// Output:
	// before: true
	// after: revision 7
}
