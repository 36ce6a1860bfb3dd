package random

import (
	"testing"

	"github.com/patchpolicy/patchpolicy/internal/enum/enumtest"
)

func TestTrouble(t *testing.T) {
	enumtest.Check(t, map[Trouble]string{
		Network: "network", Power: "power", Clocks: "clocks", Installers: "installers", Server: "server", Vendors: "vendors", Edits: "edits", Store: "store",
	}, Troubles(), ParseTrouble)
}
