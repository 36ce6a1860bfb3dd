package fleet

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"reflect"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// rough is a world with much trouble.
func rough(agents int) Config {
	return Config{Agents: agents, Days: 7, Offline: 200, Failing: 100, Seed: 3}
}

// lived returns a shard at the end of its world.
func lived(t *testing.T, c Config) *shard {
	t.Helper()
	c = c.WithDefaults()
	s := newShard(newScene(), c, 0, c.Agents)
	require.NoError(t, s.live())
	return s
}

// requireSame compares the histories and final states of two shards.
func requireSame(t *testing.T, a, b *shard) {
	t.Helper()
	for i := range a.assets {
		x, y := &a.assets[i], &b.assets[i]
		if x.history != y.history || !reflect.DeepEqual(x.state, y.state) || x.watch != y.watch {
			t.Fatalf("asset %s differs:\n%s%s", x.config.Asset, cmp.Diff(x.state, y.state), cmp.Diff(x.watch, y.watch, cmp.AllowUnexported(observer{})))
		}
	}
	require.Equal(t, a.tally.answers, b.tally.answers)
	require.Equal(t, a.tally.truths, b.tally.truths)
	require.Equal(t, a.tally.later, b.tally.later)
	require.Equal(t, a.tally.moves, b.tally.moves)
	require.Equal(t, a.tally.connected, b.tally.connected)
	require.Equal(t, a.tally.Steps, b.tally.Steps)
	require.Equal(t, a.tally.CheckIns, b.tally.CheckIns)
}

// A world with skipped check-ins equals one in which each is carried out, down
// to each record of the controller.
func TestBatching(t *testing.T) {
	agents := 30
	if testing.Short() {
		agents = 10
	}
	c := rough(agents)
	c.server = newFull(t)
	passed := lived(t, c)
	c.everyCall = true
	each := lived(t, c)
	requireSame(t, passed, each)
	require.Zero(t, each.tally.Idle)
	require.Greater(t, passed.tally.Idle, passed.tally.CheckIns*9/10)
	if diff := cmp.Diff(records(t, each), records(t, passed)); diff != "" {
		t.Fatalf("the controller's records differ:\n%s", diff)
	}
}

// tables are those of the controller's keys.go.
var tables = []controller.Table{
	"meta", "snapshot", "assets", "seen", "heard", "reports", "revisions", "inventories", "inventory", "images", "tokens", "jobs", "runs", "due", "work", "orders",
	"contents", "sets", "outcomes", "live", "queue", "gone", "runpatches", "bodies", "failures", "failed", "tallies", "counters", "cancels", "followers", "shares", "chained",
	"unreachable", "reboots",
}

func records(t *testing.T, s *shard) map[string]string {
	t.Helper()
	all, server := map[string]string{}, s.server.(*full)
	_, err := server.c.Asset(t.Context(), s.assets[0].config.Asset, since(s.now)) // it writes the last calls, which wait to be written together
	require.NoError(t, err)
	require.NoError(t, server.store.View(t.Context(), func(r controller.Reader) error {
		for _, table := range tables {
			list, err := r.Scan(table, "", "", controller.MaxScan)
			if err != nil {
				return err
			}
			for _, rec := range list {
				all[string(table)+" "+rec.Key] = string(rec.Value)
			}
		}
		return nil
	}))
	require.Greater(t, len(all), 5*len(s.assets))
	return all
}

// The lean server and the controller hand out the same manifests except for the
// signature, and take the same reports.
func TestServers(t *testing.T) {
	for seed, change := range []func(*Config){
		func(*Config) {},
		func(c *Config) { c.Cancel = -1 },
		func(c *Config) { c.Cancel = 10 * day / 24 },
		func(c *Config) { c.Offline = 900; c.Days = 9 },
		func(c *Config) { c.everyCall = true; c.Agents = 20 },
	} {
		t.Run(strconv.Itoa(seed), func(t *testing.T) {
			if testing.Short() && seed%3 > 0 {
				t.Skip("SKIPPED ALOUD: a week with the real server takes a while; run without -short")
			}
			c := rough(100)
			c.Seed = uint64(seed)
			change(&c)
			lean := lived(t, c)
			c.server = newFull(t)
			requireSame(t, lean, lived(t, c))
		})
	}
}

func TestSealing(t *testing.T) {
	c := rough(40)
	quick := lived(t, c)
	private := ed25519.NewKeyFromSeed(cheap)
	c.keys = &keys{manifest.NewSigner(private), manifest.NewVerifier(private.Public().(ed25519.PublicKey))}
	requireSame(t, quick, lived(t, c))
}

func run(t *testing.T, c Config) Result {
	t.Helper()
	r, err := Run(t.Context(), c)
	require.NoError(t, err)
	return r
}

// The numbers of shards and workers change nothing.
func TestShards(t *testing.T) {
	c := rough(150)
	c.shard, c.workers = 150, 1
	want := run(t, c)
	for _, by := range [][2]int{{1, 3}, {7, 2}, {149, 8}} {
		c.shard, c.workers = by[0], by[1]
		require.Equal(t, want, run(t, c), "%v", by)
	}
	c.Seed++
	require.NotEqual(t, want.History, run(t, c).History)
}

// golden is the history of a small world on every processor.
const golden = "a9465de28e20c32cfc05332996c0a89be3ed58030024e229608be259263feadb"

func TestSameHistoryEverywhere(t *testing.T) {
	require.Equal(t, golden, run(t, Config{Agents: 300, Seed: 11}).History)
}

// One more asset changes no other.
func TestAssetsAreIndependent(t *testing.T) {
	few, more := lived(t, rough(40)), lived(t, rough(50))
	for i := range few.assets {
		require.Equal(t, few.assets[i].history, more.assets[i].history)
	}
}

// The numbers of a result add up.
func TestResult(t *testing.T) {
	r := run(t, Config{Agents: 1500, Seed: 5})
	ended := r.Open
	for _, c := range r.Results {
		ended += c.Assets
	}
	require.Equal(t, r.Agents, ended)
	c := r.Cancel
	require.Equal(t, r.Agents, c.Orders)
	require.Equal(t, c.Orders, c.Cancelled+c.TooLate+c.Ended+c.Unknown, "JOB-3")
	for what, n := range map[string]int{"at once": c.AtOnce, "pending": c.Pending, "cancelled": c.Cancelled, "too late": c.TooLate, "ended": c.Ended} {
		require.Greater(t, n, 10, what)
	}
	reached := c.Later
	for _, b := range c.Reached {
		reached += b.Assets
	}
	require.LessOrEqual(t, reached, c.Pending)
	require.GreaterOrEqual(t, reached, c.Pending-c.Unknown)
	require.LessOrEqual(t, c.Longest, c.Bound, "MAN-3")
	require.LessOrEqual(t, c.Median, c.P99)
	require.LessOrEqual(t, c.P99, c.Longest)
	for _, at := range r.Rollout {
		sum := 0
		for _, n := range at.Stages {
			require.GreaterOrEqual(t, n, 0)
			sum += n
		}
		require.Equal(t, r.Agents, sum, at.At)
	}
	failed := 0
	for _, f := range r.Failures {
		if f.Code != job.CodeCancelled {
			failed += f.Installs
		}
	}
	require.Equal(t, r.FailedInstalls, failed, "RPT-1")
	require.Greater(t, failed, 5)
	putOff := 0
	for _, n := range r.Reboots.PutOff {
		putOff += n
	}
	require.Equal(t, r.Reboots.Assets, putOff)
	require.Equal(t, r.Reboots.Assets, r.Reboots.Waiting[0].Assets)
	require.Equal(t, deferralStep, r.Reboots.Waiting[1].From)
	require.Len(t, r.Reboots.Waiting, int(maxDeferralShown/deferralStep))
	require.Equal(t, RolloutStep, r.Rollout[1].At.Sub(r.Rollout[0].At))
	require.Len(t, r.Reboots.PutOff, policy.Deferrals+1, "some users put it off as often as the policy allows, none more often")
	require.Zero(t, r.Reboots.Waiting[len(r.Reboots.Waiting)-1].Assets)

	late := 0
	for _, o := range r.Exposure.Overdue {
		late += o.Assets
	}
	i := int(r.Exposure.Due.Sub(r.Began) / RolloutStep)
	require.Equal(t, r.Exposure.Due, r.Rollout[i].At)
	require.Equal(t, r.Agents-r.Rollout[i].Stages[StageDone-1], late, "the causes add up to what is overdue (DUE-5)")
	left := 0
	for _, at := range r.Rollout[Enabled/RolloutStep:] {
		left += r.Agents - at.Stages[StageDone-1]
	}
	require.Equal(t, left/int(day/RolloutStep), r.Exposure.Days)

	data, err := json.Marshal(r)
	require.NoError(t, err)
	var again Result
	require.NoError(t, json.Unmarshal(data, &again))
	require.Equal(t, r, again)
}

func TestWithoutCancelEverybodyGetsIt(t *testing.T) {
	r := run(t, Config{Agents: 500, Cancel: -1, Failing: -1, Offline: -1})
	require.Nil(t, r.Cancel)
	require.Empty(t, r.Failures)
	require.Equal(t, r.Agents, r.Rollout[len(r.Rollout)-1].Stages[StageDone-1])
}

func TestRunIsCutShort(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Run(ctx, Config{Agents: 300, shard: 10, workers: 1, Days: 1, Progress: func(done int) {
		if done >= 20 {
			cancel()
		}
	}})
	require.ErrorIs(t, err, context.Canceled)
}

func TestConfigBounds(t *testing.T) {
	for _, c := range []Config{
		{Agents: 1}, {Agents: MaxAgents}, {Agents: 1, Days: MaxDays}, {Agents: 1, Failing: 1000, Offline: 1000},
		{Agents: 1, Failing: -7, Offline: -7, Cancel: -7}, {Agents: 1, Days: 1, Cancel: day - Enabled - 1},
	} {
		require.NoError(t, c.Validate(), "%+v", c)
	}
	for _, c := range []Config{
		{}, {Agents: MaxAgents + 1}, {Agents: 1, Days: MaxDays + 1}, {Agents: 1, Days: -1}, {Agents: 1, Failing: 1001},
		{Agents: 1, Offline: 1001}, {Agents: 1, Days: 1, Cancel: day - Enabled},
	} {
		_, err := Run(t.Context(), c)
		var bad *problem.Invalid
		require.ErrorAs(t, err, &bad, "%+v", c)
		require.Len(t, bad.Problems, 1)
	}
	var bad *problem.Invalid
	require.ErrorAs(t, Config{Days: -1, Failing: 2000}.Validate(), &bad)
	require.Len(t, bad.Problems, 3, "every problem is named")
}
