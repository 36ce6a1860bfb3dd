package platformtest

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
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
		{"DeployUpgrades_JOB1", deployUpgrades},
		{"DeployTwiceIsHarmless_JOB17", deployTwice},
		{"DeployFailsOnePatchAlone_JOB2", deployFailsOne},
		{"DeployNeverInstallsFirstOrLower_CAT3", deployNeverDowngrades},
		{"DeployRefusesWhatIsNoInstaller", deployRefusesGarbage},
		{"DeployReadsTheDescriptor_INT6", deployReadsDescriptor},
		{"DeployStoppedBeforeItBeganChangesNothing", deployStopped},
		{"ActReturnsTheExitCode_JOB13", actExitCodes},
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
	again, err := catalog.NewInventory(first.Platform, first.Installed)
	require.NoError(t, err)
	require.Equal(t, again, first, "want it sorted by product, each once")
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
	require.NotEmpty(t, first.Boot)
	require.Contains(t, reboot.AllSessions(), first.Sessions, "what cannot be found out is Unknown, never zero")
	second, err := s.Platform.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, first.Boot, second.Boot)
}

// refusals runs Preflight and returns the refusals by index.
func refusals(t *testing.T, s Subject, patches ...runner.Staged) map[int]string {
	t.Helper()
	findings, err := s.Platform.Preflight(t.Context(), patches)
	require.NoError(t, err)
	asked := map[int]bool{}
	for _, p := range patches {
		asked[p.Index] = true
	}
	refused := map[int]string{}
	seen := map[int]bool{}
	for _, f := range findings {
		require.True(t, asked[f.Index], "a finding for index %d, which was not asked about", f.Index)
		require.False(t, seen[f.Index], "two findings for index %d", f.Index)
		seen[f.Index] = true
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
	findings, err := s.Platform.Preflight(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, findings)
}

func preflightRefuses(t *testing.T, s Subject) {
	refused := refusals(t, s, s.Good.open(t, 0), s.Absent.open(t, 1), s.Older.open(t, 2), s.Other.open(t, 5))
	require.Len(t, refused, 2, "want the absent and the older one refused, and nothing else: %v", refused)
	require.NotEmpty(t, refused[1])
	require.NotEmpty(t, refused[2])
}

func preflightTellsVersion(t *testing.T, s Subject) {
	findings, err := s.Platform.Preflight(t.Context(), []runner.Staged{s.Good.open(t, 0)})
	require.NoError(t, err)
	for _, f := range findings {
		if !f.Version.IsZero() {
			require.Equal(t, s.Good.Order.Version, f.Version)
		}
	}
}

// deploy runs Deploy and returns the outcomes by index, exactly one a patch.
func deploy(t *testing.T, s Subject, patches ...runner.Staged) map[int]execution.Outcome {
	t.Helper()
	outcomes, err := s.Platform.Deploy(t.Context(), patches)
	require.NoError(t, err)
	require.Len(t, outcomes, len(patches), "want one outcome a patch")
	by := map[int]execution.Outcome{}
	for _, o := range outcomes {
		by[o.Index] = o
	}
	for _, p := range patches {
		o, ok := by[p.Index]
		require.True(t, ok, "no outcome for index %d", p.Index)
		if o.Code != 0 {
			require.NotEmpty(t, o.Text, "a failure without a word")
		}
	}
	return by
}

func deployUpgrades(t *testing.T, s Subject) {
	by := deploy(t, s, s.Good.open(t, 4), s.Other.open(t, 2))
	require.Zero(t, by[4].Code, by[4].Text)
	require.Zero(t, by[2].Code, by[2].Text)
	require.Equal(t, s.Good.Order.Version, installed(t, s, s.Good))
	require.Equal(t, s.Other.Order.Version, installed(t, s, s.Other))
}

func deployTwice(t *testing.T, s Subject) {
	require.Zero(t, deploy(t, s, s.Good.open(t, 0))[0].Code)
	before := inventory(t, s).Digest()
	o := deploy(t, s, s.Good.open(t, 0))[0]
	require.Zero(t, o.Code, o.Text)
	require.Equal(t, before, inventory(t, s).Digest())
}

func deployFailsOne(t *testing.T, s Subject) {
	by := deploy(t, s, s.Broken.open(t, 0), s.Good.open(t, 1))
	require.NotZero(t, by[0].Code)
	require.Zero(t, by[1].Code, by[1].Text)
	require.Equal(t, s.Good.Order.Version, installed(t, s, s.Good))
}

func deployNeverDowngrades(t *testing.T, s Subject) {
	before := inventory(t, s).Digest()
	by := deploy(t, s, s.Older.open(t, 0), s.Absent.open(t, 1))
	require.NotZero(t, by[0].Code)
	require.NotZero(t, by[1].Code)
	require.Equal(t, before, inventory(t, s).Digest())
}

func deployRefusesGarbage(t *testing.T, s Subject) {
	before := inventory(t, s).Digest()
	require.NotZero(t, deploy(t, s, s.NotAFile.open(t, 0))[0].Code)
	require.Equal(t, before, inventory(t, s).Digest())
}

// deployReadsDescriptor puts other files in place of the verified ones after they were opened.
func deployReadsDescriptor(t *testing.T, s Subject) {
	staged := s.Good.open(t, 0)
	for _, name := range s.Good.Files {
		if err := os.Rename(name, name+".moved"); err != nil {
			t.Logf("this system itself keeps an open file in its place: %v", err)
			continue
		}
		require.NoError(t, os.WriteFile(name, []byte("put here by somebody else"), 0o600))
	}
	require.Empty(t, refusals(t, s, staged))
	o := deploy(t, s, staged)[0]
	require.Zero(t, o.Code, o.Text)
	require.Equal(t, s.Good.Order.Version, installed(t, s, s.Good))
}

func deployStopped(t *testing.T, s Subject) {
	before := inventory(t, s).Digest()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Platform.Deploy(ctx, []runner.Staged{s.Good.open(t, 0)})
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, before, inventory(t, s).Digest())
}

func actExitCodes(t *testing.T, s Subject) {
	for _, want := range []int{0, 1, 10, 11, 12, 101} {
		got, err := s.Platform.Act(t.Context(), s.Exit(want))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := s.Platform.Act(t.Context(), s.Missing)
	require.Error(t, err)
}

func promptReturns(t *testing.T, s Subject) {
	answers := make(chan bool, 8)
	for _, p := range []reboot.Effect{reboot.ShowPrompt{Remaining: 2, Wait: time.Minute}, reboot.ShowCountdown{Left: time.Minute}, reboot.ClearPrompt{}} {
		require.NoError(t, s.Platform.Prompt(t.Context(), p, func(later bool) { answers <- later }))
	}
	require.LessOrEqual(t, len(answers), 1, "more than one answer to one prompt")
}

func rebootRefused(t *testing.T, s Subject) {
	before, err := s.Platform.Status(t.Context())
	require.NoError(t, err)
	require.True(t, errors.Is(s.Platform.Reboot(t.Context()), runner.ErrRebootNotAllowed))
	after, err := s.Platform.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, before.Boot, after.Boot)
}
