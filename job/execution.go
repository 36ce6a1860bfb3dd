package job

import (
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// Execution is an order being carried out: the machine's whole state.
type Execution struct {
	Order Order `json:"order"`
}

var (
	_ time.Time
	_ catalog.PatchID
	_ version.Version
	_ integrity.Digest
	_ reboot.State
)
