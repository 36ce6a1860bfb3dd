package cli

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/examples/agent/home"
)

func TestConnectionTrustsOnlyTheGivenRoots(t *testing.T) {
	require.Nil(t, connection(home.Identity{}, nil).Roots)
	require.NotNil(t, connection(home.Identity{Roots: "no certificate"}, nil).Roots)
}
