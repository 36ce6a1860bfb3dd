package platformtest

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/runner"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// Run holds a platform to what runner.Platform promises. Make gives each test a fresh subject whose settings do not allow a reboot.
func Run(t *testing.T, make func(t *testing.T) Subject) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Subject)
	}{
		{"InventoryIsSortedAndStable", inventoryIsStable},
		{"StatusTellsBootAndSessions_RBT9", statusTells},
		{"PreflightPassesAndChangesNothing", preflightChangesNothing},
		{"PreflightRefusesWhatIsNoUpgrade_CAT3", preflightRefuses},
		{"PreflightTellsTheRealVersion_CAT7", preflightTellsVersion},
		{"InstallUpgrades_JOB1", installUpgrades},
		{"InstallTwiceIsHarmless_JOB17", installTwice},
		{"InstallFailsOnePatchAlone_JOB2", installFailsOne},
		{"InstallNeverInstallsFirstOrLower_CAT3", installNeverDowngrades},
		{"InstallRefusesWhatIsNoInstaller", installRefusesGarbage},
		{"InstallReadsTheDescriptor_INT6", installReadsDescriptor},
		{"InstallStoppedBeforeItBeganChangesNothing", installStopped},
		{"InstallEndsAtItsLimit_JOB25", installLimited},
		{"InstallWithinItsLimit_JOB25", installWithinLimit},
		{"RunActionReturnsTheExitCode_JOB13", actExitCodes},
		{"PromptReturnsAtOnce", promptReturns},
		{"RebootNeedsPermission_RBT7", rebootRefused},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, make(t)) })
	}
}

func inventory(t *testing.T, s Subject) catalog.Inventory {
	t.Helper()
	inv, err := s.Platform.Inventory(t.Context())
	require.NoError(t, err)
	return inv
}

func installed(t *testing.T, s Subject, p Patch) version.Version {
	t.Helper()
	in, ok := inventory(t, s).Find(p.Order.Product)
	require.True(t, ok, "%s is not in the inventory", p.Order.Product)
	return in.Version
}

func inventoryIsStable(t *testing.T, s Subject) {
	first, second := inventory(t, s), inventory(t, s)
	require.Equal(t, first.Digest(), second.Digest(), "nothing happened, and the inventory changed")
	require.NoError(t, first.Check())
	for _, p := range []Patch{s.Good, s.Other, s.Broken} {
		order, ok := installed(t, s, p).Compare(p.Order.Version)
		require.True(t, ok)
		require.Negative(t, order, "the subject is to have %s below %s", p.Order.Product, p.Order.Version)
	}
	_, there := first.Find(s.Absent.Order.Product)
	require.False(t, there)
}

func statusTells(t *testing.T, s Subject) {
	first, err := s.Platform.Status(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, first.BootID)
	require.Contains(t, []reboot.Sessions{reboot.Unknown, reboot.Nobody, reboot.Active, reboot.Locked}, first.Sessions,
		"what cannot be found out is Unknown, never zero")
	second, err := s.Platform.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, first.BootID, second.BootID)
}

// refusals runs Preflight and returns the refusals by index.
func refusals(t *testing.T, s Subject, patches ...runner.Staged) map[int]string {
	t.Helper()
	results, err := s.Platform.Preflight(t.Context(), patches)
	require.NoError(t, err)
	asked := map[int]bool{}
	for _, p := range patches {
		asked[p.Index] = true
	}
	refused := map[int]string{}
	for _, f := range results {
		require.True(t, asked[f.Index], "a result for index %d, which was not asked about, or a second one", f.Index)
		asked[f.Index] = false
		if f.Refused != "" {
			refused[f.Index] = f.Refused
		}
	}
	return refused
}

func preflightChangesNothing(t *testing.T, s Subject) {
	before := inventory(t, s).Digest()
	for range 2 {
		require.Empty(t, refusals(t, s, s.Good.open(t, 3), s.Other.open(t, 7), s.Broken.open(t, 8)))
	}
	require.Equal(t, before, inventory(t, s).Digest())
	results, err := s.Platform.Preflight(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, results)
}

func preflightRefuses(t *testing.T, s Subject) {
	refused := refusals(t, s, s.Good.open(t, 0), s.Absent.open(t, 1), s.Older.open(t, 2), s.Other.open(t, 5))
	require.Len(t, refused, 2, "want the absent and the older one refused, and nothing else: %v", refused)
	require.NotEmpty(t, refused[1])
	require.NotEmpty(t, refused[2])
}

func preflightTellsVersion(t *testing.T, s Subject) {
	results, err := s.Platform.Preflight(t.Context(), []runner.Staged{s.Good.open(t, 0)})
	require.NoError(t, err)
	for _, f := range results {
		if !f.Version.IsZero() {
			require.Equal(t, s.Good.Order.Version, f.Version)
		}
	}
}

// install runs Install and returns the results by index, exactly one per patch.
func install(t *testing.T, s Subject, patches ...runner.Staged) map[int]execution.InstallResult {
	t.Helper()
	results, err := s.Platform.Install(t.Context(), patches, 0)
	require.NoError(t, err)
	require.Len(t, results, len(patches), "want one result per patch")
	by := map[int]execution.InstallResult{}
	for _, o := range results {
		by[o.Index] = o
	}
	for _, p := range patches {
		o, ok := by[p.Index]
		require.True(t, ok, "no result for index %d", p.Index)
		if o.Code != 0 {
			require.NotEmpty(t, o.Text, "a failure without a text")
		}
	}
	return by
}

func installUpgrades(t *testing.T, s Subject) {
	by := install(t, s, s.Good.open(t, 4), s.Other.open(t, 2))
	require.Zero(t, by[4].Code, by[4].Text)
	require.Zero(t, by[2].Code, by[2].Text)
	require.Equal(t, s.Good.Order.Version, installed(t, s, s.Good))
	require.Equal(t, s.Other.Order.Version, installed(t, s, s.Other))
}

func installTwice(t *testing.T, s Subject) {
	require.Zero(t, install(t, s, s.Good.open(t, 0))[0].Code)
	before := inventory(t, s).Digest()
	o := install(t, s, s.Good.open(t, 0))[0]
	require.Zero(t, o.Code, o.Text)
	require.Equal(t, before, inventory(t, s).Digest())
}

func installFailsOne(t *testing.T, s Subject) {
	by := install(t, s, s.Broken.open(t, 0), s.Good.open(t, 1))
	require.NotZero(t, by[0].Code)
	require.Zero(t, by[1].Code, by[1].Text)
	require.Equal(t, s.Good.Order.Version, installed(t, s, s.Good))
}

func installNeverDowngrades(t *testing.T, s Subject) {
	before := inventory(t, s).Digest()
	by := install(t, s, s.Older.open(t, 0), s.Absent.open(t, 1))
	require.NotZero(t, by[0].Code)
	require.NotZero(t, by[1].Code)
	require.Equal(t, before, inventory(t, s).Digest())
}

func installRefusesGarbage(t *testing.T, s Subject) {
	before := inventory(t, s).Digest()
	require.NotZero(t, install(t, s, s.NotAFile.open(t, 0))[0].Code)
	require.Equal(t, before, inventory(t, s).Digest())
}

// installReadsDescriptor puts other files in place of the verified ones after they were opened.
func installReadsDescriptor(t *testing.T, s Subject) {
	staged := s.Good.open(t, 0)
	for _, name := range s.Good.Files {
		if err := os.Rename(name, name+".moved"); err != nil {
			t.Logf("this system itself keeps an open file in its place: %v", err)
			continue
		}
		require.NoError(t, os.WriteFile(name, []byte("put here by somebody else"), 0o600))
	}
	require.Empty(t, refusals(t, s, staged))
	o := install(t, s, staged)[0]
	require.Zero(t, o.Code, o.Text)
	require.Equal(t, s.Good.Order.Version, installed(t, s, s.Good))
}

func installStopped(t *testing.T, s Subject) {
	before := inventory(t, s).Digest()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Platform.Install(ctx, []runner.Staged{s.Good.open(t, 0)}, 0)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, before, inventory(t, s).Digest())
}

// installLimited wants an installer that runs into its limit to be ended, and the asset to be usable afterwards.
func installLimited(t *testing.T, s Subject) {
	began := time.Now()
	results, err := s.Platform.Install(t.Context(), []runner.Staged{s.Hangs.open(t, 3)}, 10*time.Second) // so that it has begun to hang on a busy machine too
	require.NoError(t, err)
	require.Less(t, time.Since(began), 5*time.Minute, "it was not ended")
	require.Len(t, results, 1)
	require.Equal(t, 3, results[0].Index)
	require.Equal(t, job.DeployerProcessCrashed, results[0].Code, results[0].Text)
	require.NotEmpty(t, results[0].Text)
	o := install(t, s, s.Good.open(t, 0))[0]
	require.Zero(t, o.Code, o.Text)
}

func installWithinLimit(t *testing.T, s Subject) {
	results, err := s.Platform.Install(t.Context(), []runner.Staged{s.Good.open(t, 0), s.Broken.open(t, 1)}, time.Hour)
	require.NoError(t, err)
	require.Len(t, results, 2)
	for _, r := range results {
		require.NotEqual(t, job.DeployerProcessCrashed, r.Code, "it did not run into its limit: %s", r.Text)
		require.Equal(t, r.Index == 0, r.Code == 0, r.Text)
	}
}

func actExitCodes(t *testing.T, s Subject) {
	for _, want := range []int{0, 1, 10, 11, 12, 101} {
		got, output, err := s.Platform.RunAction(t.Context(), s.Exit(want))
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.Contains(t, output, fmt.Sprint("exit ", want), "what it wrote")
	}
	_, _, err := s.Platform.RunAction(t.Context(), s.Missing)
	require.Error(t, err)
}

func promptReturns(t *testing.T, s Subject) {
	answers := make(chan bool, 8)
	last := time.Now().Add(time.Hour)
	for _, p := range []execution.Prompt{
		{Kind: reboot.ShowPrompt{Remaining: 2, Wait: time.Minute}, Job: "patchday", For: []string{"curl"}, More: 1, Last: last},
		{Kind: reboot.ShowCountdown{Left: time.Minute}, Job: "patchday", For: []string{"curl"}, Last: last},
		{Kind: reboot.ClearPrompt{}},
	} {
		require.NoError(t, s.Platform.Prompt(t.Context(), p, func(later bool) { answers <- later }))
	}
	require.LessOrEqual(t, len(answers), 1, "more than one answer to one prompt")
}

func rebootRefused(t *testing.T, s Subject) {
	before, err := s.Platform.Status(t.Context())
	require.NoError(t, err)
	require.ErrorIs(t, s.Platform.Reboot(t.Context()), runner.ErrRebootNotAllowed)
	after, err := s.Platform.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, before.BootID, after.BootID)
}
