package job

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/enum/enumtest"
	"github.com/patchpolicy/patchpolicy/job/baseline"
	"github.com/patchpolicy/patchpolicy/job/deadline"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/reboot"
)

func TestFindingNames_DUE7(t *testing.T) {
	enumtest.Check(t, map[FindingKind]string{WorstCase: "worst case", LongFreeze: "long freeze", LongDelay: "long delay", NotOffered: "not offered",
		ClosedStart: "closed start", NoMoreRuns: "no more runs", NeverReboot: "never reboots", GateStuck: "stuck gate", LongRollout: "long rollout", SlotWait: "slot wait"}, findingKinds.All(), findingKinds.Parse)
}

// history plays what happens to a fix that is published at an instant, run by
// run with the code that makes real orders. The sync that brings the fix comes
// right after whatever else happens then. Each install ends as late as it may,
// and nobody answers a prompt. It returns when the reboot is asked for.
func history(t *testing.T, d Definition, p Policies, published time.Time) (asked, due time.Time) {
	fix := fixOf(t, "a", "CVE-2026-0001", catalog.Critical, published)
	batch := catalog.Batch{Feed: "test", At: published, Products: []catalog.Product{productOf("a")}, Patches: []catalog.Patch{fix}, AllExploited: true,
		Vulnerabilities: []catalog.Vulnerability{{ID: "CVE-2026-0001", Exploited: catalog.No, Automatable: catalog.Yes, TotalImpact: catalog.Yes, Severity: catalog.Critical}}}
	snap, changes := catalog.Sync(nil, []catalog.Batch{batch}, published)
	require.Empty(t, changes.Rejected)
	zone := p.Zone
	if zone == nil {
		zone = time.UTC
	}
	for from := published.Add(p.Lead); ; {
		o, ok := d.Schedule.NextIn(p.Now, from, zone)
		require.True(t, ok)
		from = o.Start
		made := o.Start.Add(-p.Lead)
		batch.At = made
		again, _ := catalog.Sync(snap, []catalog.Batch{batch}, made) // so that its facts are not stale
		plan := d.Plan(PlanInput{Snapshot: again, Asset: "web-1", Inventory: inventoryOf(t, map[string]string{"a": "1.0.0"}), Occurrence: o, Now: made,
			Calendar: p.Calendar, RebootHours: p.RebootHours, Baseline: p.Baseline, Deadlines: p.Tables, Facts: deadline.Asset{Exposed: catalog.Yes}})
		if len(plan.Order.Patches) == 0 {
			continue
		}
		end := plan.Order.Start
		if late := made.Add(p.CheckIn); late.After(end) {
			end = late
		}
		if plan.Order.End.After(end) {
			end = plan.Order.End
		}
		policy := plan.Order.Reboot
		policy.Deadline = plan.Order.Patches[0].Due
		s, out := reboot.Step(policy, reboot.State{}, reboot.Due{BootID: "A", Sessions: reboot.Active}, schedule.At{UTC: end, Steady: 1})
		asked := end
		for s.Phase != reboot.Asked {
			asked = asked.Add(out.Wake)
			s, out = reboot.Step(policy, s, reboot.Tick{}, schedule.At{UTC: asked, Steady: schedule.Steady(1).Add(asked.Sub(end))})
		}
		return asked, plan.Order.Patches[0].Due
	}
}

// The worst case of ten policies is what a history takes exactly, and no other
// history is later against its due date.
func TestWorstCases_DUE7_CAL3(t *testing.T) {
	days := func(n int) []deadline.Table {
		return []deadline.Table{{Name: "ours", Anchor: deadline.FromPublished, Rows: []deadline.Row{{Days: n}}}}
	}
	daily := schedule.Schedule{Kind: schedule.Daily, Time: schedule.Clock(2, 0), Zone: "UTC"}
	weekly := schedule.Schedule{Kind: schedule.Weekly, Time: schedule.Clock(22, 0), Zone: "UTC", Weekdays: schedule.WeekdaysOf(schedule.Saturday)}
	second := schedule.Schedule{Kind: schedule.PatchTuesday, Time: schedule.Clock(22, 0), Zone: "UTC", Offset: 4}
	berlin := schedule.Schedule{Kind: schedule.Daily, Time: schedule.Clock(2, 30), Zone: "Europe/Berlin"}
	nights := nightly()
	nights.Closed = nil
	frozen := nightly()
	frozen.Closed[0].From = epoch.AddDate(0, 0, 10).Add(6 * time.Hour)
	frozen.Closed[0].Until = frozen.Closed[0].From.AddDate(0, 0, 14)
	none := reboot.Policy{Countdown: -1}
	asks := reboot.Policy{Deferrals: 3, Interval: 4 * time.Hour}
	week := baseline.Baseline{Name: "week", Rules: []baseline.Rule{{Delay: 7}}, NoBypass: true}
	short := baseline.Baseline{Name: "short", Rules: []baseline.Rule{{When: baseline.Condition{Vendors: []string{"other"}}, Delay: 20}, {Delay: 9}}}
	long := baseline.Baseline{Name: "long", Rules: []baseline.Rule{{Delay: 20}}}
	lead := 3 * time.Hour
	for _, c := range []struct {
		name   string
		d      Definition
		p      Policies
		hours  int
		missed bool
	}{
		{"every night", Definition{Schedule: daily, Window: 4 * time.Hour, Reboot: none}, Policies{Tables: days(3)}, 31, false}, // 24 + 3 + 4
		{"every week, 3 deferrals", Definition{Schedule: weekly, Window: 8 * time.Hour, Reboot: asks}, Policies{Tables: days(14)}, 192, false},
		{"every week under 3 days", Definition{Schedule: weekly, Window: 8 * time.Hour, Reboot: asks}, Policies{Tables: days(3)}, 180, true}, // the countdown alone
		{"after Patch Tuesday under 14 days", Definition{Schedule: second, Window: 8 * time.Hour, Reboot: none}, Policies{Tables: days(14)}, 851, true},
		{"nights", Definition{Schedule: daily, Window: 24 * time.Hour, Reboot: asks}, Policies{Tables: days(3), Calendar: nights}, 73, false},
		{"a week's delay", Definition{Schedule: daily, Window: 4 * time.Hour, Reboot: none}, Policies{Tables: days(14), Baseline: &week}, 199, false},
		{"a delay that the deadline bypasses", Definition{Schedule: daily, Window: 4 * time.Hour, Reboot: none}, Policies{Tables: days(14), Baseline: &long}, 31, false},
		{"reboots at night", Definition{Schedule: daily, Window: 10 * time.Hour, Reboot: asks}, Policies{Tables: days(14), RebootHours: nights}, 76, false},
		{"a freeze of 14 days", Definition{Schedule: daily, Window: 8 * time.Hour, Reboot: none}, Policies{Tables: days(14), Calendar: frozen}, 373, true},
		{"Berlin, no window, agents that call once a day", Definition{Schedule: berlin, Reboot: none}, Policies{Tables: days(3), CheckIn: 24 * time.Hour}, 48, false},
		{"a delay of 9 days, for others 20", Definition{Schedule: daily, Window: 4 * time.Hour, Reboot: none}, Policies{Tables: days(14), Baseline: &short}, 247, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.d.ID, c.d.Platform, c.d.Patches = "j", catalog.Linux, Patches{Query: &Query{}}
			c.p.Lead, c.p.Now = lead, epoch
			c.p.Zone = zone(t, c.d.Schedule.Zone)
			var worst *Finding
			for _, f := range c.d.Check(c.p) {
				if f.Kind == WorstCase {
					require.Nil(t, worst)
					worst = &f
				}
			}
			require.NotNil(t, worst)
			asked, due := history(t, c.d, c.p, worst.Worst.Published)
			t.Logf("%s", worst.Text)
			require.Equal(t, worst.Worst.Due, due)
			require.Equal(t, worst.Worst.Published.Add(worst.Worst.Total()), asked, "a history that takes exactly that long")
			require.Equal(t, c.hours, hours(worst.Worst.Total()))
			require.Equal(t, c.missed, worst.Missed)
			require.Equal(t, c.missed, asked.After(due))
			rng := rand.New(rand.NewPCG(1, 2))
			for range 60 {
				published := epoch.Add(time.Duration(rng.IntN(60*24*60)) * time.Minute)
				asked, due := history(t, c.d, c.p, published)
				require.GreaterOrEqual(t, due.Sub(asked), slack(worst.Worst), "published %v", published)
			}
		})
	}
}

func TestCheckFinds_CAL1_CAL3_DUE7_APR1(t *testing.T) {
	table := deadline.BOD2604()
	kinds := func(d Definition, p Policies) map[FindingKind]int {
		p.Now, p.Lead = epoch, 3*time.Hour
		found := map[FindingKind]int{}
		for _, f := range d.Check(p) {
			found[f.Kind]++
			require.NotEmpty(t, f.Text)
		}
		return found
	}
	daily := schedule.Schedule{Kind: schedule.Daily, Time: schedule.Clock(2, 0), Zone: "UTC"}
	closed := nightly()
	closed.Closed[0].From = epoch.Add(-time.Hour)
	closed.Closed[0].Until = epoch.AddDate(0, 0, 14)
	b := baseline.Baseline{Name: "b", Rules: []baseline.Rule{{When: baseline.Condition{Classes: []catalog.Class{catalog.Security}}, Delay: 14}}, NoBypass: true}
	require.Equal(t, map[FindingKind]int{WorstCase: 9}, kinds(Definition{Schedule: daily, Window: time.Hour}, Policies{Tables: []deadline.Table{table}}))
	require.Equal(t, map[FindingKind]int{WorstCase: 9, LongFreeze: 7, LongDelay: 7, NotOffered: 9, ClosedStart: 1, NeverReboot: 1},
		kinds(Definition{Schedule: daily, Reboot: reboot.Policy{Suppress: true}}, Policies{Tables: []deadline.Table{table}, Calendar: closed, Baseline: &b}))
	require.Equal(t, map[FindingKind]int{NoMoreRuns: 1}, kinds(Definition{Schedule: schedule.Schedule{Kind: schedule.OnDemand}}, Policies{Tables: []deadline.Table{table}}))
	demand := Definition{Schedule: schedule.Schedule{Kind: schedule.OnDemand}}
	require.Equal(t, map[FindingKind]int{NoMoreRuns: 1, ClosedStart: 1}, kinds(demand, Policies{Calendar: closed}), "a start now is in a closed time")
	require.Contains(t, demand.Check(Policies{Now: epoch})[0].Text, "only when somebody starts it")
	demand.After = &After{Job: "first"}
	require.Contains(t, demand.Check(Policies{Now: epoch})[0].Text, "after job first")
	for i := range table.Rows {
		table.Rows[i].Overrides = true
	}
	require.Zero(t, kinds(Definition{Schedule: daily}, Policies{Tables: []deadline.Table{table}, Calendar: closed})[LongFreeze], "its rows override closed periods")
}
