package execution

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/reboot"
)

func TestThreeStages_JOB1_JOB18(t *testing.T) {
	w := newWorld(t, orderOf(t, "chrome", "zoom"), map[string]string{"chrome": "1.0.0", "zoom": "1.0.0"})
	w.run()
	require.Equal(t, job.Completed, w.result())
	require.Equal(t, []string{"inventory", "download chrome", "download zoom", "preflight 2", "call",
		"install chrome", "install zoom", "inventory", "discard -1"}, w.log, "no reboot is needed: the check follows at once")
	require.Equal(t, []job.Progress{job.Started, job.Downloading, job.Downloaded, job.Deploying}, w.progress())
	require.Equal(t, "2.0.0", w.patch("chrome").Now.String())
	require.Equal(t, "1.0.0", w.patch("chrome").From.String())
	require.Equal(t, "INT-2", w.patch("chrome").Rule)
}

func TestUpgradesOnly_JOB2_CAT3(t *testing.T) {
	w := newWorld(t, orderOf(t, "same", "newer", "absent"), map[string]string{"same": "2.0.0", "newer": "3.0.0"})
	w.run()
	require.Equal(t, job.NotApplicable, w.result())
	for name, want := range map[string]string{"same": "already at version", "newer": "nothing is downgraded", "absent": "installed for the first time"} {
		p := w.patch(name)
		require.Equal(t, job.Inapplicable, p.Status)
		require.Equal(t, "CAT-3", p.Rule)
		require.Contains(t, p.Text, want)
	}
	require.Equal(t, []string{"inventory", "discard -1"}, w.log, "nothing was downloaded")
}

func TestFailedDownloadIsLeftOut_JOB2(t *testing.T) {
	w := newWorld(t, orderOf(t, "a", "b"), map[string]string{"a": "1.0.0", "b": "1.0.0"})
	w.download["a"] = Downloaded{Code: job.FileDownloadFailed, Text: "404"}
	w.run()
	require.Equal(t, job.CompletedWithFailures, w.result())
	require.Equal(t, job.FileDownloadFailed, w.patch("a").Code)
	require.Equal(t, job.Succeeded, w.patch("b").Status)
	require.Zero(t, w.count("install a"))
}

func TestNothingLeftIsFailed_JOB2(t *testing.T) {
	o := orderOf(t, "a", "gone")
	o.Post = []job.Action{{Name: "after", Command: []string{"true"}}}
	w := newWorld(t, o, map[string]string{"a": "1.0.0"})
	w.download["a"] = Downloaded{Code: job.FileDownloadFailed, Text: "404"}
	w.run()
	require.Equal(t, job.Failed, w.result())
	require.NotContains(t, strings.Join(w.log, ","), "deploy")
	require.Zero(t, w.count("act after"), "no deploy stage, so no action either")
}

func TestIntegrityDecidesByRule_JOB2_INT1_INT2_INT4_INT5_INT8_INT9(t *testing.T) {
	for _, c := range []struct {
		name   string
		expect integrity.Expectation
		got    Evidence
		code   job.Code
		rule   string
	}{
		{"mismatch", integrity.Expectation{Digests: []integrity.Digest{{Algorithm: integrity.SHA256, Sum: strings.Repeat("f", 64)}}},
			Evidence{Digests: []integrity.Digest{good}, Signature: integrity.Signature{Status: integrity.Absent}}, job.FileHashValidationFailed, "INT-2"},
		{"stripped", integrity.Expectation{Signer: "vendor", Digests: []integrity.Digest{good}},
			Evidence{Digests: []integrity.Digest{good}, Signature: integrity.Signature{Status: integrity.Absent}}, job.FileSignatureFailed, "INT-4"},
		{"bad", integrity.Expectation{Signer: "vendor", Digests: []integrity.Digest{good}},
			Evidence{Digests: []integrity.Digest{good}, Signature: integrity.Signature{Status: integrity.Bad}}, job.FileSignatureFailed, "INT-1"},
		{"signed, other bytes", integrity.Expectation{Signer: "vendor", Digests: []integrity.Digest{{Algorithm: integrity.SHA256, Sum: strings.Repeat("f", 64)}}},
			Evidence{Digests: []integrity.Digest{good}, Signature: integrity.Signature{Status: integrity.Valid, Signer: "vendor"}}, job.FileHashValidationFailed, "INT-5"},
		{"not judged", integrity.Expectation{Signer: "vendor", Digests: []integrity.Digest{good}},
			Evidence{Digests: []integrity.Digest{good}, Signature: integrity.Signature{Status: integrity.Unsupported}}, job.FileSignatureFailed, "INT-9"},
		{"nothing to go by", integrity.Expectation{},
			Evidence{Digests: []integrity.Digest{good}, Signature: integrity.Signature{Status: integrity.Absent}}, job.FileValidationFailed, "INT-3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := orderOf(t, "a", "b")
			o.Patches[0].Files[0].Expect = c.expect
			w := newWorld(t, o, map[string]string{"a": "1.0.0", "b": "1.0.0"})
			w.download["a"] = Downloaded{Files: []Evidence{c.got}}
			w.run()
			require.Equal(t, job.CompletedWithFailures, w.result())
			require.Equal(t, c.code, w.patch("a").Code)
			require.Equal(t, c.rule, w.patch("a").Rule)
			require.Equal(t, 1, w.count("discard 0"), "the file is deleted")
			require.Zero(t, w.count("install a"))
			require.Equal(t, job.Succeeded, w.patch("b").Status)
		})
	}
}

func TestPlatformRefusesBeforeAnythingChanges_CAT5(t *testing.T) {
	w := newWorld(t, orderOf(t, "a", "b"), map[string]string{"a": "1.0.0", "b": "1.0.0"})
	w.preflight["a"] = PreflightResult{Refused: "needs libnew, which is not installed"}
	w.run()
	require.Equal(t, job.CompletedWithFailures, w.result())
	require.Equal(t, job.PatchInstallationSkipped, w.patch("a").Code)
	require.Contains(t, w.patch("a").Text, "libnew")
	require.Zero(t, w.count("install a"))
	require.Equal(t, []int{1, 0}, []int{w.count("discard 0"), w.count("discard 1")}, "only what was refused is deleted before the end")
}

func TestLatestOnlyMovedOn_CAT7(t *testing.T) {
	for _, c := range []struct {
		really string
		latest bool
		status job.PatchStatus
		code   job.Code
	}{
		{"2.1.0", true, job.Succeeded, 0},
		{"2.1.0", false, job.PatchFailed, job.FileValidationFailed},
		{"1.9.0", true, job.PatchFailed, job.FileValidationFailed},
		{"0.9.0", false, job.PatchFailed, job.FileValidationFailed},
	} {
		o := orderOf(t, "a")
		o.Patches[0].LatestOnly = c.latest
		o.Patches[0].Files[0].Expect.Signer, o.Patches[0].Files[0].Expect.LatestOnly = "vendor", c.latest
		digest := good // where the URL serves one version, other bytes would not get as far as this (INT-5)
		if c.latest {
			digest.Sum = strings.Repeat("e", 64)
		}
		w := newWorld(t, o, map[string]string{"a": "1.0.0"})
		w.download["a"] = Downloaded{Files: []Evidence{{Digests: []integrity.Digest{digest},
			Signature: integrity.Signature{Status: integrity.Valid, Signer: "vendor"}}}}
		w.preflight["a"] = PreflightResult{Version: semver(t, c.really)}
		w.installTo["a"] = c.really
		w.run()
		p := w.patch("a")
		require.Equal(t, c.status, p.Status, "%+v", c)
		require.Equal(t, c.code, p.Code)
		require.Equal(t, "CAT-7", p.Rule)
		if c.status == job.Succeeded {
			require.Equal(t, c.really, p.Now.String(), "the version really installed is reported")
			require.Equal(t, integrity.Mismatched, p.Check.Checksum, "and that the checksum did not match (INT-5)")
		}
	}
}

func TestWindowEnds_JOB10(t *testing.T) {
	o := orderOf(t, "a", "b", "c")
	o.End = epoch.Add(time.Hour)
	installed := func() map[string]string { return map[string]string{"a": "1.0.0", "b": "1.0.0", "c": "1.0.0"} }

	for _, hangs := range []string{"download b", "preflight 3"} {
		t.Run("during "+hangs, func(t *testing.T) {
			w := newWorld(t, o, installed())
			w.hangs = hangs
			w.run()
			require.Equal(t, job.Failed, w.result())
			require.Equal(t, o.End, w.now.UTC, "not a moment later")
			require.Equal(t, "discard -1", w.log[len(w.log)-1], "what was fetched is deleted, and what runs is cut off with it")
			for _, name := range []string{"a", "b", "c"} {
				require.Equal(t, job.PatchInstallationSkipped, w.patch(name).Code)
				require.Equal(t, "JOB-10", w.patch(name).Rule)
			}
			require.Zero(t, w.count("call"))
		})
	}
	t.Run("in the step that brings the last file", func(t *testing.T) {
		w := newWorld(t, o, installed())
		w.before = func(e Effect) bool {
			if d, ok := e.(Download); ok && d.Index == 2 {
				w.pass(time.Hour)
			}
			return false
		}
		w.run()
		require.Equal(t, job.Failed, w.result())
		require.Zero(t, w.count("preflight 3"))
	})
	t.Run("while the agent was down", func(t *testing.T) {
		w := newWorld(t, o, installed())
		w.before = func(e Effect) bool {
			d, ok := e.(Download)
			if ok = ok && d.Index == 1; ok {
				w.pass(2 * time.Hour)
			}
			return ok
		}
		w.run()
		require.Equal(t, job.Failed, w.result())
		require.Zero(t, w.count("download b"))
		require.Equal(t, job.PatchInstallationSkipped, w.patch("a").Code)
	})
	t.Run("while deploying", func(t *testing.T) {
		w := newWorld(t, o, installed())
		w.before = func(e Effect) bool {
			if d, ok := e.(Install); ok && d.Patches[0].Index == 1 {
				w.pass(time.Hour)
			}
			return false
		}
		w.run()
		require.Equal(t, job.CompletedWithFailures, w.result())
		require.Equal(t, job.Succeeded, w.patch("b").Status, "the running install is not killed")
		require.Equal(t, job.PatchInstallationSkipped, w.patch("c").Code)
	})
	t.Run("not binding the reboot", func(t *testing.T) {
		o := o
		o.Patches = o.Patches[:1:1]
		o.Patches[0].Reboot = true
		w := newWorld(t, o, installed())
		w.before = func(e Effect) bool {
			if _, ok := e.(Install); ok {
				w.pass(time.Hour)
			}
			return false
		}
		w.run()
		require.Equal(t, job.Completed, w.result())
		require.Equal(t, 1, w.count("reboot"))
	})
}

func TestActions_JOB13(t *testing.T) {
	for _, c := range []struct {
		exit    int
		result  job.Result
		reboots int
		rest    bool
	}{
		{0, job.Completed, 0, true}, {1, job.CompletedWithFailures, 0, true}, {77, job.CompletedWithFailures, 0, true},
		{10, job.Completed, 1, true}, {11, job.CompletedWithFailures, 1, true}, {12, job.Failed, 0, false}, {101, job.Completed, 0, true},
	} {
		o := orderOf(t, "a")
		o.Pre = []job.Action{{Name: "pre", Command: []string{"x"}}}
		o.Post = []job.Action{{Name: "post", Command: []string{"x"}}}
		w := newWorld(t, o, map[string]string{"a": "1.0.0"})
		w.exits["pre"] = c.exit
		w.run()
		require.Equal(t, c.result, w.result(), "exit %d", c.exit)
		require.Equal(t, c.reboots, w.count("reboot"), "exit %d", c.exit)
		if c.rest {
			require.Equal(t, 1, w.count("act post"))
		} else {
			require.Zero(t, w.count("act post"))
			require.Equal(t, job.PatchInstallationSkipped, w.patch("a").Code)
		}
	}
}

func TestActionsAlone_JOB6(t *testing.T) {
	o := orderOf(t)
	o.Pre = []job.Action{{Name: "pre", Command: []string{"x"}}}
	w := newWorld(t, o, map[string]string{})
	w.run()
	require.Equal(t, job.Completed, w.result())
	require.Equal(t, 1, w.count("act pre"))
}

func TestTransactionsDeployTogether(t *testing.T) {
	o := orderOf(t, "a", "b", "c", "d")
	o.Patches[0].Transaction, o.Patches[2].Transaction, o.Patches[3].Transaction = "dpkg", "dpkg", "rpm"
	w := newWorld(t, o, map[string]string{"a": "1.0.0", "b": "1.0.0", "c": "1.0.0", "d": "1.0.0"})
	var groups []int
	w.before = func(e Effect) bool {
		if d, ok := e.(Install); ok {
			groups = append(groups, len(d.Patches))
		}
		return false
	}
	w.run()
	require.Equal(t, job.Completed, w.result())
	require.Equal(t, []int{2, 1, 1}, groups)
}

func TestInventoryNeverComesBeforeAnythingChanged(t *testing.T) {
	w := newWorld(t, orderOf(t, "a"), map[string]string{"a": "1.0.0"})
	w.invErr = "no"
	w.run()
	require.Equal(t, job.Failed, w.result())
	require.Equal(t, job.UnspecifiedAgentError, w.patch("a").Code)
	require.Equal(t, inventoryTries, w.count("inventory"))
}

func TestInstallerLies_JOB18(t *testing.T) {
	w := newWorld(t, orderOf(t, "a"), map[string]string{"a": "1.0.0"})
	w.installTo["a"] = "1.0.0"
	w.run()
	require.Equal(t, job.Failed, w.result())
	require.Equal(t, job.InstallerFailed, w.patch("a").Code)
}

func TestProceedsWhoeverIsLoggedIn_JOB15(t *testing.T) {
	for _, s := range []reboot.Sessions{reboot.Nobody, reboot.Active, reboot.Locked, reboot.Unknown} {
		w := newWorld(t, orderOf(t, "a"), map[string]string{"a": "1.0.0"})
		w.sessions = s
		w.run()
		require.Equal(t, job.Completed, w.result(), s)
	}
}

// What the installer says decides, and names its rule: bytes that changed since
// they were verified are a matter of INT-6.
func TestOutcomeOfAnInstall_JOB16_INT6(t *testing.T) {
	for code, rule := range map[job.Code]string{job.FileValidationFailed: "INT-6", job.FileHashValidationFailed: "INT-6", job.InstallerFailed: "JOB-16", job.UnspecifiedAgentError: "JOB-16"} {
		w := newWorld(t, orderOf(t, "a"), map[string]string{"a": "1.0.0"})
		w.results["a"] = InstallResult{Code: code, Text: "no"}
		w.run()
		require.Equal(t, job.Failed, w.result())
		require.Equal(t, code, w.patch("a").Code)
		require.Equal(t, rule, w.patch("a").Rule)
		require.Equal(t, "no", w.patch("a").Text)
	}
}

// A product that is gone after its upgrade, or is at a version that cannot be
// ordered, is not a success (JOB-18).
func TestGoneAfterTheInstall_JOB18(t *testing.T) {
	w := newWorld(t, orderOf(t, "a"), map[string]string{"a": "1.0.0"})
	gone := false
	w.before = func(e Effect) bool {
		if _, ok := e.(TakeInventory); ok && gone {
			delete(w.installed, "a")
		}
		if _, ok := e.(Install); ok {
			gone = true
		}
		return false
	}
	w.run()
	require.Equal(t, job.Failed, w.result())
	require.Equal(t, job.InstallerFailed, w.patch("a").Code)
	require.Contains(t, w.patch("a").Text, "it is not installed")
}
