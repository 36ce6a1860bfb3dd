package random

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTrouble(t *testing.T) {
	require.Equal(t, []Trouble{Network, Power, Clocks, Installers, Server, Vendors, Edits, Store, Policies}, Troubles())
	for i, name := range []string{"network", "power", "clocks", "installers", "server", "vendors", "edits", "store", "policies"} {
		kind, err := ParseTrouble(name)
		require.NoError(t, err)
		require.Equal(t, Troubles()[i], kind)
		require.Equal(t, name, kind.String())
	}
}
