package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/token"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/manifest/agenthttp"
)

// build compiles the command once.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "server")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "server.exe")
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", &exec.Error{Name: string(out), Err: err}
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := build(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// shell runs the command in one folder.
type shell struct {
	t    *testing.T
	path string
	dir  string
	url  string
}

func newShell(t *testing.T) *shell {
	path, err := build()
	require.NoError(t, err)
	return &shell{t: t, path: path, dir: t.TempDir()}
}

// run returns what the command printed, and its exit code.
func (s *shell) run(args ...string) (stdout, stderr string, code int) {
	s.t.Helper()
	cmd := exec.Command(s.path, args...)
	cmd.Dir = s.dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		require.NoError(s.t, err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// ok runs an administrator's command that must succeed.
func (s *shell) ok(args ...string) string {
	s.t.Helper()
	if s.url != "" {
		args = append(args, "--server", s.url)
	}
	stdout, stderr, code := s.run(args...)
	require.Zero(s.t, code, "%v: %s", args, stderr)
	return stdout
}

// serve starts the server and returns the process once it listens.
func (s *shell) serve(args ...string) (stop func(os.Signal) (log string, code int)) {
	s.t.Helper()
	cmd := exec.Command(s.path, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	cmd.Dir = s.dir
	stderr, err := cmd.StderrPipe()
	require.NoError(s.t, err)
	require.NoError(s.t, cmd.Start())
	s.t.Cleanup(func() { _ = cmd.Process.Kill() })
	var log bytes.Buffer
	address := make(chan string, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(address)
		found := false
		buf := make([]byte, 4096)
		for {
			n, err := stderr.Read(buf)
			log.Write(buf[:n])
			if m := regexp.MustCompile(`addr=(\S+)`).FindStringSubmatch(log.String()); m != nil && !found {
				found = true
				address <- m[1]
			}
			if err != nil {
				return
			}
		}
	}()
	addr, listening := <-address
	if !listening {
		require.FailNow(s.t, "the server ended", log.String())
	}
	s.url = "http://" + addr
	return func(sig os.Signal) (string, int) {
		require.NoError(s.t, cmd.Process.Signal(sig))
		<-done
		_ = cmd.Wait()
		return log.String(), cmd.ProcessState.ExitCode()
	}
}

func (s *shell) write(name, content string) {
	require.NoError(s.t, os.WriteFile(filepath.Join(s.dir, name), []byte(content), 0o600))
}

const feedFile = `{"format": 1,
  "products": [{"id": "editor", "name": "editor", "platform": "linux", "scheme": "semver"}],
  "patches": [{"id": "editor-2", "product": "editor", "version": "semver:2.0.0", "artifacts": [
    {"name": "editor.bin", "availability": "Pinned", "url": "http://vendor.example/editor.bin",
     "digests": ["sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]}]}]}`

const jobFile = `{"id": "now", "name": "Now", "platform": "linux", "assets": {"includeTags": ["lab"]},
  "patches": {"list": ["editor-2"]}, "schedule": {"kind": "on demand"}, "window": "2h", "reboot": {"interval": "30m"}}`

// TestWholeLife runs the real program: an agent enrols, gets an order, reports; the server is stopped and started again.
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

	ctx := context.Background()
	_, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	config := agenthttp.Config{Server: s.url, Asset: "web-1", Key: key}
	_, config.Trust, err = agenthttp.Enrol(ctx, config, manifest.Enrolment{Token: secret, Platform: catalog.Linux, Architecture: "amd64"}, "")
	require.NoError(t, err)
	agent, err := agenthttp.NewClient(config)
	require.NoError(t, err)
	v1, err := version.Parse(version.Semver, "1.0.0")
	require.NoError(t, err)
	inventory, err := catalog.NewInventory(catalog.Linux, []catalog.Installed{{Product: "editor", Version: v1}})
	require.NoError(t, err)
	in := manifest.CheckIn{Asset: "web-1", At: time.Now(), Digest: inventory.Digest()}
	answer, err := agent.CheckIn(ctx, in)
	require.NoError(t, err)
	require.True(t, answer.WantInventory)
	in.Inventory = &inventory
	_, err = agent.CheckIn(ctx, in)
	require.NoError(t, err)
	in.Inventory = nil

	s.ok("job", "create", "-f", "job.json")
	require.Contains(t, s.ok("job", "preview", "now", "--asset", "web-1"), "install")
	run := strings.TrimSpace(s.ok("job", "enable", "now"))
	require.True(t, strings.HasPrefix(run, "now@"), run)
	answer, err = agent.CheckIn(ctx, in)
	require.NoError(t, err)
	trust, err := manifest.OpenTrust(config.Trust)
	require.NoError(t, err)
	document, err := manifest.Open(answer.Manifest, manifest.Keys(trust.Manifest), "web-1", 0, "", time.Now())
	require.NoError(t, err)
	require.Len(t, document.Orders, 1)
	require.Equal(t, 2*time.Hour, document.Orders[0].End.Sub(document.Orders[0].Start))
	require.Equal(t, []integrity.Clause{{Name: "editor", Vendor: integrity.Any, Product: "editor", AllowUnsigned: true}}, document.Orders[0].Policy.Clauses)
	order := document.Orders[0].ID

	in.Held, in.Reports = document.Revision, []job.Report{
		{Sequence: 1, At: time.Now(), Order: order, Progress: job.Started},
		{Sequence: 2, At: time.Now(), Order: order, Progress: job.Deploying},
	}
	answer, err = agent.CheckIn(ctx, in)
	require.NoError(t, err)
	require.Equal(t, job.Sequence(2), answer.Acknowledged)
	stdout, stderr, code := s.run("job", "cancel", "now", "--server", s.url)
	require.Equal(t, 1, code, "too late (JOB-3)")
	require.Contains(t, stderr, "deploy")
	require.Contains(t, stdout, "TooLate")

	// The server is stopped between an agent's report and the answer's arrival; a new one goes on where it was.
	log, code := stop(syscall.SIGTERM)
	require.Zero(t, code, log)
	require.Contains(t, log, "msg=stopped")
	_, err = agent.CheckIn(ctx, in)
	require.Error(t, err)
	stop = s.serve("--feed-json", "patches.json")
	config.Server = s.url
	agent, err = agenthttp.NewClient(config)
	require.NoError(t, err)
	in.Reports = append(in.Reports, job.Report{Sequence: 3, At: time.Now(), Order: order, Result: job.Failed, Patches: []job.PatchOutcome{{
		Patch: "editor-2", Status: job.PatchFailed, Code: job.FileHashValidationFailed, Rule: "INT-2", Text: "The checksum differs.",
	}}})
	answer, err = agent.CheckIn(ctx, in)
	require.NoError(t, err)
	require.Equal(t, job.Sequence(3), answer.Acknowledged)

	require.Equal(t, "1\n", s.ok("report", "failed"))
	require.Contains(t, s.ok("report", "failures", "--asset", "web-1", "--code", "12"), "FileHashValidationFailed")
	require.Contains(t, s.ok("run", "show", run), "INT-2")
	require.Contains(t, s.ok("report", "missing", "web-1"), "editor-2")
	require.Contains(t, s.ok("asset", "list"), "web-1")
	s.ok("asset", "tag", "web-1", "prod")
	require.Contains(t, s.ok("asset", "list"), "prod")
	require.Contains(t, s.ok("report", "feeds"), "patches.json")
	require.Contains(t, s.ok("job", "show", "now"), "Failed 1")
	for _, report := range []string{"reboots", "cancels", "silent"} {
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

func get(t *testing.T, s *shell, path string, withToken bool, want int) string {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, s.url+path, nil)
	require.NoError(t, err)
	if withToken {
		token, err := os.ReadFile(filepath.Join(s.dir, "patchpolicy", "admin.token"))
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	}
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, want, resp.StatusCode, string(body))
	return string(body)
}

// TestWhatTheVendorDoesNotServe: a custom URL (CAT-5), and a file at its end of life that is gone (CAT-10).
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
	require.Contains(t, stderr, "is for Vendor artifacts")
	s.ok("url", "unset", "editor-3", "editor.bin")
	require.NotContains(t, s.ok("url", "list"), "files.example")
	require.Eventually(t, func() bool { return strings.Contains(s.ok("report", "unreachable"), gone) }, 2*time.Minute, 200*time.Millisecond)
	_, code = stop(syscall.SIGTERM)
	require.Zero(t, code)
}

// TestBadInput gives every command something it must refuse: with a clear word, the right exit code, and no panic.
func TestBadInput(t *testing.T) {
	s := newShell(t)
	s.ok("init")
	s.write("bad.key", "not a key")
	s.write("bad.db", strings.Repeat("this is no database ", 100))
	s.write("bad.json", "{")
	s.write("enrol.token", token.NewEnrolment())
	s.write("open.token", token.NewAdmin())
	require.NoError(t, os.Chmod(filepath.Join(s.dir, "open.token"), 0o644))
	s.write("twice.json", jobFile+jobFile)
	s.write("unknown.json", `{"id": "x", "nmae": "typo"}`)
	s.write("window.json", `{"id": "x", "window": "soon"}`)
	s.write("cert.pem", "no certificate")
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"", 2, "needs a command"},
		{"nonsense", 2, "unknown command"},
		{"job", 2, "needs a command"},
		{"job nonsense", 2, "unknown command"},
		{"serve extra", 2, "unknown command"},
		{"serve --nonsense", 2, "unknown flag"},
		{"serve --listen nowhere", 2, "HOST:PORT"},
		{"serve --listen 0.0.0.0:8443", 2, "from outside"},
		{"serve --tls-cert cert.pem", 2, "both or none"},
		{"serve --sync-every 1ms", 2, "at least 1s"},
		{"serve --sync-every soon", 2, "invalid"},
		{"serve --log-level loud", 2, "log-level"},
		{"serve --feed-json gopher://x", 2, "http"},
		{"serve --feed-json a.json --feed-json a.json", 2, "twice"},
		{"serve --apt-config no-such-folder", 2, "no-such-folder"},
		{"serve --listen 127.0.0.1:0 --check-in 2h", 1, "MAN-3"},
		{"serve --listen 127.0.0.1:0 --dir elsewhere", 1, "server init"},
		{"serve --listen 127.0.0.1:0 --db bad.db", 1, "bad.db"},
		{"serve --listen 127.0.0.1:0 --tls-cert cert.pem --tls-key cert.pem", 1, "cert.pem"},
		{"init", 1, "not replaced"},
		{"init --dir bad.json/x", 1, "bad.json"},
		{"job list --server 127.0.0.1", 2, "--server"},
		{"job list --timeout -1s", 2, "--timeout"},
		{"job list --server http://127.0.0.1:1", 1, "does not answer"},
		{"job list --admin-token nowhere", 1, "server init"},
		{"job list --admin-token bad.key", 1, "holds no token"},
		{"job list --admin-token enrol.token", 1, "holds an enrolment token"},
		{"job list --admin-token open.token", 1, "chmod 600"},
		{"serve --listen 127.0.0.1:0 --tls-cert cert.pem --tls-key open.token", 1, "chmod 600"},
		{"serve --listen 127.0.0.1:0 --db enrol.token", 1, "damaged"},
		{"backup", 2, "arg"},
		{"backup x.db --dir elsewhere", 1, "no such file"},
		{"backup no/such/folder.db --db bad.json", 1, "no/such"},
		{"restore nowhere.db", 1, "nowhere.db"},
		{"restore bad.db", 1, "bad.db"},
		{"job list --ca bad.json", 1, "no certificate"},
		{"job create", 2, "file"},
		{"job create -f nowhere.json", 1, "nowhere.json"},
		{"job create -f bad.json", 1, "bad.json"},
		{"job create -f twice.json", 1, "more behind"},
		{"job create -f unknown.json", 1, "nmae"},
		{"job create -f window.json", 1, "no duration"},
		{"job enable", 2, "arg"},
		{"job preview now", 2, "asset"},
		{"token create --uses many", 2, "invalid"},
		{"token create --expires-in -1h", 2, "--expires-in"},
		{"report failures --from someday", 2, "someday"},
		{"asset tag", 2, "arg"},
	} {
		t.Run(c.args, func(t *testing.T) {
			stdout, stderr, code := s.run(strings.Fields(c.args)...)
			require.Equal(t, c.code, code, stdout+stderr)
			require.Contains(t, stderr, c.says)
			require.NotContains(t, stderr, "panic")
			require.NotContains(t, stderr, "goroutine")
		})
	}
}

func TestHelpTeaches(t *testing.T) {
	s := newShell(t)
	for _, c := range []string{"--help", "init --help", "serve --help", "job create --help", "token create --help", "report failures --help"} {
		stdout, _, code := s.run(strings.Fields(c)...)
		require.Zero(t, code, c)
		require.Contains(t, stdout, "server ", c)
	}
	stdout, _, _ := s.run("--help")
	require.Contains(t, stdout, "Exit codes")
}

// A damaged database stops the server, and no report answers from it, with the check or without.
func TestDamagedDatabaseAnswersNothing(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: a process cannot be asked to stop by a signal on Windows")
	}
	s := newShell(t)
	s.ok("init")
	stop := s.serve()
	for range 30 {
		s.ok("token", "create", "--name", strings.Repeat("n", 200), "--names", "lab-*", "--tag", "lab")
	}
	require.Contains(t, s.ok("token", "list"), "lab-*")
	_, stderr, code := s.run("token", "create", "--names", "[", "--server", s.url)
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "lab-*")
	_, code = stop(syscall.SIGTERM)
	require.Zero(t, code)
	db := filepath.Join(s.dir, "patchpolicy", "server.db")
	whole, err := os.ReadFile(db)
	require.NoError(t, err)
	const page = 4096
	for at := page; at < len(whole); at += page {
		damaged := bytes.Clone(whole)
		clear(damaged[at : at+page])
		require.NoError(t, os.WriteFile(db, damaged, 0o600))
		_, stderr, code := s.run("serve", "--listen", "127.0.0.1:0")
		require.Equal(t, 1, code, "page %d", at/page)
		require.Contains(t, stderr, "is damaged")
		require.Contains(t, stderr, "restore a backup")
	}
	require.NoError(t, os.WriteFile(db, whole, 0o600))
	stop = s.serve()
	backup := filepath.Join(s.dir, "backup.db")
	require.Contains(t, s.okOffline("backup", backup), "format 1")
	_, _, code = s.run("backup", backup)
	require.Equal(t, 1, code)
	_, code = stop(syscall.SIGTERM)
	require.Zero(t, code)
	require.NoError(t, os.WriteFile(db, whole[:len(whole)/2], 0o600))
	require.Contains(t, s.okOffline("restore", backup), "must enrol again")
	stop = s.serve("--skip-check")
	require.Equal(t, 31, strings.Count(s.ok("token", "list"), "\n"))
	_, code = stop(syscall.SIGTERM)
	require.Zero(t, code)
}

// okOffline runs a command that does not talk to a server.
func (s *shell) okOffline(args ...string) string {
	s.t.Helper()
	stdout, stderr, code := s.run(args...)
	require.Zero(s.t, code, "%v: %s", args, stderr)
	return stdout
}

// Wrong tokens are logged, with where they came from and without themselves, and slowed; the right administrator's token is not.
func TestWrongTokens(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: a process cannot be asked to stop by a signal on Windows")
	}
	s := newShell(t)
	s.ok("init")
	stop := s.serve()
	_, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	config := agenthttp.Config{Server: s.url, Asset: "web-1", Key: key}
	wrong := token.NewEnrolment()
	for range 12 {
		_, _, err = agenthttp.Enrol(t.Context(), config, manifest.Enrolment{Token: wrong, Platform: catalog.Linux, Architecture: "amd64"}, "")
		require.Error(t, err)
	}
	require.ErrorContains(t, err, "429")
	require.ErrorContains(t, err, "try again in")
	guess := token.NewAdmin()
	r, err := http.NewRequest(http.MethodGet, s.url+"/v1/admin/jobs", nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+guess)
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusTooManyRequests, resp.StatusCode)
	require.NotEmpty(t, resp.Header.Get("Retry-After"))
	s.ok("job", "list")
	log, code := stop(syscall.SIGTERM)
	require.Zero(t, code)
	require.Contains(t, log, `msg="wrong token" from=127.0.0.1:`)
	require.Contains(t, log, "asset=web-1")
	require.NotContains(t, log, wrong)
	require.NotContains(t, log, guess)
}
