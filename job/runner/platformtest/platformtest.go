// Package platformtest is the conformance suite of [runner.Platform]. Every
// implementation must pass it.
//
//	func TestPlatform(t *testing.T) {
//		platformtest.Run(t, func(t *testing.T) platformtest.Subject { … })
//	}
//
// Each assertion about the platform is a sentence of the documentation of
// [runner.Platform], and prints it when it fails.
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

// Run checks that a platform does what the documentation of [runner.Platform]
// says. Make returns a fresh subject for each test; its settings forbid a
// reboot.
func Run(t *testing.T, make func(t *testing.T) Subject) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Subject)
	}{
		{"InventoryIsSortedAndStable", inventoryIsStable},
		{"StatusReportsBootAndSessions_RBT9", statusReports},
		{"PreflightPassesAndChangesNothing", preflightChangesNothing},
		{"PreflightRefusesOtherThanUpgrades_CAT3", preflightRefuses},
		{"PreflightReportsTheRealVersion_CAT7", preflightReportsVersion},
		{"InstallUpgrades_JOB1", installUpgrades},
		{"InstallTwiceIsHarmless_JOB17", installTwice},
		{"InstallFailsOnePatchAlone_JOB2", installFailsOne},
		{"InstallNeverInstallsFirstOrLower_CAT3", installNeverDowngrades},
		{"InstallRefusesOtherFiles", installRefusesGarbage},
		{"InstallReadsTheDescriptor_INT6", installReadsDescriptor},
		{"InstallStoppedInTimeChangesNothing", installStopped},
		{"InstallEndsAtItsLimit_JOB25", installLimited},
		{"InstallWithinItsLimit_JOB25", installWithinLimit},
		{"RunActionReturnsTheExitCode_JOB13", actionReturnsExitCode},
		{"PromptReturnsAtOnce", promptReturns},
		{"RebootNeedsPermission_RBT7", rebootRefused},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, make(t)) })
	}
}

// Sentences of the documentation that several tests check.
const (
	validInventory    = "The inventory is valid."
	lists             = "Inventory lists what is installed."
	statusReportsBoot = "Status reports the boot and who is logged in."
	preflightReports  = "Preflight reports which patches would not install."
	notRefused        = "A patch that would install is not refused."
	oneResult         = "It returns exactly one result per patch."
	codeHasText       = "A result with a code has a text."
	atItsVersion      = "A patch without a code is installed at its version."
	upgradesOnly      = "Nothing is installed for the first time or downgraded (CAT-3)."
	failsAlone        = "A patch that fails does not fail the others (JOB-2)."
	throughDescriptor = "reads the files through their descriptors, never by name (INT-6)."
	noReboot          = "Settings that forbid a reboot give [ErrRebootNotAllowed], and the asset is not rebooted (RBT-7)."
)

func inventory(t *testing.T, s Subject) catalog.Inventory {
	t.Helper()
	inv, err := s.Platform.Inventory(t.Context())
	require.NoError(t, err, lists)
	return inv
}

func installed(t *testing.T, s Subject, p Patch) version.Version {
	t.Helper()
	in, ok := inventory(t, s).Find(p.Order.Product)
	require.True(t, ok, "%s %s is missing", lists, p.Order.Product)
	return in.Version
}

func inventoryIsStable(t *testing.T, s Subject) {
	first, second := inventory(t, s), inventory(t, s)
	require.Equal(t, first.Digest(), second.Digest(), "It stays the same until something on the asset changes.")
	require.NoError(t, first.Check(), validInventory)
	for _, p := range []Patch{s.Good, s.Other, s.Broken} {
		order, ok := installed(t, s, p).Compare(p.Order.Version)
		require.True(t, ok, "the subject needs an installed version of %s that can be compared with %s", p.Order.Product, p.Order.Version)
		require.Negative(t, order, "the subject needs %s installed below %s", p.Order.Product, p.Order.Version)
	}
	_, there := first.Find(s.Absent.Order.Product)
	require.False(t, there, "the subject must not have %s installed", s.Absent.Order.Product)
}

func status(t *testing.T, s Subject) runner.Status {
	t.Helper()
	now, err := s.Platform.Status(t.Context())
	require.NoError(t, err, statusReportsBoot)
	return now
}

func statusReports(t *testing.T, s Subject) {
	first := status(t, s)
	const sameBoot = "BootID is never empty and stays the same until the next boot."
	require.NotEmpty(t, first.BootID, sameBoot)
	require.Contains(t, []reboot.Sessions{reboot.Unknown, reboot.Nobody, reboot.Active, reboot.Locked}, first.Sessions,
		"Sessions is never zero: sessions that cannot be found out are Unknown (RBT-9).")
	require.Equal(t, first.BootID, status(t, s).BootID, sameBoot)
}

// refusals runs Preflight and returns the refusals by index.
func refusals(t *testing.T, s Subject, patches ...runner.Staged) map[int]string {
	t.Helper()
	results, err := s.Platform.Preflight(t.Context(), patches)
	require.NoError(t, err, preflightReports)
	open := map[int]bool{}
	for _, p := range patches {
		open[p.Index] = true
	}
	refused := map[int]string{}
	for _, r := range results {
		require.True(t, open[r.Index], "It returns at most one result per patch, and none for other indexes. Index: %d", r.Index)
		open[r.Index] = false
		if r.Refused != "" {
			refused[r.Index] = r.Refused
		}
	}
	return refused
}

func preflightChangesNothing(t *testing.T, s Subject) {
	before := inventory(t, s).Digest()
	for range 2 {
		require.Empty(t, refusals(t, s, s.Good.open(t, 3), s.Other.open(t, 7), s.Broken.open(t, 8)), notRefused)
	}
	require.Empty(t, refusals(t, s), notRefused)
	require.Equal(t, before, inventory(t, s).Digest(), "It changes nothing.")
}

func preflightRefuses(t *testing.T, s Subject) {
	const refuses = "It refuses a patch of a product that is not installed, or of a version lower than the installed one, with a reason (CAT-3)."
	refused := refusals(t, s, s.Good.open(t, 0), s.Absent.open(t, 1), s.Older.open(t, 2), s.Other.open(t, 5))
	require.NotEmpty(t, refused[1], refuses)
	require.NotEmpty(t, refused[2], refuses)
	require.Len(t, refused, 2, "A refused patch does not refuse the others. Refused: %v", refused)
}

func preflightReportsVersion(t *testing.T, s Subject) {
	results, err := s.Platform.Preflight(t.Context(), []runner.Staged{s.Good.open(t, 0)})
	require.NoError(t, err, preflightReports)
	for _, r := range results {
		if !r.Version.IsZero() {
			require.Equal(t, s.Good.Order.Version, r.Version, "The version in a result is the version that the files contain, or zero (CAT-7).")
		}
	}
}

// install runs Install and returns the results by index.
func install(t *testing.T, s Subject, limit time.Duration, patches ...runner.Staged) map[int]execution.InstallResult {
	t.Helper()
	results, err := s.Platform.Install(t.Context(), patches, limit)
	require.NoError(t, err, oneResult)
	require.Len(t, results, len(patches), oneResult)
	by := map[int]execution.InstallResult{}
	for _, r := range results {
		by[r.Index] = r
	}
	for _, p := range patches {
		r, ok := by[p.Index]
		require.True(t, ok, "%s Index %d has none.", oneResult, p.Index)
		if r.Code != 0 {
			require.NotEmpty(t, r.Text, codeHasText)
		}
	}
	return by
}

// upgraded checks that a patch was installed.
func upgraded(t *testing.T, s Subject, r execution.InstallResult, p Patch, sentence string) {
	t.Helper()
	require.Zero(t, r.Code, "%s Code %d: %s", sentence, r.Code, r.Text)
	require.Equal(t, p.Order.Version, installed(t, s, p), atItsVersion)
}

func installUpgrades(t *testing.T, s Subject) {
	by := install(t, s, 0, s.Good.open(t, 4), s.Other.open(t, 2))
	upgraded(t, s, by[4], s.Good, notRefused)
	upgraded(t, s, by[2], s.Other, notRefused)
}

func installTwice(t *testing.T, s Subject) {
	const harmless = "A patch that is already at its version succeeds and changes nothing (JOB-17)."
	upgraded(t, s, install(t, s, 0, s.Good.open(t, 0))[0], s.Good, notRefused)
	before := inventory(t, s).Digest()
	upgraded(t, s, install(t, s, 0, s.Good.open(t, 0))[0], s.Good, harmless)
	require.Equal(t, before, inventory(t, s).Digest(), harmless)
}

func installFailsOne(t *testing.T, s Subject) {
	by := install(t, s, 0, s.Broken.open(t, 0), s.Good.open(t, 1))
	require.NotZero(t, by[0].Code, atItsVersion)
	upgraded(t, s, by[1], s.Good, failsAlone)
}

func installNeverDowngrades(t *testing.T, s Subject) {
	before := inventory(t, s).Digest()
	by := install(t, s, 0, s.Older.open(t, 0), s.Absent.open(t, 1))
	require.NotZero(t, by[0].Code, upgradesOnly)
	require.NotZero(t, by[1].Code, upgradesOnly)
	require.Equal(t, before, inventory(t, s).Digest(), upgradesOnly)
}

func installRefusesGarbage(t *testing.T, s Subject) {
	const garbage = "A file that is not an installer fails its patch and changes nothing."
	before := inventory(t, s).Digest()
	require.NotZero(t, install(t, s, 0, s.NotAFile.open(t, 0))[0].Code, garbage)
	require.Equal(t, before, inventory(t, s).Digest(), garbage)
}

// installReadsDescriptor puts other files in the place of the verified ones
// after they were opened.
func installReadsDescriptor(t *testing.T, s Subject) {
	staged := s.Good.open(t, 0)
	for _, name := range s.Good.Files {
		if err := os.Rename(name, name+".moved"); err != nil {
			t.Logf("this system does not let an open file be renamed: %v", err)
			continue
		}
		require.NoError(t, os.WriteFile(name, []byte("put here by somebody else"), 0o600), "the subject's file cannot be replaced")
	}
	require.Empty(t, refusals(t, s, staged), "Preflight "+throughDescriptor)
	upgraded(t, s, install(t, s, 0, staged)[0], s.Good, "Install "+throughDescriptor)
}

func installStopped(t *testing.T, s Subject) {
	const stopped = "If ctx ends before anything has changed, Install changes nothing and returns the error of ctx."
	before := inventory(t, s).Digest()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Platform.Install(ctx, []runner.Staged{s.Good.open(t, 0)}, 0)
	require.ErrorIs(t, err, context.Canceled, stopped)
	require.Equal(t, before, inventory(t, s).Digest(), stopped)
}

func installLimited(t *testing.T, s Subject) {
	limit := 10 * time.Second // long enough for the installer to begin to hang on a busy machine, too
	if testing.Short() {
		limit = time.Second
	}
	began := time.Now()
	by := install(t, s, limit, s.Hangs.open(t, 3))
	require.Less(t, time.Since(began), 5*time.Minute,
		"An installer that runs longer than limit is asked to end, and is killed a little later with everything it started.")
	require.Equal(t, job.DeployerProcessCrashed, by[3].Code, "A patch that is then not at its version has code DeployerProcessCrashed (JOB-25). %s", by[3].Text)
	upgraded(t, s, install(t, s, 0, s.Good.open(t, 0))[0], s.Good, "The next install works.")
}

func installWithinLimit(t *testing.T, s Subject) {
	by := install(t, s, time.Hour, s.Good.open(t, 0), s.Broken.open(t, 1))
	for _, r := range by {
		require.NotEqual(t, job.DeployerProcessCrashed, r.Code, "An install that ends within its limit never has that code. %s", r.Text)
	}
	require.NotZero(t, by[1].Code, atItsVersion)
	upgraded(t, s, by[0], s.Good, failsAlone)
}

func actionReturnsExitCode(t *testing.T, s Subject) {
	for _, want := range []int{0, 1, 10, 11, 12, 101} {
		got, output, err := s.Platform.RunAction(t.Context(), s.Exit(want))
		require.NoError(t, err, "It returns the exit code.")
		require.Equal(t, want, got, "It returns the exit code.")
		require.Contains(t, output, fmt.Sprint("exit ", want), "It returns the end of what the action wrote to both of its outputs")
	}
	_, _, err := s.Platform.RunAction(t.Context(), s.Missing)
	require.Error(t, err, "A program that cannot be run, or is cut off, is an error.")
}

func promptReturns(t *testing.T, s Subject) {
	answers := make(chan execution.PromptAnswered, 8)
	last := time.Now().Add(time.Hour)
	for _, p := range []execution.Prompt{
		{Kind: reboot.ShowPrompt{Remaining: 2, Wait: time.Minute}, Job: "patchday", For: []string{"curl"}, More: 1, Last: last},
		{Kind: reboot.ShowCountdown{Left: time.Minute}, Job: "patchday", For: []string{"curl"}, Last: last},
		{Kind: reboot.ClearPrompt{}},
	} {
		err := s.Platform.Prompt(t.Context(), p, func(answer execution.PromptAnswered) { answers <- answer })
		require.NoError(t, err, "It accepts every kind of prompt and returns at once.")
	}
	require.LessOrEqual(t, len(answers), 1, "It calls answer at most once per prompt.")
}

func rebootRefused(t *testing.T, s Subject) {
	before := status(t, s)
	require.ErrorIs(t, s.Platform.Reboot(t.Context()), runner.ErrRebootNotAllowed, noReboot)
	require.Equal(t, before.BootID, status(t, s).BootID, noReboot)
}

// Subject is a platform in a known state, with patches to try on it. Each test
// gets a fresh one and may change it.
type Subject struct {
	Platform runner.Platform

	Good     Patch // upgrades an installed product, and needs nothing
	Other    Patch // upgrades another installed product, and needs nothing
	Broken   Patch // passes Preflight, and its installer fails
	Hangs    Patch // passes Preflight, upgrades another product than Good; its installer never ends, not even when it is asked to
	Absent   Patch // of a product that is not installed (CAT-3)
	Older    Patch // of a version lower than the installed one (CAT-3)
	NotAFile Patch // ordered like Good; its file is not an installer

	// Exit makes an action that writes "exit" and its exit code, and ends with
	// that code. Missing is an action whose program does not exist.
	Exit    func(code int) job.Action
	Missing job.Action
}

// Patch is one patch and the paths of its files.
type Patch struct {
	Order job.OrderPatch
	Files []string
}

// open opens the files of a patch, as the runner does.
func (p Patch) open(t *testing.T, index int) runner.Staged {
	t.Helper()
	s := runner.Staged{Index: index, Patch: p.Order}
	for _, name := range p.Files {
		f, err := os.Open(name)
		require.NoError(t, err, "the subject's file cannot be opened")
		t.Cleanup(func() { f.Close() })
		s.Files = append(s.Files, f)
	}
	return s
}
