package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

// The real program: an agent enrols, gets an order, reports; the server is
// stopped and started again.
func TestWholeLife(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: a process cannot be asked to stop by a signal on Windows")
	}
	s := newShell(t)
	require.Contains(t, s.ok("init"), "fingerprint:")
	for _, name := range []string{"manifest.key", "admin.token"} {
		info, err := os.Stat(filepath.Join(s.dir, "patchpolicy", name))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), name)
	}
	s.write("patches.json", feedFile)
	s.write("job.json", jobFile)
	s.write("policy.json", `{"format": 1, "clauses": [{"name": "editor", "vendor": "*", "product": "editor", "allowUnsigned": true}]}`)
	stop := s.serve("--feed-json", "patches.json", "--policy", "policy.json")
	s.ok("sync")
	secret := strings.TrimSpace(s.ok("token", "create", "--tag", "lab"))

	agent := enrol(desk{T: t, url: s.url}, "web-1", secret)
	agent.has("editor", "1.0.0")

	s.ok("job", "create", "-f", "job.json")
	require.Contains(t, s.ok("job", "preview", "now", "--asset", "web-1"), "install")
	run := strings.TrimSpace(s.ok("job", "enable", "now"))
	require.True(t, strings.HasPrefix(run, "now@"), run)
	agent.call()
	require.Len(t, agent.orders, 1)
	order := agent.orders[0]
	require.Equal(t, 2*time.Hour, order.End.Sub(order.Start))
	require.Equal(t, []integrity.Clause{{Name: "editor", Vendor: integrity.Any, Product: "editor", AllowUnsigned: true}}, order.SignerPolicy.Clauses)
	sent := []job.Report{{Sequence: 1, At: time.Now(), Order: order.ID, Progress: job.Started}, {Sequence: 2, At: time.Now(), Order: order.ID, Progress: job.Deploying}}
	agent.in.Made, agent.in.Reports = 2, sent
	agent.call()
	stdout, stderr, code := s.run("job", "cancel", "now", "--server", s.url)
	require.Equal(t, 1, code, "too late (JOB-3)")
	require.Contains(t, stderr, "deploy")
	require.Contains(t, stdout, "TooLate")

	// The server stops between an agent's report and its answer; a new one goes on from there.
	log, code := stop(syscall.SIGTERM)
	require.Zero(t, code, log)
	require.Contains(t, log, "msg=stopped")
	_, err := agent.client.CheckIn(t.Context(), agent.in)
	require.Error(t, err)
	stop = s.serve("--feed-json", "patches.json")
	agent.to(s.url)
	agent.in.Reports = sent // again
	agent.report(run, job.Report{Result: job.Failed, Patches: []job.PatchOutcome{{
		Patch: "editor-2", Status: job.PatchFailed, Code: job.FileHashValidationFailed, Rule: "INT-2", Text: "The checksum differs.",
	}}})

	require.Equal(t, "1\n", s.ok("report", "failed"))
	require.Contains(t, s.ok("report", "failures", "--asset", "web-1", "--code", "12"), "FileHashValidationFailed")
	require.Contains(t, s.ok("run", "show", run), "INT-2")
	require.Contains(t, s.ok("report", "missing", "web-1"), "editor-2")
	require.Contains(t, s.ok("asset", "list"), "web-1")
	s.ok("asset", "tag", "web-1", "prod")
	require.Contains(t, s.ok("asset", "list"), "prod")
	require.Contains(t, s.ok("report", "feeds"), "patches.json")
	require.Contains(t, s.ok("job", "show", "now"), "Failed 1")
	for _, report := range []string{"reboots", "cancels", "silent", "stuck", "cloned"} {
		s.ok("report", report)
	}
	var jobs []controller.JobStatus
	require.NoError(t, json.Unmarshal([]byte(s.ok("job", "list", "--json")), &jobs))
	require.Equal(t, job.Enabled, jobs[0].State)
	s.ok("job", "disable", "now")
	s.ok("job", "delete", "now")
	require.Contains(t, s.ok("job", "list"), "deleted")

	text := get(t, s, "/metrics", true, http.StatusOK)
	for _, line := range []string{
		`patchpolicy_check_ins_total{outcome="manifest"} 1`, "patchpolicy_reports_received_total 3", `patchpolicy_jobs{state="deleted"} 1`,
		"patchpolicy_failed_installs 1", `patchpolicy_feed_stale{feed="patches.json"} 0`,
	} {
		require.Contains(t, text, line)
	}
	get(t, s, "/metrics", false, http.StatusUnauthorized)
	get(t, s, "/v1/admin/jobs", false, http.StatusUnauthorized)
	_, code = stop(syscall.SIGTERM)
	require.Zero(t, code)
}

// A custom URL serves what the vendor does not (CAT-5); a file near its end of
// life is gone (CAT-10).
func TestWhatTheVendorDoesNotServe_CAT5_CAT10(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: a process cannot be asked to stop by a signal on Windows")
	}
	s := newShell(t)
	s.ok("init")
	gone := "file://" + filepath.ToSlash(filepath.Join(s.dir, "gone.bin"))
	s.write("patches.json", `{"format": 1, "products": [{"id": "editor", "name": "editor", "platform": "linux", "scheme": "semver"}], "patches": [
		{"id": "editor-2", "product": "editor", "version": "semver:2.0.0", "eolMarked": true, "artifacts": [
			{"name": "editor.bin", "availability": "Pinned", "url": "`+gone+`", "signer": "Vendor"}]},
		{"id": "editor-3", "product": "editor", "version": "semver:3.0.0", "artifacts": [
			{"name": "editor.bin", "availability": "Vendor", "signer": "Vendor"}]}]}`)
	stop := s.serve("--feed-json", "patches.json", "--sync-every", "1s")
	s.ok("sync")
	require.Equal(t, "set\n", s.ok("url", "set", "editor-3", "editor.bin", "https://files.example/editor.bin"))
	require.Contains(t, s.ok("url", "list"), "https://files.example/editor.bin")
	_, stderr, code := s.run("url", "set", "editor-2", "editor.bin", "https://files.example/editor.bin", "--server", s.url)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "only a Vendor artifact takes a custom URL")
	s.ok("url", "unset", "editor-3", "editor.bin")
	require.NotContains(t, s.ok("url", "list"), "files.example")
	require.Eventually(t, func() bool { return strings.Contains(s.ok("report", "unreachable"), gone) }, 2*time.Minute, 200*time.Millisecond)
	_, code = stop(syscall.SIGTERM)
	require.Zero(t, code)
}
