package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/examples/agent/home"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/runner/boltstate"
)

// shown is what status prints as JSON.
type shown struct {
	Asset   job.AssetID       `json:"asset"`
	Server  string            `json:"server"`
	Policy  *integrity.Digest `json:"policy,omitempty"` // digest of the signer policy kept by enrol; nil: none
	Running bool              `json:"running"`
	Actions string            `json:"actions,omitempty"` // which pre- and post-actions the running agent may run: none, policy or all
	Written time.Time         `json:"written,omitzero"`  // the running agent's last change of state
	State   agent.State       `json:"state"`
}

func (p *program) status() *cobra.Command {
	folder, asJSON := "", false
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what the agent holds, does and has not reported yet",
		Long: `Status shows the agent's state: the manifest revision it holds, which pre- and
post-actions the running agent may run, its queue, the orders it is executing
with their patches and actions, and how many reports the server has not
acknowledged. It only reads, and works while the agent runs.

Exit codes: 0 shown, 1 the state cannot be read, 2 bad input, or no agent is
enrolled.`,
		Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := statusOf(cmd.Context(), home.Home(folder))
			if err != nil {
				return err
			}
			if asJSON {
				data, err := json.MarshalIndent(s, "", "  ")
				if err == nil {
					_, err = fmt.Fprintf(p.out, "%s\n", job.NameCodes(data))
				}
				return err
			}
			return s.print(p.out)
		},
	}
	state(cmd, &folder)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// statusOf reads the state file if no agent runs, otherwise the status that the
// running agent writes.
func statusOf(ctx context.Context, h home.Home) (shown, error) {
	id, _, err := h.Load()
	if err != nil {
		return shown{}, misused{err}
	}
	s := shown{Asset: id.Asset, Server: id.Server}
	policy, err := h.Policy()
	if err != nil {
		return shown{}, misused{err}
	}
	if policy != nil {
		digest := policy.Digest()
		s.Policy = &digest
	}
	seen, err := h.ReadStatus()
	if err != nil {
		return shown{}, err
	}
	var file *boltstate.State
	s.Running = seen.Running()
	if !s.Running {
		if _, err := os.Stat(h.StateFile()); errors.Is(err, os.ErrNotExist) {
			return s, nil // it never ran
		}
		file, err = boltstate.Open(h.StateFile())
		s.Running = errors.Is(err, boltstate.ErrInUse) && seen.Process != 0
	}
	if s.Running {
		s.Written, s.State, s.Actions = seen.Written, seen.State, seen.Actions
		return s, nil
	}
	if err != nil {
		return shown{}, err
	}
	data, _, err := file.Load(ctx)
	if err := errors.Join(err, file.Close()); err != nil {
		return shown{}, err
	}
	if data != nil {
		err = s.State.UnmarshalBinary(data)
	}
	return s, err
}

func (s shown) print(w io.Writer) error {
	answer := "no"
	if s.Running {
		answer = "yes"
	}
	line := func(format string, args ...any) { // most of it comes from a server
		for i, a := range args {
			args[i] = problem.Printable(fmt.Sprint(a))
		}
		fmt.Fprintf(w, format+"\n", args...)
	}
	line("asset      %s\nserver     %s\nrunning    %s\nrevision   %s", s.Asset, s.Server, answer, s.State.Revision)
	if s.Policy != nil {
		line("policy     %s", s.Policy)
	}
	if s.Actions != "" {
		line("actions    %s may run (see agent run --help)", s.Actions)
	}
	line("queued     %s", len(s.State.Queue))
	for _, o := range s.State.Queue {
		line("  %s (%s): starts %s, patches: %s", o.ID, o.Name, o.Start.UTC().Format(time.RFC3339), len(o.Patches))
	}
	line("executing  %s", len(s.State.Executions))
	for _, e := range s.State.Executions {
		line("  %s (%s): stage %s, patches: %s", e.Order.ID, e.Order.Name, e.Stage, len(e.Patches))
		for _, p := range e.Patches {
			fmt.Fprintf(w, "    %s: %s %s\n", problem.Printable(string(p.Patch)), p.Status, problem.Lines(p.Text, "      "))
		}
		for _, a := range e.Actions {
			fmt.Fprintf(w, "    action %s: exit %d %s\n", problem.Printable(a.Name), a.Exit, problem.Lines(a.Text, "      "))
		}
	}
	_, err := fmt.Fprintf(w, "reports    %d not acknowledged\n", len(s.State.Reports))
	return err
}
