package drive

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/examples/agent/home"
)

func TestConnectionTrustsOnlyTheGivenRoots(t *testing.T) {
	require.Nil(t, Connection(home.Identity{}, nil).Roots)
	require.NotNil(t, Connection(home.Identity{Roots: "no certificate"}, nil).Roots)
}
