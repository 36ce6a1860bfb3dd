package watch_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/agentsim/watch"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/rollout"
)

var t0 = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// A rollout of two rings, as a server counts it while its first ring goes on.
// Each fault in what follows breaks invariant 14.
func TestRollouts_ROL1_ROL2_ROL3(t *testing.T) {
	policy := rollout.Policy{Rings: []rollout.RingPolicy{{Name: "first", Soak: time.Hour, Gate: rollout.Gate{Results: 2, Success: 60}}, {Name: "rest"}}}
	type counts = rollout.Counts
	at := func(first counts, rest counts, open bool, after time.Duration) watch.Rolled {
		now := watch.Rolled{Policy: policy, Budget: 2, At: t0.Add(after), Rings: []rollout.Ring{{Counts: first, Start: t0}, {Counts: rest}}}
		if open {
			now.Rings[1].Start = now.At
		}
		return now
	}
	enough := counts{Verified: 2, Granted: 1}
	for name, c := range map[string]struct {
		history []watch.Rolled
		broken  string
	}{
		"sound":                   {[]watch.Rolled{at(enough, counts{Waiting: 3}, false, 0), at(enough, counts{Waiting: 1, Granted: 2}, true, time.Hour)}, ""},
		"one result of one":       {[]watch.Rolled{at(counts{Verified: 1}, counts{}, false, 0), at(counts{Verified: 1}, counts{}, true, time.Hour)}, "1 results, and its gate wants 2"},
		"silent ones left out":    {[]watch.Rolled{at(counts{Verified: 2, Silent: 2}, counts{}, false, 0), at(enough, counts{}, true, time.Hour)}, "2 of 4 granted assets done"},
		"not soaked":              {[]watch.Rolled{at(enough, counts{}, false, time.Minute), at(enough, counts{}, true, time.Hour)}, "before it has soaked"},
		"results lost meanwhile":  {[]watch.Rolled{at(enough, counts{}, false, 0), at(counts{}, counts{}, false, 1), at(enough, counts{}, false, time.Minute), at(enough, counts{}, true, time.Hour)}, "soaked"},
		"grants before the start": {[]watch.Rolled{at(enough, counts{Granted: 1}, false, 0)}, "has grants, and has not started"},
	} {
		var seen watch.Rollout
		var broken *watch.Broken
		for _, now := range c.history {
			if broken == nil {
				seen, broken = seen.See(now)
			}
		}
		if c.broken == "" {
			require.Nil(t, broken, name)
			continue
		}
		require.NotNil(t, broken, name)
		require.Equal(t, 14, broken.Invariant)
		require.Contains(t, broken.Text, c.broken, name)
	}

	// An act skips the gate; what it accepts is no longer in the budget.
	seen, broken := watch.Rollout{}.See(at(counts{Waiting: 1}, counts{}, false, 0))
	require.Nil(t, broken)
	now := at(counts{Waiting: 1, Accepted: 1}, counts{}, true, time.Minute)
	now.Skipped, now.AtRisk = 1, 3
	seen, broken = seen.See(now)
	require.Nil(t, broken)
	now.AtRisk = 4
	_, broken = seen.See(now)
	require.ErrorContains(t, broken, "4 assets are at risk, and the budget is 2")

	for result, risk := range map[job.Result]bool{0: true, job.Completed: false, job.Failed: true, job.PendingReboot: true, job.Cancelled: false} {
		require.Equal(t, risk, (&watch.Order{Started: true, Result: result}).AtRisk(), result)
	}
	require.False(t, (&watch.Order{}).AtRisk())
}

func TestHoursAndDeadlines_CAL1_RBT6_RBT10(t *testing.T) {
	require.Nil(t, watch.Hours{Open: true}.Acts("starts"))
	require.Equal(t, 15, watch.Hours{}.Acts("starts").Invariant)
	require.Nil(t, watch.Hours{Open: true}.Reboots(false))
	require.Nil(t, watch.Hours{}.Reboots(true), "the bound outranks openings")
	require.Equal(t, 15, watch.Hours{}.Reboots(false).Invariant)
	require.Equal(t, 15, watch.Hours{Closed: true}.Reboots(true).Invariant, "nothing outranks a closed period")
	require.Equal(t, 17, watch.Denies("k-2").Invariant)

	o := watch.Order{Offer: t0}
	require.Nil(t, o.Overdue(t0.Add(time.Hour), t0.Add(time.Hour), time.Minute))
	require.Equal(t, 16, o.Overdue(t0.Add(time.Hour+1), t0.Add(time.Hour), time.Minute).Invariant)
	require.Nil(t, o.Overdue(t0.Add(time.Minute), t0.Add(-time.Hour), time.Minute), "the countdown runs whole")
	require.Nil(t, o.Overdue(t0.AddDate(1, 0, 0), time.Time{}, time.Minute))
	require.Nil(t, (&watch.Order{}).Overdue(t0, t0.Add(-time.Hour), 0))
}
