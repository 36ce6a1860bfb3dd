package execution

import (
	"testing"

	"github.com/patchpolicy/patchpolicy/internal/enum/enumtest"
)

func TestStepNames(t *testing.T) {
	enumtest.Check(t, map[Step]string{
		StepInventory: "inventory", StepFetch: "fetch", StepPreflight: "preflight", StepLastCall: "last call", StepPre: "pre-action",
		StepInstall: "install", StepRecheck: "recheck", StepPost: "post-action", StepVerify: "verify", StepReboot: "reboot",
		StepConfirm: "confirm", StepEnd: "end",
	}, steps.All(), steps.Parse)
}
