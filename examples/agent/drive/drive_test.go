package drive

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/examples/agent/home"
	"github.com/patchpolicy/patchpolicy/integrity"
)

// An agent without keys never takes a signed file for an unsigned one.
func TestNobodyIsTrusted_INT9(t *testing.T) {
	require.Equal(t, integrity.Absent, nobody{}.Verify(strings.NewReader("x"), 1, nil).Status)
	require.Equal(t, integrity.Unsupported, nobody{}.Verify(strings.NewReader("x"), 1, []byte{}).Status)
}

func TestConnectionTrustsOnlyTheGivenRoots(t *testing.T) {
	require.Nil(t, Connection(home.Identity{}, nil).Roots)
	require.NotNil(t, Connection(home.Identity{Roots: "no certificate"}, nil).Roots)
}
