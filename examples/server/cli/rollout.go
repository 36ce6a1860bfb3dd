package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

func (r *remote) rollouts() *cobra.Command {
	act := func(name, short, done, example string) *cobra.Command {
		in := adminhttp.RolloutAct{Act: name}
		c := &cobra.Command{
			Use: name + " RUN", Short: short, Example: "  server rollout " + name + " RUN " + example,
			RunE: func(cmd *cobra.Command, _ []string) error {
				if in.Reason == "" {
					return usageError{errors.New("--reason is missing: say why, for the record (ROL-4)")}
				}
				return r.act(cmd, "POST runs/{}/rollout", in, done)
			},
		}
		c.Flags().StringVar(&in.Reason, "reason", "", "why; it is recorded, and must be given")
		if name == "expedite" {
			c.Flags().StringVar(&in.Ring, "ring", "", "the last ring to start early")
		}
		return c
	}
	return noun("rollout", "Rollouts: which assets of a run come first, and what stops the others (ROL-1)",
		verb("show RUN", "Show the rings of a run's rollout, and what it waits for", showing(r, "GET runs/{}/rollout", r.showRollout)),
		act("stop", "Stop a rollout: no further order is made, and what has not begun is withdrawn (ROL-4)", "stopped", "--reason 'two assets hang at boot'"),
		act("resume", "Let a stopped rollout go on; what is failed, silent or removed is accepted (ROL-4)", "resumed", "--reason 'the disks were full'"),
		act("expedite", "Start rings early, without soak time and gates; the budget holds (ROL-6)", "expedited", "--ring servers --reason 'it is exploited'"),
		act("abandon", "End a rollout for good; assets that wait get no order of this run (ROL-4)", "abandoned", "--reason 'the patch was withdrawn'"))
}

func (r *remote) showRollout(cmd *cobra.Command, s controller.RolloutStatus) error {
	_, _ = fmt.Fprintf(cmd.OutOrStdout(), "rollout of run %s: %v, %d of at most %d assets at risk\n%v: %s (%s)\n\n", s.Run, s.Phase, s.AtRisk, s.Budget, s.Gate, s.Why.Text, s.Why.Rule)
	return r.table(cmd, "RING START WAITING GRANTED BEGUN SILENT VERIFIED FAILED LOST ACCEPTED LEFT", rowsOf(s.Rings, func(x controller.RingStatus) []any {
		return []any{x.Name, x.Start, x.Waiting, x.Granted, x.Begun, x.Silent, x.Verified, x.Failed, x.Lost, x.Accepted, x.Left}
	}))
}

func (r *remote) freeSlot() *cobra.Command {
	var in adminhttp.SlotFreed
	c := verb("free-slot JOB ASSET", "Free the reboot slot of an asset that does not report back (ROL-7)", nil)
	c.Example = "  server job free-slot daily web-1 --reason 'its disk failed, and it stays off'"
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		return r.act(cmd, "POST jobs/{}/slots/{}/free", in, "freed")
	}
	c.Flags().StringVar(&in.Reason, "reason", "", "how you know that it is up, or stays down; it is recorded, and must be given")
	return c
}
