package staging_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/runner/internal/staging"
)

// raceEnv is how long each race lasts, a duration; a second where it is not
// set.
const raceEnv = "STAGING_TEST_RACE"

// race is a store under attack by another user's process.
type race struct {
	*bench
	base   string
	patch  job.OrderPatch
	data   [2][]byte // of the patch's files
	paths  []string
	budget time.Duration

	good, refused int
	reasons       map[string]int // of refusals, by what they say
}

func newRace(t *testing.T) *race {
	t.Helper()
	needRoot(t)
	r := &race{base: enterable(t), data: [2][]byte{content(40_000), content(30_000)}, budget: time.Second, reasons: map[string]int{}}
	if testing.Short() {
		r.budget = 50 * time.Millisecond
	}
	if text := os.Getenv(raceEnv); text != "" {
		var err error
		r.budget, err = time.ParseDuration(text)
		require.NoError(t, err)
	}
	r.bench = newBench(t, func(w http.ResponseWriter, q *http.Request) { serve(r.data[len(q.URL.Path)%2])(w, q) })
	r.patch = r.bench.patch(job.File{Name: "zero", URL: "/0"}, job.File{Name: "one", URL: "/11"})
	r.data[0], r.data[1] = r.data[len("/0")%2], r.data[len("/11")%2]
	// Where the files of this patch lie is no secret.
	_, failure := r.bench.store.Fetch(t.Context(), key, r.patch)
	require.Nil(t, failure)
	for _, ending := range []string{".file", ".part", ".meta"} {
		for i := range 2 {
			paths, err := filepath.Glob(filepath.Join(r.bench.dir, "*", "*", "0.file"))
			require.NoError(t, err)
			require.Len(t, paths, 1)
			path, err := filepath.Rel(r.bench.dir, filepath.Join(filepath.Dir(paths[0]), fmt.Sprint(i)+ending))
			require.NoError(t, err)
			r.paths = append(r.paths, path)
		}
	}
	r.bench.dir = filepath.Join(r.base, "parent", "stage")
	return r
}

// attack runs until the returned function is called, which reports what worked.
func (r *race) attack(swap bool) (stop func() map[string]int) {
	r.Helper()
	own := filepath.Join(r.base, "own")
	mkdir(r.T, own, 0o755, nobody)
	self, err := os.Executable()
	require.NoError(r, err)
	program, err := os.ReadFile(self)
	require.NoError(r, err)
	self = filepath.Join(r.base, "attacker")
	require.NoError(r, os.WriteFile(self, program, 0o755))
	text, err := json.Marshal(attack{Stage: r.dir, Paths: r.paths, Own: own, Swap: swap, Seed: rand.Uint64()})
	require.NoError(r, err)
	cmd := exec.Command(self)
	cmd.Dir = "/"
	cmd.Env = []string{attackEnv + "=" + string(text)}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}, Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	require.NoError(r, err)
	out, err := cmd.StdoutPipe()
	require.NoError(r, err)
	require.NoError(r, cmd.Start())
	r.Cleanup(func() { _ = cmd.Process.Kill() }) // where the test ends early
	ready := make([]byte, len("ready\n"))
	_, err = io.ReadFull(out, ready)
	require.NoError(r, err)
	return func() map[string]int {
		require.NoError(r, in.Close())
		var worked map[string]int
		require.NoError(r, json.NewDecoder(out).Decode(&worked))
		require.NoError(r, cmd.Wait())
		r.Logf("%d times good, %d times refused %v; attempts that worked: %v", r.good, r.refused, r.reasons, worked)
		return worked
	}
}

// install opens what is staged as a deploy does and reads what an installer
// would, and wants either the verified bytes or a refusal with its code.
func (r *race) install(store *staging.Store, found []execution.Evidence) {
	r.Helper()
	staged := execution.Staged{Patch: r.patch}
	for i, e := range found {
		require.Equal(r, sum(r.data[i]), e.Digests[0], "other bytes were taken for what came")
		staged.Digests = append(staged.Digests, e.Digests[0])
	}
	files, failure := store.Open(key, staged)
	if failure != nil {
		require.Contains(r, []job.Code{job.FileValidationFailed, job.FileHashValidationFailed}, failure.Code, failure.Text)
		require.Contains(r, failure.Text, "so it is not installed")
		r.refuse(fmt.Sprint(uint8(failure.Code)))
		return
	}
	for i, f := range files {
		// By the descriptor, and by its path as dpkg is given it.
		got, err := io.ReadAll(f)
		require.NoError(r, err)
		require.True(r, bytes.Equal(r.data[i], got), "other bytes would be installed: %.80q", got)
		got, err = os.ReadFile(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
		require.NoError(r, err)
		require.True(r, bytes.Equal(r.data[i], got), "other bytes would be installed: %.80q", got)
		require.NoError(r, f.Close())
	}
	r.good++
}

func (r *race) refuse(reason string) {
	r.refused++
	r.reasons[reason]++
}

func (r *race) start() (*staging.Store, error) {
	return staging.Open(r.dir, staging.Config{HTTP: http.DefaultClient, Verifier: seen{}, Stall: time.Second, Tries: 1})
}

// clear deletes the folder, into which the attacker may put more meanwhile.
func (r *race) clear() {
	for os.RemoveAll(r.dir) != nil {
		require.NoError(r, r.Context().Err())
	}
}

// until runs rounds for the budget, and longer where that was not enough to see
// both sides at work.
func (r *race) until(enough func() bool, round func()) {
	start := time.Now()
	for !r.Failed() && (time.Since(start) < r.budget || !enough()) {
		require.Less(r, time.Since(start), r.budget+time.Minute, "one of the two sides does nothing: %d good, %d refused", r.good, r.refused)
		round()
	}
}

func (r *race) both() bool { return r.good > 0 && r.refused > 0 }

func (r *race) either() bool { return r.good+r.refused > 0 }

// reason is a refusal to start, without what differs from time to time.
func reason(err error) string {
	for _, s := range []string{"belongs to user", "writable by others", "is a link or a file", "swapped", "could not be deleted", "no such file", "file exists", "not a directory"} {
		if strings.Contains(err.Error(), s) {
			return s
		}
	}
	return err.Error()
}

// In a sticky folder such as /tmp others can take the place before the agent
// makes its folder, and nothing afterwards.
func TestRaceForThePlaceInAStickyFolder_INT6(t *testing.T) {
	r := newRace(t)
	mkdir(t, filepath.Dir(r.dir), 0o777|os.ModeSticky, 0)
	stop := r.attack(false)
	r.until(r.both, func() {
		store, err := r.start()
		if err == nil {
			found, failure := store.Fetch(t.Context(), key, r.patch)
			require.Nil(t, failure)
			r.install(store, found)
			require.NoError(t, store.Close())
		} else {
			r.refuse(reason(err))
		}
		r.clear()
	})
	stop()
}

// Where others may write above the folder it is not used at all.
func TestRaceBelowAFolderOpenToAll_INT6(t *testing.T) {
	r := newRace(t)
	mkdir(t, filepath.Dir(r.dir), 0o777, 0)
	stop := r.attack(false)
	r.until(r.either, func() {
		_, err := r.start()
		require.ErrorContains(t, err, "writable by others")
		r.refuse(reason(err))
	})
	stop()
}

// An administrator opens the folder above while the agent runs: the agent goes
// on in the folder it has, wherever that is by now, and does not start there
// again.
func TestRaceAfterTheParentWasOpened_INT6(t *testing.T) {
	r := newRace(t)
	parent := filepath.Dir(r.dir)
	mkdir(t, parent, 0o755, 0)
	store, err := r.start()
	require.NoError(t, err)
	defer store.Close()
	found, failure := store.Fetch(t.Context(), key, r.patch)
	require.Nil(t, failure)
	require.NoError(t, os.Chmod(parent, 0o777))
	stop := r.attack(false)
	away := func() bool {
		_, err := os.Lstat(filepath.Join(parent, "away"))
		return err == nil
	}
	r.until(away, func() {
		r.install(store, found)
		require.NoError(t, store.Discard(key))
		found, failure = store.Fetch(t.Context(), key, r.patch)
		require.Nil(t, failure)
		_, err := r.start()
		require.Error(t, err)
	})
	stop()
	require.Positive(t, r.good)
	require.Zero(t, r.refused)
}

// An administrator opens the folder itself while files wait in it. Its files
// can be swapped then, and each swap is found.
func TestRaceAfterTheFolderWasOpened_INT6(t *testing.T) {
	for name, swap := range map[string]bool{"everything": false, "two of the agent's own files": true} {
		t.Run(name, func(t *testing.T) {
			r := newRace(t)
			mkdir(t, filepath.Dir(r.dir), 0o755, 0)
			stop := r.attack(swap)
			seen := func() bool { return r.both() && (!swap || r.reasons["12"] > 0) }
			r.until(seen, func() {
				store, err := r.start()
				require.NoError(t, err)
				defer store.Close()
				found, failure := store.Fetch(t.Context(), key, r.patch)
				require.Nil(t, failure)
				r.open()
				for range 20 {
					r.install(store, found)
				}
			})
			stop()
		})
	}
}

// open gives everybody the folder and those in it, as nobody should.
func (r *race) open() {
	folder := filepath.Join(r.dir, filepath.Dir(r.paths[0]))
	for _, dir := range []string{folder, filepath.Dir(folder), r.dir} {
		require.NoError(r, os.Chmod(dir, 0o777))
	}
}

// The same while the files come: what is staged may fail, and what does not is
// what came.
func TestRaceWhileTheFolderIsOpened_INT6(t *testing.T) {
	r := newRace(t)
	mkdir(t, filepath.Dir(r.dir), 0o755, 0)
	stop := r.attack(false)
	folder := filepath.Join(r.dir, filepath.Dir(r.paths[0]))
	r.until(r.either, func() {
		store, err := r.start()
		require.NoError(t, err)
		defer store.Close()
		require.NoError(t, os.MkdirAll(folder, 0o700))
		r.open()
		for range 5 {
			found, failure := store.Fetch(t.Context(), key, r.patch)
			if failure != nil {
				r.refuse("fetch: " + fmt.Sprint(uint8(failure.Code)))
				continue
			}
			if found[0].Digests[0] != sum(r.data[0]) || found[1].Digests[0] != sum(r.data[1]) {
				r.refuse("other bytes, and integrity judges them as what they are")
				continue
			}
			r.install(store, found)
		}
	})
	stop()
}

// Whoever was in the folder before the agent started, and holds files in it
// open, changes nothing that is installed.
func TestRaceWithFilesHeldOpen_INT6(t *testing.T) {
	r := newRace(t)
	mkdir(t, filepath.Dir(r.dir), 0o755, 0)
	precious := filepath.Join(r.base, "precious")
	require.NoError(t, os.WriteFile(precious, []byte("precious"), 0o600))
	stop := r.attack(false)
	r.until(func() bool { return r.good > 0 }, func() {
		mkdir(t, r.dir, 0o777, 0)
		part := filepath.Join(r.dir, r.paths[2])
		_ = os.MkdirAll(filepath.Dir(part), 0o777) // the attacker may be there already
		_ = os.Link(precious, part)
		for deadline := time.Now().Add(20 * time.Millisecond); time.Now().Before(deadline); {
			if info, err := os.Lstat(filepath.Join(r.dir, r.paths[0])); err == nil && info.Mode().IsRegular() {
				break // planted
			}
		}
		store, err := r.start()
		if err != nil { // it adds faster than can be deleted
			r.refuse(reason(err))
		} else {
			found, failure := store.Fetch(t.Context(), key, r.patch)
			require.Nil(t, failure)
			r.install(store, found)
			require.NoError(t, store.Close())
		}
		r.clear()
	})
	stop()
	got, err := os.ReadFile(precious)
	require.NoError(t, err)
	require.Equal(t, "precious", string(got))
}
