package runner_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/runner"
	"github.com/patchpolicy/patchpolicy/job/runner/boltstate"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/reboot"
)

const childEnv = "RUNNER_TEST_CHILD"

// TestMain is the agent that the crash test kills: "folder|server|n" runs until
// its order ended and is acknowledged, or kills itself at the n-th point of
// Config.Trace.
func TestMain(m *testing.M) {
	args := strings.Split(os.Getenv(childEnv), "|")
	if len(args) != 3 {
		os.Exit(m.Run())
	}
	if err := child(args[0], args[1], args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func child(dir, server, point string) error {
	killAt, err := strconv.Atoi(point)
	if err != nil {
		return err
	}
	state, err := boltstate.Open(filepath.Join(dir, "state.db"))
	if err != nil {
		return err
	}
	defer state.Close()
	trace, err := os.OpenFile(filepath.Join(dir, "trace"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer trace.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var mu sync.Mutex
	points := 0
	done := false
	err = runner.Run(ctx, runner.Config{
		Agent: agent.Config{Asset: asset, Key: manifest.NewVerifier(serverKey.Public().(ed25519.PublicKey))},
		State: state, Platform: folder(dir), Server: remote(server), Verifier: unsigned{}, Stage: filepath.Join(dir, "stage"),
		Trace: func(p string) {
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprintln(trace, p)
			if points++; points == killAt {
				self, err := os.FindProcess(os.Getpid())
				if err == nil {
					err = self.Kill()
				}
				panic(fmt.Sprint("still alive: ", err))
			}
		},
		Observe: func(s agent.State) {
			if s.Sequence > 0 && len(s.Executions)+len(s.Queue)+len(s.Reports) == 0 {
				done = true
				cancel()
			}
		},
	})
	if err != nil {
		return err
	}
	if !done {
		return fmt.Errorf("the order did not end in time")
	}
	return nil
}

// remote is a Server over HTTP.
type remote string

func (r remote) CheckIn(ctx context.Context, in manifest.CheckIn) (manifest.Answer, error) {
	var a manifest.Answer
	b, err := json.Marshal(in)
	if err != nil {
		return a, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, string(r)+"/check-in", bytes.NewReader(b))
	if err != nil {
		return a, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return a, err
	}
	defer res.Body.Close()
	return a, json.NewDecoder(res.Body).Decode(&a)
}

// folder is a Platform whose disk is a folder: a file for each product holds
// its version, and a log counts the installs.
type folder string

func (f folder) product(id catalog.ProductID) string {
	return filepath.Join(string(f), "installed", string(id))
}

func (f folder) Inventory(context.Context) (catalog.Inventory, error) {
	var all []catalog.Installed
	names, err := os.ReadDir(filepath.Join(string(f), "installed"))
	if err != nil {
		return catalog.Inventory{}, err
	}
	for _, n := range names {
		b, err := os.ReadFile(f.product(catalog.ProductID(n.Name())))
		if err != nil {
			return catalog.Inventory{}, err
		}
		all = append(all, catalog.Installed{Product: catalog.ProductID(n.Name()), Version: semver(string(b))})
	}
	return catalog.NewInventory(catalog.Linux, all)
}

func (f folder) Status(context.Context) (runner.Status, error) {
	return runner.Status{BootID: "boot", Sessions: reboot.Nobody}, nil
}

func (f folder) Preflight(context.Context, []runner.Staged) ([]execution.PreflightResult, error) {
	return nil, nil
}

func (f folder) Install(_ context.Context, patches []runner.Staged, _ time.Duration) ([]execution.InstallResult, error) {
	var out []execution.InstallResult
	for _, p := range patches {
		log, err := os.OpenFile(filepath.Join(string(f), "installs"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, err
		}
		fmt.Fprintln(log, p.Patch.Product)
		if err := log.Close(); err != nil {
			return nil, err
		}
		b, err := io.ReadAll(p.Files[0])
		if err != nil {
			return nil, err
		}
		fresh := filepath.Join(string(f), "fresh")
		if err := os.WriteFile(fresh, b, 0o600); err != nil {
			return nil, err
		}
		if err := os.Rename(fresh, f.product(p.Patch.Product)); err != nil { // a kill leaves the old version or the new one
			return nil, err
		}
		out = append(out, execution.InstallResult{Index: p.Index})
	}
	return out, nil
}

func (f folder) RunAction(context.Context, job.Action) (int, string, error) { return 0, "", nil }
func (f folder) Prompt(context.Context, execution.Prompt, func(execution.PromptAnswered)) error {
	return nil
}
func (f folder) Reboot(context.Context) error { return runner.ErrRebootNotAllowed }

// The real agent process is killed at every single step it takes; the next one
// finishes the work: no report is lost or repeated, nothing that was staged is
// fetched again, and nothing is installed a third time.
func TestKilledAtEveryPoint_JOB17_JOB21(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 7
	}
	for point := 1; ; point += step {
		if !killedAt(t, point) {
			require.Greater(t, point, 25, "the agent takes more steps than this")
			return
		}
		if t.Failed() {
			return
		}
	}
}

// killedAt runs one agent to its n-th point and another to the end. It returns
// false when the first ended before that point.
func killedAt(t *testing.T, point int) (killed bool) {
	t.Helper()
	b := newBench(t)
	require.NoError(t, os.Mkdir(filepath.Join(b.dir, "installed"), 0o700))
	for _, p := range []catalog.ProductID{"app", "lib"} {
		require.NoError(t, os.WriteFile(folder(b.dir).product(p), []byte("1.0.0"), 0o600))
	}
	var mu sync.Mutex
	fetched := map[string]int{}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/check-in" {
			mu.Lock()
			fetched[r.URL.Path]++
			mu.Unlock()
			io.WriteString(w, "2.0.0")
			return
		}
		var in manifest.CheckIn
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		a, err := b.server.CheckIn(r.Context(), in)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		json.NewEncoder(w).Encode(a)
	}))
	defer web.Close()
	o := b.order("patchday", "app", "lib")
	for i := range o.Patches {
		o.Patches[i].Files[0].URL = web.URL + "/" + o.Patches[i].Name
	}
	b.server.put(o)

	run := func(point int) error {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s|%s|%d", childEnv, b.dir, web.URL, point))
		out, err := cmd.CombinedOutput()
		if err != nil && len(out) > 0 {
			t.Fatalf("the agent failed at point %d: %s", point, out)
		}
		return err
	}
	err := run(point)
	killed = err != nil
	before, readErr := os.ReadFile(filepath.Join(b.dir, "trace"))
	require.NoError(t, readErr)
	if killed {
		require.NoError(t, run(0), "after a kill at point %d", point)
	}

	at := fmt.Sprintf("killed at point %d, after\n%s", point, before)
	r := b.server.result()
	require.NotNil(t, r, at)
	require.Contains(t, []job.Result{job.Completed}, r.Result, at)
	results := 0
	for i, r := range b.server.accepted {
		require.EqualValues(t, i+1, r.Sequence, at)
		if r.Result == job.Completed {
			results++
		}
	}
	require.Equal(t, 1, results, at)
	installs, err := os.ReadFile(filepath.Join(b.dir, "installs"))
	require.NoError(t, err)
	downloads := strings.Count(string(before), "download:after")
	for i, name := range []string{"app", "lib"} {
		v, err := os.ReadFile(filepath.Join(b.dir, "installed", name))
		require.NoError(t, err)
		require.Equal(t, "2.0.0", string(v), at)
		require.LessOrEqual(t, strings.Count(string(installs), name), 2, at)
		if !killed || downloads > i {
			require.Equal(t, 1, fetched["/"+name], "staged, and fetched again: %s", at)
		}
	}
	return killed
}
