package drive

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/examples/agent/home"
)

// An agent without keys never takes a signed file for an unsigned one.
func TestNobodyIsTrusted_INT9(t *testing.T) {
}

func TestConnectionTrustsOnlyTheGivenRoots(t *testing.T) {
	require.Nil(t, Connection(home.Identity{}, nil).Roots)
	require.NotNil(t, Connection(home.Identity{Roots: "no certificate"}, nil).Roots)
}
