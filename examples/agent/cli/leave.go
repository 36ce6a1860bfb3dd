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
		Short: "Remove this machine from its server",
		Long: `Leave removes this machine from its server, and deletes its key, signer policy,
queue and downloads. Its journal moves to the folder "former". Stop the agent
first.

Exit codes: 0 done, 1 the server could not be reached and nothing changed, 2 bad
input.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.leaveNow(cmd.Context(), home.Home(dir), force) },
	}
	state(cmd, &dir)
	cmd.Flags().BoolVar(&force, "force", false, "leave even if the server cannot be reached; it lists this machine until the administrator removes it")
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
		fmt.Fprintln(p.err, "the server does not accept this machine any more")
	case force:
		fmt.Fprintln(p.err, "the server was not notified:", err)
	default:
		return fmt.Errorf("%w; give --force to leave without the server", err)
	}
	if err := h.Leave(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.out, "%s has left %s\n", id.Asset, id.Server)
	return err
}

// stopped checks that no agent runs on the folder, and keeps one from starting
// until release is called.
func stopped(h home.Home) (release func(), err error) {
	state, err := boltstate.Open(h.StateFile())
	if errors.Is(err, boltstate.ErrInUse) {
		return nil, misuse("the agent is running: stop it first (%w)", err)
	}
	if err != nil { // such as a damaged file, which leave deletes anyway
		return func() {}, nil
	}
	return func() { _ = state.Close() }, nil
}
