package controller_test

import (
	"testing"

	"github.com/patchpolicy/patchpolicy/internal/enum/enumtest"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

func TestNames(t *testing.T) {
	enumtest.Check(t, map[controller.RunState]string{
		controller.Planned: "planned", controller.Making: "making", controller.Made: "made", controller.RunCancelled: "cancelled",
		controller.RunWithdrawn: "withdrawn", controller.Missed: "missed",
	}, controller.RunStates(), controller.ParseRunState)
	enumtest.Check(t, map[controller.CancelState]string{
		controller.CancelDone: "Cancelled", controller.CancelPending: "CancelPending", controller.CancelTooLate: "TooLate",
		controller.CancelEnded: "Ended",
	}, controller.CancelStates(), controller.ParseCancelState)
}
