package agentsim

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestUnmetExplains checks that an expectation that does not hold says why.
func TestUnmetExplains(t *testing.T) {
	const world = `clock 2026-03-02T00:00:00Z
patch base-2: base 2.0, pinned
patch top-2: top 2.0, pinned
patch top-3: top 3.0, latest only
patch win-2: top 2.0, on windows, pinned
asset a-1 in America/New_York tagged web has base 1.0, top 1.0
job one: patches top-2, assets a-1, once at +6h
`
	for name, c := range map[string]struct {
		lines string
		want  []string
	}{
		"never enabled": {"+8h expect a-1 top 2.0", []string{"job one was never enabled", "no order of job one was ever made for a-1", "top-2 on a-1: Upgrade [CAT-3]"}},
		"disabled": {"enable one\n+4h disable one\n+8h expect a-1 top 2.0", []string{
			"job one is disabled", "the server shows one@20260302T060000Z/a-1 as Withdrawn", "the last report of a-1 about it: one Withdrawn (withdrawn before it started), at 2026-03-02T04:",
		}},
		"enabling refused": {"job two: patches nothing-1, tags web, once at 2026-03-01T00:00:00Z\nenable two\nexpect refused past\n+8h expect a-1 two Completed", []string{
			"job two was never enabled", "enable two, at 2026-03-02T00:00Z, was refused:",
		}},
		"deleted": {"enable one\n+1h delete one\n+8h expect server a-1 one Completed", []string{"job one is deleted"}},
		"no job":  {"+8h expect a-1 base 2.0", []string{"no job brings base-2 to a-1", "base-2 on a-1: Upgrade [CAT-3]"}},
		"left out at planning": {"a-1 has top 2.0\nenable one\n+8h expect a-1 one Completed", []string{
			"the server shows one@20260302T060000Z/a-1 as NotApplicable", "top-2 of job one: left out [CAT-3] top is already at version 2.0.",
		}},
		"not applicable on the asset": {"enable one\n+5h a-1 has top 2.0\na-1 network cut\n+8h expect a-1 one Completed", []string{
			"the last report of a-1 about it: one NotApplicable", "the network of a-1 is cut",
		}},
		"superseded in the list": {"job two: patches top-2 top-3, assets a-1, once at +6h\nenable two\n+8h expect a-1 top 2.0", []string{
			"top-2 of job two: left out [CAT-14] top-3, in the same list, takes its place.",
		}},
		"blocked by its verdict": {"patch top-4: top 4.0, latest only\njob two: patches top-3, assets a-1, once at +6h\nenable two\n+8h expect a-1 top 3.0", []string{
			"top-3 of job two: left out [CAT-6] The vendor serves only the newest version of top, which is 4.0",
		}},
		"of no job's list": {"job two: query product base, assets a-1, once at +6h\nenable two\n+8h expect a-1 two top-2 succeeded INT-2", []string{
			"the server shows two@20260302T060000Z/a-1 as Completed", "top-2 on a-1: Upgrade [CAT-3]",
		}},
		"not selected by tag": {"job two: patches top-2, tags db, once at +6h\nenable two\n+8h expect a-1 two Completed", []string{
			"job two does not select a-1: it is for assets tagged db, this one is tagged web", "no order of job two was ever made for a-1",
		}},
		"not selected by platform": {"job two: patches win-2, assets a-1, on windows, once at +6h\nenable two\n+8h expect a-1 top 2.0", []string{
			"job one was never enabled", "top-2 on a-1: Upgrade",
		}},
		"of another platform": {"job two: patches win-2, assets a-1, on windows, once at +6h\nenable two\n+8h expect server a-1 two Completed", []string{
			"job two does not select a-1: it is for windows, the asset runs linux",
		}},
		"excluded": {"job two: patches top-2, tags web, without a-1, once at +6h\nenable two\n+8h expect a-1 two starts 1", []string{
			"job two does not select a-1: the asset is excluded by name",
		}},
		"planned, and not made yet": {"enable one\n+2h expect a-1 one Received", []string{
			"no order of job one is made for a-1: its run one@20260302T060000Z is planned, and starts at 2026-03-02T06:00Z (01:00 New York)",
		}},
		"off": {"enable one\n+2h a-1 goes off\n+8h expect a-1 top 2.0", []string{
			"a-1 is off", "a-1 last called at 2026-03-02T01:", "has not been handed out",
		}},
		"asleep":       {"enable one\n+2h a-1 sleeps for 8h\n+8h expect a-1 top 2.0", []string{"a-1 sleeps until 2026-03-02T10:00Z (05:00 New York)"}},
		"not reached":  {"enable one\n+2h a-1 network cut\n+8h expect a-1 top 2.0", []string{"the network of a-1 is cut", "has not been handed out"}},
		"never called": {"enable one\na-1 network cut\n+8h expect a-1 top 2.0", []string{"a-1 has not called yet", "waits for the asset's inventory"}},
		"missed": {"job two: patches top-2, assets a-1, once at +6h, window 1h\nenable two\n+5h a-1 goes off\n+8h a-1 comes on\n+9h expect a-1 top 2.0", []string{
			"the server shows two@20260302T060000Z/a-1 as TimedOut (its window ended",
		}},
		"failed": {"a-1 installer of top fails\nenable one\n+8h expect a-1 top 2.0", []string{
			"as Failed", "top-2 of job one: failed InstallerFailed(9) [JOB-16] The installer ended with exit code 1.",
		}},
		"tries again":       {"vendor takes down top-2\nenable one\n+8h expect a-1 one top-2 succeeded INT-2", []string{"waits to try again (failed tries: 7): Nothing is served at"}},
		"cannot be fetched": {"vendor takes down top-2\nenable one\n+32h expect a-1 one top-2 succeeded INT-2", []string{"top-2 of job one: failed FileDownloadFailed(4)"}},
		"waits for another job": {"job two: patches base-2, assets a-1, once at +5h55m\na-1 takes 4h for install\nenable one\nenable two\n+8h expect a-1 one Completed", []string{
			"the last report of a-1 about it: one Blocked (waits for job two), at 2026-03-02T06:00Z (01:00 New York)",
		}},
		"waits for its predecessor": {"job two: patches base-2, assets a-1, on demand, after one at 100%\nenable two\nenable one\n+2h expect a-1 two Completed", []string{
			"job two waits: Job one, which it runs after, starts at 2026-03-02T06:00:00Z",
		}},
		"too late to cancel": {"a-1 takes 2h for install\nenable one\n+7h cancel one\nexpect refused deploy\n+7h30m expect a-1 one Cancelled", []string{
			"cancel one, at 2026-03-02T07:00Z, was refused:", "stage deploy has begun",
		}},
		"waits for the answer to a cancel": {"enable one\n+5h a-1 network cut\ncancel one\n+5h30m expect server a-1 one Cancelled", []string{"a cancel was asked for: CancelPending"}},
		"withdrawn by the vendor":          {"enable one\n+4h vendor withdraws top-2\n+8h expect a-1 one Completed", []string{"as Withdrawn", "top-2 of job one: left out [CAT-9]"}},
		"refused a manifest":               {"enable one\n+2h50m a-1 is sent a forged manifest\n+3h6m a-1 loses the next 20 answers\n+3h40m expect a-1 one Completed", []string{"a-1 refused a manifest:"}},
		"removed":                          {"a-1 goes off\n+1h remove a-1\n+8h expect a-1 top 2.0", []string{"the server refuses the calls of a-1: no asset \"a-1\" is known"}},
		"nothing of the kind": {"enable one\n+8h expect a-1 reboot between +6h and +8h", []string{
			"expected a reboot between +6h and +8h; there was none", "it is 2026-03-02T08:00Z (03:00 New York) on a-1", "the server shows one@20260302T060000Z/a-1 as Completed",
		}},
		"at another time": {"enable one\n+8h expect a-1 start between +7h and +8h", []string{
			"expected between +7h and +8h, found between +6h and +6h1s", "the last start was at 2026-03-02T06:00Z (01:00 New York)",
		}},
		"another verdict": {"+1h expect verdict top-2 on a-1 Held", []string{"expected Held, found Upgrade", "top-2 on a-1: Upgrade [CAT-3] top can be upgraded from 1.0 to 2.0."}},
		"preview":         {"job two: patches base-2, assets a-2, on demand\n+1h expect preview two on a-1 base-2", []string{"job two does not select a-1: it is for a-2"}},
		"a job that waits": {"job two: patches base-2, assets a-1, on demand, after one at 100%\nenable two\nexpect job two waits nothing", []string{
			"job two waits: Job one, which it runs after, is disabled.",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := ParseScript("file", world+c.lines)
			require.NoError(t, err)
			_, err = s.Play(Config{})
			var unmet *Unmet
			require.ErrorAs(t, err, &unmet)
			for _, want := range c.want {
				require.Contains(t, err.Error(), want)
			}
		})
	}
}

// TestIdleScenarioExplains checks that a scenario in which nothing started ends
// with the verdicts that explain it.
func TestIdleScenarioExplains(t *testing.T) {
	for lines, want := range map[string]string{
		"enable one\n+8h expect settled":        "nothing started: top-2 on a-1: AlreadyInstalled [CAT-3]",
		"+8h expect settled":                    "nothing started: job one was never enabled",
		"a-1 has top 1.0\nenable one\n+8h sync": "",
	} {
		s, err := ParseScript("file", "clock 2026-03-02T00:00:00Z\npatch top-2: top 2.0, pinned\nasset a-1 has top 2.0\njob one: patches top-2, assets a-1, once at +6h\n"+lines)
		require.NoError(t, err)
		w, err := s.Play(Config{})
		require.NoError(t, err)
		history := Timeline(w.History(), w.Start())
		require.Contains(t, history, want)
		require.Equal(t, want != "", strings.Contains(history, "nothing started"), history)
	}
}
