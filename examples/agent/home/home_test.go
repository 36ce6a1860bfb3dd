package home

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/manifest"
)

func made(t *testing.T) Home {
	t.Helper()
	h := Home(filepath.Join(t.TempDir(), "a", "b"))
	require.NoError(t, h.Make())
	return h
}

// trust is a trust document of some server.
func trust(t *testing.T) []byte {
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	exchange, err := manifest.AgentExchange(private)
	require.NoError(t, err)
	own := manifest.Ed25519(private.Public().(ed25519.PublicKey))
	sealed, err := manifest.SealTrust(manifest.NewTrust(own, own, exchange, time.Now()), manifest.NewSigner(private))
	require.NoError(t, err)
	return sealed
}

func TestIdentityRoundTrip(t *testing.T) {
	h := made(t)
	_, _, err := h.Load()
	require.ErrorIs(t, err, ErrNotEnrolled)
	require.False(t, h.Enrolled())
	key, err := h.MakeKey(false)
	require.NoError(t, err)
	again, err := h.MakeKey(false)
	require.NoError(t, err)
	require.Equal(t, key, again)
	want := Identity{Format: 1, Server: "http://127.0.0.1", Asset: "web-1", Trust: trust(t), Every: time.Minute}
	require.NoError(t, h.Save(want))
	require.True(t, h.Enrolled())
	got, have, err := h.Load()
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.Equal(t, key, have)
}

func TestDamagedIdentityIsRefused(t *testing.T) {
	good := Identity{Format: 1, Server: "http://127.0.0.1", Asset: "web-1", Trust: trust(t), Every: time.Minute}
	require.NoError(t, good.check())
	for want, spoil := range map[string]func(*Identity){
		"format": func(i *Identity) { i.Format = 2 }, "server": func(i *Identity) { i.Server = "" }, "id": func(i *Identity) { i.Asset = "/" },
		"trust": func(i *Identity) { i.Trust = []byte("{}") }, "interval": func(i *Identity) { i.Every = 0 },
	} {
		bad := good
		spoil(&bad)
		require.ErrorContains(t, bad.check(), want)
	}
	h := made(t)
	require.NoError(t, os.WriteFile(h.file("agent.json"), []byte("{"), 0o600))
	_, _, err := h.Load()
	require.ErrorContains(t, err, "is damaged")
}

// The journal has every report once, even if it is observed twice, and survives
// a line that a crash cut off (JOB-21).
func TestJournal_JOB21(t *testing.T) {
	h := made(t)
	report := func(n int) job.Report {
		return job.Report{Sequence: job.Sequence(n), Order: "o", Progress: job.Received}
	}
	j, err := h.OpenJournal()
	require.NoError(t, err)
	require.NoError(t, j.Add([]job.Report{report(1), report(2)}))
	require.NoError(t, j.Add([]job.Report{report(2), report(3)}))
	require.NoError(t, j.Close())
	whole, err := os.ReadFile(h.file("journal.jsonl"))
	require.NoError(t, err)

	require.NoError(t, os.WriteFile(h.file("journal.jsonl"), append(whole, `{"sequ`...), 0o600))
	j, err = h.OpenJournal()
	require.NoError(t, err)
	require.NoError(t, j.Add([]job.Report{report(3)}))
	require.NoError(t, j.Close())
	now, err := os.ReadFile(h.file("journal.jsonl"))
	require.NoError(t, err)
	require.Equal(t, string(whole), string(now))

	require.NoError(t, os.WriteFile(h.file("journal.jsonl"), append([]byte("rubbish\n"), whole...), 0o600))
	_, err = h.OpenJournal()
	require.ErrorContains(t, err, "damaged at byte 0")
}

// fullDisk has room for a few more bytes.
type fullDisk struct {
	*os.File
	room int
}

func (f *fullDisk) WriteAt(b []byte, at int64) (int, error) {
	if len(b) <= f.room {
		return f.File.WriteAt(b, at)
	}
	n, err := f.File.WriteAt(b[:f.room], at)
	return n, errors.Join(err, syscall.ENOSPC)
}

// A line that a full disk cut off leaves nothing, and does not spoil later
// lines.
func TestJournalOnFullDisk_JOB21(t *testing.T) {
	h := made(t)
	j, err := h.OpenJournal()
	require.NoError(t, err)
	require.NoError(t, j.Add([]job.Report{{Sequence: 1, Order: "o", Progress: job.Received}}))
	disk := &fullDisk{j.file.(*os.File), 10}
	j.file = disk
	long := job.Report{Sequence: 2, Order: "o", Result: job.Failed, Text: "a long text"}
	require.ErrorIs(t, j.Add([]job.Report{long}), syscall.ENOSPC)
	disk.room = 1 << 20
	require.NoError(t, j.Add([]job.Report{{Sequence: 3, Order: "o", Progress: job.Started}}), "the long one was acknowledged meanwhile")
	require.NoError(t, j.Close())
	j, err = h.OpenJournal()
	require.NoError(t, err)
	require.Equal(t, job.Sequence(3), j.last)
	require.NoError(t, j.Close())
	text, err := os.ReadFile(h.file("journal.jsonl"))
	require.NoError(t, err)
	require.Equal(t, 2, strings.Count(string(text), "\n"))
	require.NotContains(t, string(text), "long")
}

// The journal is put aside when it has grown, a bounded number of times. Over
// all its files it has every report once, whenever a crash comes and even if
// reports are observed twice (JOB-21).
func TestJournalRotates_JOB21(t *testing.T) {
	h := made(t)
	seen := func() (all []job.Sequence) {
		for _, name := range h.Journals() {
			data, err := os.ReadFile(name)
			if errors.Is(err, os.ErrNotExist) {
				continue
			}
			require.NoError(t, err)
			for line := range strings.Lines(string(data)) {
				var r job.Report
				require.NoError(t, json.Unmarshal([]byte(line), &r))
				all = append(all, r.Sequence)
			}
		}
		return all
	}
	open := func() *Journal {
		j, err := h.OpenJournal()
		require.NoError(t, err)
		j.size = 500
		return j
	}
	report := func(n job.Sequence) job.Report { return job.Report{Sequence: n, Order: "o", Progress: job.Received} }
	j := open()
	var want []job.Sequence
	next := func() {
		n := job.Sequence(len(want) + 1)
		require.NoError(t, j.Add([]job.Report{report(max(n-1, 1)), report(n)})) // the one before is still not acknowledged
		want = append(want, n)
	}
	for range 12 {
		next()
	}
	require.FileExists(t, h.old(1))
	require.Equal(t, want, seen())
	for _, crash := range []func(){
		func() {},
		func() { require.NoError(t, os.Rename(h.old(1), h.old(2))) },
		func() { require.NoError(t, os.Rename(h.old(1), h.old(2)), os.Rename(h.file(journalName), h.old(1))) },
		func() { // in the middle of a line
			f, err := os.OpenFile(h.file(journalName), os.O_APPEND|os.O_WRONLY, 0)
			require.NoError(t, err)
			_, err = f.WriteString(`{"sequ`)
			require.NoError(t, errors.Join(err, f.Close()))
		},
	} {
		require.NoError(t, j.Close())
		for _, name := range h.Journals()[:journalsKept] {
			require.NoError(t, os.RemoveAll(name))
		}
		require.NoError(t, os.Remove(h.file(journalName)))
		want = nil
		j = open()
		for range 9 {
			next()
		}
		require.FileExists(t, h.old(1))
		require.NoFileExists(t, h.old(2))
		require.NoError(t, j.Close())
		crash()
		j = open()
		for range 9 {
			next()
		}
		got := seen()
		slices.Sort(got)
		require.Equal(t, want, got)
	}
	for range 200 {
		next()
	}
	got := seen()
	require.Less(t, len(got), len(want), "the oldest are gone")
	require.Equal(t, want[len(want)-len(got):], got, "the rest has no gap and is in order")
	for _, name := range h.Journals() {
		info, err := os.Stat(name)
		require.NoError(t, err)
		require.LessOrEqual(t, info.Size(), int64(500))
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	require.NoFileExists(t, h.old(journalsKept+1))
	require.NoError(t, j.Close())
}

func TestJournalThatIsNoFile(t *testing.T) {
	h := made(t)
	require.NoError(t, os.Symlink("/etc/passwd", h.file(journalName)))
	_, err := h.OpenJournal()
	require.ErrorContains(t, err, "not a regular file")
}

func TestTemporaryFolderIsTheAgentsOwn(t *testing.T) {
	h := made(t)
	t.Setenv("TMPDIR", "/nowhere")
	dir, err := h.Temp()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "left"), nil, 0o600))
	again, err := h.Temp()
	require.NoError(t, err)
	require.Equal(t, h.file("tmp"), again)
	require.NoFileExists(t, filepath.Join(dir, "left"))
}

func TestStatus(t *testing.T) {
	h := made(t)
	none, err := h.ReadStatus()
	require.NoError(t, err)
	require.Zero(t, none)
	want := Status{Format: Format, Process: os.Getpid(), Written: time.Now().UTC().Truncate(time.Second), State: agent.State{Asset: "web-1", Revision: 3}}
	require.NoError(t, h.WriteStatus(want))
	got, err := h.ReadStatus()
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.True(t, got.Running())
	require.False(t, Status{}.Running())
	require.NoError(t, os.WriteFile(h.file("status.json"), []byte("x"), 0o600))
	_, err = h.ReadStatus()
	require.ErrorContains(t, err, "damaged")
}
