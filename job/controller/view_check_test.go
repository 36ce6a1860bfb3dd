package controller_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/deadline"
	"github.com/patchpolicy/patchpolicy/job/rollout"
)

// A check says by which chain a job misses a deadline, and whether a rollout can
// come to its end; enabling says it too (DUE-7, CAL-3, ROL-5, ROL-6).
func TestCheckJob_DUE7_CAL3_ROL5_ROL6(t *testing.T) {
	f := governed(t, func(c *controller.Config) {
		c.Deadlines = []deadline.Table{{Name: "two days", Anchor: deadline.FromPublished, Rows: []deadline.Row{{Days: 2}}}}
	})
	for i, v := range []string{"2.0.0", "2.1.0", "2.2.0"} {
		f.sync(patch("editor", v, latestOnly, func(p *catalog.Patch) { p.Published = start.Add(time.Duration(i) * 3 * day) }))
		f.pass(3 * day)
	}
	f.enrol("a", "all", "lab")
	f.enrol("b", "all")
	d := nightly()
	d.Patches = job.Patches{Query: &job.Query{}}
	d.Calendar = "freeze"
	kinds := func(d job.Definition) map[job.FindingKind]int {
		findings, err := f.CheckJob(ctx, d, f.now)
		require.NoError(t, err)
		found := map[job.FindingKind]int{}
		for _, x := range findings {
			found[x.Kind]++
		}
		return found
	}
	require.Equal(t, map[job.FindingKind]int{job.WorstCase: 1}, kinds(d), "the freeze is over")
	f.now = start
	require.Equal(t, map[job.FindingKind]int{job.WorstCase: 1, job.LongFreeze: 1, job.ClosedStart: 1}, kinds(d))

	d.Calendar = ""
	d.Rollout = &rollout.Policy{Budget: rollout.Amount{Count: 1}, Rings: []rollout.RingPolicy{
		{Name: "lab", Tag: "lab", Soak: 48 * time.Hour, Gate: rollout.Gate{Results: 1}}, {Name: "rest", Gate: rollout.Gate{Results: 2}},
	}}
	require.Equal(t, map[job.FindingKind]int{job.WorstCase: 1, job.GateStuck: 1}, kinds(d), "two days and one to the next start, as the versions have")
	d.Rollout.Rings[0].Soak += time.Hour
	require.Equal(t, map[job.FindingKind]int{job.WorstCase: 1, job.GateStuck: 1, job.LongRollout: 1}, kinds(d))
	_, err := f.SaveJob(ctx, d, f.now)
	require.NoError(t, err)
	o, err := f.Outlook(ctx, "j", f.now)
	require.NoError(t, err)
	require.Len(t, o.Warnings, 1)
	require.Contains(t, o.Warnings[0], "the last ring never gets it (ROL-6)")

	d.Calendar = "nobody's"
	_, err = f.CheckJob(ctx, d, f.now)
	require.ErrorAs(t, err, new(*job.Invalid))
}
