package ledger

import (
	"testing"

	"github.com/patchpolicy/patchpolicy/internal/enum/enumtest"
)

func TestNames(t *testing.T) {
	enumtest.Check(t, map[Phase]string{
		Waiting: "waiting", Open: "open", Gone: "gone", Ended: "ended",
	}, phases.All(), phases.Parse)
	enumtest.Check(t, map[CancelState]string{
		CancelDone: "Cancelled", CancelPending: "CancelPending", CancelTooLate: "TooLate", CancelEnded: "Ended",
	}, cancelStates.All(), cancelStates.Parse)
	enumtest.Check(t, map[RunState]string{
		RunPlanned: "planned", RunMaking: "making", RunMade: "made", RunCancelled: "cancelled", RunWithdrawn: "withdrawn", RunMissed: "missed",
	}, runStates.All(), runStates.Parse)
	enumtest.Check(t, map[PassKind]string{
		MakePass: "make", MorePass: "more", RemakePass: "remake", TrimPass: "trim", CancelPass: "cancel", WithdrawPass: "withdraw",
		RecallPass: "recall", AbandonPass: "abandon",
	}, passKinds.All(), passKinds.Parse)
}
