package reboot

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

func TestDefaults(t *testing.T) {
	require.Equal(t, Policy{Interval: time.Hour, Prompt: 5 * time.Minute, Countdown: 5 * time.Minute}, Policy{}.WithDefaults())
	set := Policy{Suppress: true, Deferrals: 3, Interval: 2 * time.Second, Prompt: 3 * time.Second, Countdown: -1}
	require.Equal(t, set, set.WithDefaults())
	require.NoError(t, Policy{}.Validate())
	require.NoError(t, Policy{Suppress: true, Deferrals: 3}.Validate())
}

func TestValidateFindsEveryProblem_RBT6(t *testing.T) {
	for _, tc := range []struct {
		name   string
		policy Policy
		fields []string
	}{
		{"all at once", Policy{Deferrals: -1, Interval: -time.Hour, Prompt: -1, Countdown: 25 * time.Hour},
			[]string{"deferrals", "interval", "prompt", "countdown"}},
		{"overflow", Policy{Deferrals: math.MaxInt, Interval: math.MaxInt64, Prompt: math.MaxInt64, Countdown: math.MaxInt64},
			[]string{"deferrals", "interval", "prompt", "countdown"}},
		{"most negative", Policy{Deferrals: math.MinInt, Interval: math.MinInt64, Prompt: math.MinInt64, Countdown: math.MinInt64},
			[]string{"deferrals", "interval", "prompt"}},
		{"product beyond 168 h", Policy{Deferrals: 7, Interval: 24 * time.Hour}, []string{"deferrals"}},
		{"product that overflows", Policy{Deferrals: MaxDeferrals, Interval: MaxDeferral, Prompt: MaxDeferral}, []string{"deferrals"}},
		{"suppressed is judged too", Policy{Suppress: true, Deferrals: -1}, []string{"deferrals"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var invalid *problem.Invalid
			err := tc.policy.Validate()
			require.ErrorAs(t, err, &invalid)
			var fields []string
			for _, p := range invalid.Problems {
				fields = append(fields, p.Field)
				require.NotEmpty(t, p.Value)
				require.Contains(t, err.Error(), p.Text)
			}
			require.Equal(t, tc.fields, fields)
		})
	}
}

// Each bound at its limit and one past it.
func TestPolicyLimits_RBT6(t *testing.T) {
	// 24 × (6 h 50 min + 5 min) + 2 h = 168 h.
	full := Policy{Deferrals: 24, Interval: 6*time.Hour + 50*time.Minute, Prompt: 5 * time.Minute, Countdown: 2 * time.Hour}
	with := func(change func(*Policy)) Policy {
		p := full
		change(&p)
		return p
	}
	for name, ok := range map[string]Policy{
		"exactly 168 h":     full,
		"shortest waits":    {Deferrals: 1, Interval: MinWait, Prompt: MinWait, Countdown: 1},
		"most deferrals":    {Deferrals: MaxDeferrals, Interval: MinWait, Prompt: MinWait},
		"longest countdown": {Countdown: MaxCountdown},
		"no countdown":      {Deferrals: 1, Interval: MaxDeferral - MinWait, Prompt: MinWait, Countdown: -1},
		"unused interval":   {Interval: MaxDeferral, Prompt: MaxDeferral},
	} {
		require.NoError(t, ok.Validate(), name)
	}
	for name, bad := range map[string]Policy{
		"interval over":        with(func(p *Policy) { p.Interval++ }),
		"prompt over":          with(func(p *Policy) { p.Prompt++ }),
		"countdown over":       with(func(p *Policy) { p.Countdown++ }),
		"one deferral more":    with(func(p *Policy) { p.Deferrals++ }),
		"interval too short":   {Interval: MinWait - 1},
		"prompt too short":     {Prompt: MinWait - 1},
		"interval too long":    {Interval: MaxDeferral + 1},
		"prompt too long":      {Prompt: MaxDeferral + 1},
		"too many deferrals":   {Deferrals: MaxDeferrals + 1, Interval: MinWait, Prompt: MinWait},
		"countdown too long":   {Countdown: MaxCountdown + 1},
		"no room at the end":   {Deferrals: 1, Interval: MaxDeferral - MinWait, Prompt: MinWait, Countdown: 1},
		"defaults are counted": {Deferrals: 156}, // × 1 h 5 min = 169 h
	} {
		var invalid *problem.Invalid
		require.ErrorAs(t, bad.Validate(), &invalid, name)
		require.Len(t, invalid.Problems, 1, name)
	}
	require.Equal(t, &problem.Invalid{What: "reboot policy", Problems: []problem.Problem{{
		Field: "deferrals", Value: "7", Text: "with a prompt of 5m0s, an interval of 24h0m0s and a countdown of 5m0s, the reboot could come later than " +
			"168 h after the first offer; use at most 6 deferrals or shorter times (RBT-6)",
	}}}, Policy{Deferrals: 7, Interval: 24 * time.Hour}.Validate())
}

// What is inside its bounds is used as it is; what is not, is moved to the nearest value inside.
func TestBoundedPolicy_RBT6(t *testing.T) {
	ok := Policy{Deferrals: 3, Interval: time.Hour, Prompt: time.Minute, Countdown: time.Minute}
	require.Equal(t, ok, ok.bounded())
	wild := Policy{Deferrals: math.MaxInt, Interval: math.MaxInt64, Prompt: 1, Countdown: math.MaxInt64}.bounded()
	require.Equal(t, Policy{Deferrals: MaxDeferrals, Interval: MaxDeferral, Prompt: MinWait, Countdown: MaxCountdown}, wild)
	negative := Policy{Deferrals: math.MinInt, Interval: math.MinInt64, Prompt: math.MinInt64, Countdown: math.MinInt64}.bounded()
	require.Equal(t, Policy{Interval: time.Hour, Prompt: 5 * time.Minute}, negative)
}

func TestPolicyInJSON(t *testing.T) {
	p := Policy{Suppress: true, Deferrals: 3, Interval: time.Hour, Countdown: -1}
	data, err := json.Marshal(p)
	require.NoError(t, err)
	var back Policy
	require.NoError(t, json.Unmarshal(data, &back))
	require.Equal(t, p, back)
}
