package cli

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog/debian"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/examples/agent/home"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/debroot"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/runner/boltstate"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// call runs the command line.
func call(t *testing.T, args ...string) (code int, out, err string) {
	t.Helper()
	var o, e bytes.Buffer
	code = Run(t.Context(), args, &o, &e)
	return code, o.String(), e.String()
}

func put(t *testing.T, name, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	return file
}

// Every bad flag and file is reported, all at once, with exit code 2, and
// nothing is written.
func TestBadInput(t *testing.T) {
	s := newServer(t)
	state := filepath.Join(t.TempDir(), "state")
	empty, rubbish := put(t, "empty", " \n"), put(t, "rubbish", "hello")
	huge := put(t, "huge", strings.Repeat("x", maxInput+1))
	enrol := func(more ...string) []string {
		return append([]string{"enrol", "--state", state, "--server", s.url, "--token", token, "--name", "web-1"}, more...)
	}
	for _, tt := range []struct {
		name string
		args []string
		want []string
	}{
		{"unknown command", []string{"dance"}, []string{`unknown command "dance"`}},
		{"unknown flag", []string{"scan", "--fast"}, []string{"--fast"}},
		{"argument", []string{"scan", "x"}, []string{`"x"`}},
		{"bad duration", []string{"run", "--check-in-every", "soon"}, []string{"soon"}},
		{"no such root", []string{"scan", "--root", "/nowhere"}, []string{"--root: /nowhere is not a folder"}},
		{"nothing given", []string{"enrol", "--state", state}, []string{"--server", "--token-file"}},
		{"both tokens", enrol("--token-file", empty), []string{"either --token-file or --token"}},
		{"bad server", enrol("--server", "ftp://x"), []string{"not an http or https URL"}},
		{"bad name", enrol("--name", "a b"), []string{"--name"}},
		{"bad fingerprint", enrol("--fingerprint", "sha256:12"), []string{"--fingerprint"}},
		{"missing file", enrol("--token", "", "--token-file", "/nowhere"), []string{"--token-file"}},
		{"empty file", enrol("--token", "", "--token-file", empty), []string{"is empty"}},
		{"huge file", enrol("--token", "", "--token-file", huge), []string{"more than"}},
		{"no certificates", enrol("--ca", rubbish), []string{"--ca"}},
		{"the administrator's token", enrol("--token", "ppa_ABCDEFGHIJKLMNOPQRSTUVWXYZ"), []string{"the administrator's token, which no agent must have"}},
		{"tags of its own choice", enrol("--tag", "web"), []string{"--tag"}},
		{"four faults", []string{"enrol", "--state", state, "--server", "x", "--name", "/", "--fingerprint", "y"}, []string{"--server", "--token-file", "--name", "--fingerprint"}},
		{"bad policy", []string{"run", "--state", state, "--policy", rubbish}, []string{"--policy: signer policy is not valid"}},
		{"bad policy to enrol with", enrol("--policy", put(t, "policy", `{"format": 1, "clauses": [{"strikt": true}]}`)), []string{"--policy", `unknown field "strikt"`}},
		{"policy with bad keys", enrol("--policy", put(t, "policy", `{"format": 1, "signers": [{"name": "A", "sigstore": [{"keys": ["-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"]}]}]}`)),
			[]string{"signers[0].sigstore[0].keys[0]"}},
		{"nothing to verify", []string{"verify"}, []string{"name the files"}},
		{"four faults to verify", []string{"verify", "a", "b", "--policy", rubbish, "--digest", "sha256:12", "--signature", "c"}, []string{"2 are named", "--digest", "--policy: signer policy is not valid"}},
		{"no signature file", []string{"verify", rubbish, "--signature", "/nowhere"}, []string{"signature file"}},
		{"not enrolled", []string{"run", "--state", state}, []string{"agent enrol"}},
		{"not enrolled, status", []string{"status", "--state", state}, []string{"agent enrol"}},
		{"four faults to run", []string{"run", "--state", state, "--root", "/nowhere", "--check-in-every", "1ms", "--reboot-command", "x", "--policy", "/no-policy"},
			[]string{"--root", "--check-in-every", "--reboot-command", "--policy"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			code, out, err := call(t, tt.args...)
			require.Equal(t, Usage, code, err)
			require.Empty(t, out)
			for _, want := range tt.want {
				require.Contains(t, err, want)
			}
			require.NoFileExists(t, filepath.Join(state, "agent.json"))
		})
	}
}

func TestHelpTeaches(t *testing.T) {
	for _, args := range [][]string{{}, {"--help"}, {"scan", "--help"}, {"enrol", "--help"}, {"leave", "--help"}, {"run", "--help"}, {"status", "--help"}, {"verify", "--help"}} {
		code, out, _ := call(t, args...)
		require.Equal(t, OK, code)
		require.Contains(t, out, "Usage:")
		for line := range strings.Lines(out) {
			require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), 80, line)
		}
	}
}

func TestEnrol(t *testing.T) {
	s := newServer(t)
	state := filepath.Join(t.TempDir(), "state")
	enrol := []string{"enrol", "--state", state, "--server", s.url + "/", "--name", "web-1"}

	code, _, err := call(t, append(enrol, "--token", "wrong")...)
	require.Equal(t, Failed, code)
	require.Contains(t, err, "token")
	code, _, err = call(t, append(enrol, "--token", token, "--fingerprint", "sha256:"+strings.Repeat("0", 64))...)
	require.Equal(t, Failed, code)
	require.Contains(t, err, manifest.TrustFingerprint(s.trust))
	first, _, _ := s.said()
	require.Empty(t, first, "nothing is sent to the wrong server (MAN-12)")
	key, keyErr := home.Home(state).MakeKey(false)
	require.NoError(t, keyErr)
	code, _, _ = call(t, append(enrol, "--token", "wrong")...)
	require.Equal(t, Failed, code)

	code, out, err := call(t, append(enrol, "--token-file", put(t, "token", token+"\n"), "--fingerprint", manifest.TrustFingerprint(s.trust))...)
	require.Equal(t, OK, code, err)
	require.Contains(t, out, manifest.TrustFingerprint(s.trust))
	second, _, _ := s.said()
	require.EqualValues(t, key[ed25519.SeedSize:], second.Key, "tried again with the same key, as after a lost answer")

	id, _, loadErr := home.Home(state).Load()
	require.NoError(t, loadErr)
	require.Equal(t, home.Identity{Format: 1, Server: s.url, Asset: "web-1", Trust: id.Trust, Every: time.Minute}, id)
	for _, name := range []string{"agent.json", "agent.key"} {
		info, err := os.Stat(filepath.Join(state, name))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	code, _, err = call(t, append(enrol, "--token", token)...)
	require.Equal(t, Usage, code)
	require.Contains(t, err, "already")

	code, out, err = call(t, "status", "--state", state)
	require.Equal(t, OK, code, err)
	require.Contains(t, out, "asset      web-1")

	// A key that others can read is refused, and so is a damaged file.
	require.NoError(t, os.Chmod(filepath.Join(state, "agent.key"), 0o640))
	code, _, err = call(t, "run", "--state", state)
	require.Equal(t, Usage, code)
	require.Contains(t, err, "can be read by others")
	require.NoError(t, os.Chmod(filepath.Join(state, "agent.key"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(state, "agent.key"), []byte("x"), 0o600))
	code, _, err = call(t, "run", "--state", state)
	require.Equal(t, Usage, code)
	require.Contains(t, err, "not a single PEM block")
	require.NoError(t, os.WriteFile(filepath.Join(state, "agent.json"), []byte(`{"format":2}`), 0o600))
	code, _, err = call(t, "status", "--state", state)
	require.Equal(t, Usage, code)
	require.Contains(t, err, "format")
}

func TestServerDown(t *testing.T) {
	code, _, err := call(t, "enrol", "--state", t.TempDir(), "--server", "http://127.0.0.1:1", "--token", token, "--name", "web-1")
	require.Equal(t, Failed, code)
	require.Contains(t, err, "refused")
}

// asset is an enrolled agent of a tiny real Debian root with one installed
// package.
type asset struct {
	server      *server
	root, state string
	files       string // the folder of its order's files
	order       job.Order
}

func newAsset(t *testing.T) *asset {
	t.Helper()
	if why := debroot.Missing(); why != "" {
		require.NotEqual(t, "true", os.Getenv("CI"), why)
		t.Skip("SKIPPED ALOUD: " + why)
	}
	a := &asset{server: newServer(t), root: filepath.Join(t.TempDir(), "root"), state: filepath.Join(t.TempDir(), "state")}
	require.NoError(t, debroot.Tiny(t.Context(), a.root))
	old, err := debroot.Deb{Name: "demo", Version: "1"}.Build(t.Context(), t.TempDir())
	require.NoError(t, err)
	require.NoError(t, debroot.Install(t.Context(), a.root, old))
	code, _, text := call(t, "enrol", "--state", a.state, "--server", a.server.url, "--token", token, "--name", "web-1")
	require.Equal(t, OK, code, text)

	file, err := debroot.Deb{Name: "demo", Version: "2"}.Build(t.Context(), t.TempDir())
	require.NoError(t, err)
	a.files = filepath.Dir(file)
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	sum := sha256.Sum256(data)
	arch, err := debroot.Architecture(t.Context())
	require.NoError(t, err)
	to, err := version.Parse(version.Debian, "2")
	require.NoError(t, err)
	product := debian.ProductID("tiny", arch, "demo")
	a.order = job.Order{
		Job: "upgrade", Name: "upgrade", Revision: 1, NoLastCall: true,
		Patches: []job.OrderPatch{{
			Patch: debian.PatchID(product, "2"), Product: product, Name: "demo", Version: to, Transaction: "dpkg",
			Files: []job.File{{
				Name: filepath.Base(file), URL: "file://" + file, Size: int64(len(data)),
				Expect: integrity.Expectation{Digests: []integrity.Digest{{Algorithm: integrity.SHA256, Sum: hex.EncodeToString(sum[:])}}},
			}},
		}},
	}
	a.startAt(time.Now())
	return a
}

func (a *asset) startAt(at time.Time) {
	a.order.Start = at.UTC().Truncate(time.Second)
	a.order.Run = job.RunID("upgrade@" + a.order.Start.Format("20060102T150405Z"))
	a.order.ID = job.OrderID(string(a.order.Run) + "/web-1")
}

func (a *asset) run(t *testing.T) (code int, err string) {
	code, _, err = call(t, "run", "--state", a.state, "--root", a.root, "--local-files", a.files, "--check-in-every", "100ms", "--until-idle", "-v")
	return code, err
}

// The real agent upgrades a real package. Its journal equals the reports that
// the server got, and status shows the result.
func TestRunUpgradesAPackage_JOB1(t *testing.T) {
	a := newAsset(t)
	code, log := a.run(t)
	require.Equal(t, OK, code, log)
	_, inventory, _ := a.server.said()
	require.NotNil(t, inventory)

	a.server.hand(2, a.order)
	code, log = a.run(t)
	require.Equal(t, OK, code, log)
	require.Equal(t, job.Completed.String(), a.server.result(a.order.ID).String(), log)
	is, err := debroot.Version(t.Context(), a.root, "demo")
	require.NoError(t, err)
	require.Equal(t, "ii 2", is)
	_, _, reports := a.server.said()
	require.Equal(t, reports, a.journal(t))

	var s shown
	code, out, text := call(t, "status", "--state", a.state, "--json")
	require.Equal(t, OK, code, text)
	require.NoError(t, json.Unmarshal([]byte(out), &s))
	require.Equal(t, manifest.Revision(2), s.State.Revision)
	require.Empty(t, s.State.Queue)
	file, err := boltstate.Open(home.Home(a.state).StateFile())
	require.NoError(t, err)
	_, ended, err := file.Load(t.Context())
	require.NoError(t, errors.Join(err, file.Close()))
	require.Contains(t, string(ended), a.order.ID, "remembered (JOB-24)")
	code, out, _ = call(t, "status", "--state", a.state)
	require.Equal(t, OK, code)
	require.Contains(t, out, "revision   2")
	require.Contains(t, out, "reports    0 not acknowledged")
}

func (a *asset) journal(t *testing.T) []job.Report {
	data, err := os.ReadFile(filepath.Join(a.state, "journal.jsonl"))
	require.NoError(t, err)
	var reports []job.Report
	for line := range bytes.Lines(data) {
		var r job.Report
		require.NoError(t, json.Unmarshal(line, &r))
		reports = append(reports, r)
	}
	return reports
}

func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "agent")
	out, err := exec.Command("go", "build", "-o", program, "..").CombinedOutput()
	require.NoError(t, err, string(out))
	return program
}

// SIGTERM ends the program while it reads a file that returns nothing, as the
// kernel's log does.
func TestProcessStopsWhileAFileBlocks_INT11(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: building and running the program takes a while; run without -short")
	}
	if f, err := os.Open("/proc/kmsg"); err != nil {
		t.Skip("SKIPPED ALOUD: this needs root and a kernel whose log can be read: " + err.Error())
	} else {
		require.NoError(t, f.Close())
	}
	a := newAsset(t)
	a.order.Patches[0].Files[0].URL = "file:///proc/kmsg"
	a.server.hand(2, a.order)
	agent := exec.Command(build(t), "run", "--state", a.state, "--root", a.root, "--check-in-every", "100ms", "--local-files", "/")
	var log bytes.Buffer
	agent.Stderr = &log
	require.NoError(t, agent.Start())
	ended := make(chan error, 1)
	go func() { ended <- agent.Wait() }()
	require.Eventually(t, func() bool {
		staged, err := filepath.Glob(filepath.Join(a.state, "stage", "*", "*", "*.part"))
		return err == nil && len(staged) > 0
	}, time.Minute, 50*time.Millisecond, "the download begins")
	require.NoError(t, agent.Process.Signal(syscall.SIGTERM))
	select {
	case err := <-ended:
		require.NoError(t, err, "%s", &log)
	case <-time.After(time.Minute):
		require.NoError(t, agent.Process.Kill())
		t.Fatal("the agent does not end")
	}
}

// The program itself: status works while it runs, a second one is refused, and
// SIGTERM ends it with 0.
func TestProcessStopsCleanly(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: building and running the program takes a while; run without -short")
	}
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED ALOUD: there is no SIGTERM on Windows")
	}
	a := newAsset(t)
	program := build(t)
	a.startAt(time.Now().Add(24 * time.Hour))
	a.server.hand(2, a.order)
	agent := exec.Command(program, "run", "--state", a.state, "--root", a.root, "--check-in-every", "100ms")
	var log bytes.Buffer
	agent.Stderr = &log
	require.NoError(t, agent.Start())
	ended := make(chan error, 1)
	go func() { ended <- agent.Wait() }()
	require.Eventually(t, func() bool {
		var s shown
		code, out, _ := call(t, "status", "--state", a.state, "--json")
		return code == OK && json.Unmarshal([]byte(out), &s) == nil && s.Running && len(s.State.Queue) == 1
	}, 20*time.Second, 50*time.Millisecond, "status shows the order that waits")
	code, text, _ := call(t, "status", "--state", a.state)
	require.Equal(t, OK, code)
	require.Contains(t, text, "running    yes")
	require.Contains(t, text, fmt.Sprintf("%s (upgrade): starts", a.order.ID))

	second := exec.Command(program, "run", "--state", a.state, "--root", a.root)
	said, err := second.CombinedOutput()
	require.Error(t, err)
	require.Equal(t, Failed, second.ProcessState.ExitCode())
	require.Contains(t, string(said), "another agent uses this state file")

	require.NoError(t, agent.Process.Signal(syscall.SIGTERM))
	require.NoError(t, <-ended, "%s", &log)
	require.Contains(t, log.String(), "the agent stopped")
	code, text, _ = call(t, "status", "--state", a.state)
	require.Equal(t, OK, code)
	require.Contains(t, text, "running    no")
	require.Contains(t, text, "queued     1")
}

// A context that has ended ends the run with 0.
func TestRunStops(t *testing.T) {
	a := newAsset(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	require.Equal(t, OK, Run(ctx, []string{"run", "--state", a.state, "--root", a.root}, &out, &out), out.String())
}

func TestScanCommand(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED ALOUD: a scan needs Linux")
	}
	a := newAsset(t)
	code, out, err := call(t, "scan", "--root", a.root)
	require.Equal(t, Failed, code)
	require.Empty(t, out)
	require.NotEmpty(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(a.root, "etc/apt/sources.list"), []byte("deb http://127.0.0.1:1/ tiny main\n"), 0o600))
	code, _, err = call(t, "scan", "--root", a.root, "--json")
	require.Equal(t, Failed, code)
	require.Contains(t, err, `run "apt-get update" first`)
}

// An agent does not start or enrol in a folder that another user prepared.
func TestFilesOfOthersAreRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: acting as another user needs root")
	}
	s := newServer(t)
	dir := t.TempDir()
	enrol := func(state string, more ...string) []string {
		return append([]string{"enrol", "--state", state, "--server", s.url, "--name", "web-1"}, more...)
	}
	theirs := filepath.Join(dir, "theirs")
	require.NoError(t, os.Mkdir(theirs, 0o700))
	require.NoError(t, os.Chown(theirs, 65534, 65534))
	code, _, err := call(t, enrol(theirs, "--token", token)...)
	require.Equal(t, Usage, code)
	require.Contains(t, err, "belongs to user 65534")
	planted := filepath.Join(dir, "planted")
	require.NoError(t, os.Mkdir(planted, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(planted, "agent.key"), nil, 0o600))
	require.NoError(t, os.Chown(filepath.Join(planted, "agent.key"), 65534, 65534))
	code, _, err = call(t, enrol(planted, "--token", token)...)
	require.Equal(t, Usage, code)
	require.Contains(t, err, "belongs to user 65534")
	state := filepath.Join(dir, "state")
	file := put(t, "token", token)
	require.NoError(t, os.Chmod(file, 0o644))
	code, _, err = call(t, enrol(state, "--token-file", file)...)
	require.Equal(t, Usage, code)
	require.Contains(t, err, "chmod 600")
	sent, _, _ := s.said()
	require.Empty(t, sent.Asset, "nothing was sent")
	require.NoError(t, os.Chmod(file, 0o600))
	code, _, err = call(t, enrol(state, "--token-file", file)...)
	require.Equal(t, OK, code, err)
	for _, name := range []string{"state.db", "journal.jsonl"} {
		target := filepath.Join(dir, "target")
		require.NoError(t, os.Symlink(target, filepath.Join(state, name)))
		for _, command := range []string{"run", "status"} {
			code, _, err = call(t, command, "--state", state)
			require.Equal(t, Usage, code)
			require.Contains(t, err, name+" is a link")
		}
		require.NoFileExists(t, target)
		require.NoError(t, os.Remove(filepath.Join(state, name)))
	}
}
