package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

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
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: real packages take a while; run without -short")
	}
	if why := debroot.Missing(); why != "" {
		require.NotEqual(t, "true", os.Getenv("CI"), why)
		t.Skip("SKIPPED ALOUD: " + why)
	}
	a := &asset{server: newServer(t), root: filepath.Join(t.TempDir(), "root"), state: filepath.Join(t.TempDir(), "state")}
	require.NoError(t, debroot.Tiny(t.Context(), a.root))
	old, err := debroot.Deb{Name: "demo", Version: "1"}.Build(t.Context(), t.TempDir())
	require.NoError(t, err)
	require.NoError(t, debroot.Install(t.Context(), a.root, old))
	code, _, text := call(t, "enrol", "--state", a.state, "--server", a.server.url, "--token-file", put(t, "token", token), "--name", "web-1")
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
