package execution

import (
	"testing"

	"github.com/patchpolicy/patchpolicy/internal/enum/enumtest"
)

func TestPhaseNames(t *testing.T) {
	enumtest.Check(t, map[Phase]string{
		PhaseInventory: "inventory", PhaseDownload: "download", PhasePreflight: "preflight", PhaseLastCall: "last call", PhasePre: "pre-action",
		PhaseRequire: "require", PhaseInstall: "install", PhaseRecheck: "recheck", PhasePost: "post-action", PhaseVerify: "verify", PhaseReboot: "reboot",
		PhaseConfirm: "confirm", PhaseEnd: "end",
	}, phases.All(), phases.Parse)
}
