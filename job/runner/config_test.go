package runner

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

func TestDefaultsLeaveWhatIsSet(t *testing.T) {
	d := Config{}.withDefaults()
	require.Equal(t, 5*time.Second, d.Poll)
	require.NotNil(t, d.HTTP)
	set := Config{HTTP: http.DefaultClient, Poll: 1}
	c := set.withDefaults()
	require.Equal(t, set.Poll, c.Poll)
	require.Same(t, http.DefaultClient, c.HTTP)
	require.NotContains(t, set.validate().Error(), "Agent.Policy")
	set.Agent.Policy.Clauses = []integrity.Clause{{Name: "x"}}
	require.ErrorContains(t, set.validate(), "Agent.Policy: signer policy is not valid: digest")
}
