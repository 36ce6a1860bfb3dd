package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/examples/agent/drive"
	"github.com/patchpolicy/patchpolicy/examples/agent/home"
	"github.com/patchpolicy/patchpolicy/job/runner/boltstate"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/manifest/agenthttp"
)

func (p *program) leave() *cobra.Command {
	var dir string
	var force bool
	cmd := &cobra.Command{
		Use:   "leave",
		Short: "Take this machine out of its server",
		Long: `Leave tells the server that this machine is no asset of it any more, and deletes its key, its queue and its downloads. Its
journal goes into the folder "former". Stop the agent first.

Exit codes: 0 done, 1 the server was not reached and nothing changed, 2 bad input.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.leaveNow(cmd.Context(), home.Home(dir), force) },
	}
	state(cmd, &dir)
	cmd.Flags().BoolVar(&force, "force", false, "leave even if the server cannot be reached; it goes on listing this machine until it is removed there")
	return cmd
}

func (p *program) leaveNow(ctx context.Context, h home.Home, force bool) error {
	id, key, err := h.Load()
	if err != nil {
		return misused{err}
	}
	release, err := stopped(h)
	if err != nil {
		return err
	}
	defer release()
	client, err := agenthttp.NewClient(drive.Connection(id, key))
	if err != nil {
		return err
	}
	defer client.Close()
	err = client.Leave(ctx)
	switch {
	case err == nil:
	case errors.Is(err, manifest.ErrRefused):
		fmt.Fprintln(p.err, "the server had removed this machine already")
	case force:
		fmt.Fprintln(p.err, "the server does not know of it:", err)
	default:
		return fmt.Errorf("%w; to leave without telling the server give --force", err)
	}
	if err := h.Leave(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.out, "%s has left %s\n", id.Asset, id.Server)
	return err
}

// stopped wants no agent to be running on the folder, and keeps one from starting until release is called.
func stopped(h home.Home) (release func(), err error) {
	state, err := boltstate.Open(h.StateFile())
	if errors.Is(err, boltstate.ErrInUse) {
		return nil, misuse("the agent runs: stop it first (%w)", err)
	}
	if err != nil { // damaged, say, which is no reason to keep it
		return func() {}, nil
	}
	return func() { _ = state.Close() }, nil
}
