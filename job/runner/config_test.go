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
	require.Equal(t, []any{5 * time.Second, time.Minute, time.Minute, 5}, []any{d.Poll, d.CallTimeout, d.Stall, d.Tries})
	require.NotNil(t, d.HTTP)
	set := Config{HTTP: http.DefaultClient, Poll: 1, CallTimeout: 2, Stall: 3, Tries: MaxTries}
	c := set.withDefaults()
	require.Equal(t, []any{set.Poll, set.CallTimeout, set.Stall, set.Tries}, []any{c.Poll, c.CallTimeout, c.Stall, c.Tries})
	require.Same(t, http.DefaultClient, c.HTTP)
	require.NotContains(t, set.validate().Error(), "Tries")
	set.Tries++
	require.ErrorContains(t, set.validate(), "Tries is 101: want 1 to 100")
	require.NotContains(t, set.validate().Error(), "Agent.Policy")
	set.Agent.Policy.Clauses = []integrity.Clause{{Name: "x"}}
	require.ErrorContains(t, set.validate(), "Agent.Policy: signer policy is not valid: digest")
	set.CallTimeout, set.Stall = -1, -1
	require.ErrorContains(t, set.validate(), "CallTimeout is -1ns")
	require.ErrorContains(t, set.validate(), "Stall is -1ns")
}
