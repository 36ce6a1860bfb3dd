package agentsim

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
)

// busy is a scenario in which the server writes all kinds of records: jobs,
// orders that follow others, a cancel, a sync that takes patches out.
const busy = `clock 2026-03-02T00:00:00Z, sync every 2h
patch chrome-121: chrome 121.0, latest only
patch zoom-2: zoom 2.0, pinned, needs reboot
asset web-1 has chrome 120.0, zoom 1.0
asset web-2 tagged t has chrome 120.0, zoom 1.0
web-2 installer of zoom fails
job j: patches chrome-121 zoom-2, assets web-1 web-2, once at +6h
job k: query, assets web-1, on demand, after j per asset
job l: query product chrome, assets web-1 web-2, daily at 12:00 in UTC
%s
enable j
enable k
enable l
+4h   edit j: patches zoom-2, window 4h
+7h   patch chrome-122: chrome 122.0, latest only
+8h30m  cancel l
+11h  tag web-2 u
+13h  vendor withdraws zoom-2
+1d13h  disable l
+2d   expect settled
`

// TestServerCrashesAtEveryCommit crashes the server before and after each commit
// of a day's work, one at a time. Every invariant holds, and the installed
// versions at the end are those of a run without a crash.
func TestServerCrashesAtEveryCommit(t *testing.T) {
	final := func(line string) (installed string, commits int, crashed bool) {
		s, err := ParseScript("busy", fmt.Sprintf(busy, line))
		require.NoError(t, err)
		w, err := s.Play(Config{})
		if err != nil {
			t.Fatalf("%s: %v\n%s", line, err, Timeline(w.History(), w.Start()))
		}
		for _, a := range w.sorted() {
			inventory := a.inventory()
			installed += fmt.Sprintln(a.id, slices.Collect(inventory.Installed()))
		}
		return installed, maxTimes - w.server.store.outages[0].left, strings.Contains(Timeline(w.History(), w.Start()), "crashes at a commit")
	}
	want, commits, crashed := final(fmt.Sprintf("server crashes after commit %d", maxTimes)) // counts the commits, and never happens
	require.False(t, crashed)
	require.Contains(t, want, "122.0")
	require.Greater(t, commits, 100)
	next := func(n int) int { return n + 1 + n/6 } // all of the first commits, then fewer: they are agents' calls
	if testing.Short() {
		next = func(n int) int { return 8 * n }
	}
	for n := 1; n <= commits; n = next(n) {
		for _, side := range []string{"before", "after"} {
			have, _, crashed := final(fmt.Sprintf("server crashes %s commit %d\nserver crashes after commit %d", side, n, maxTimes))
			require.True(t, crashed, "commit %d", n)
			require.Equal(t, want, have, "%s commit %d", side, n)
		}
	}
}

func TestOutageBounds(t *testing.T) {
	for line, want := range map[string]string{
		"server crashes before commit 0":    "the next one is 1",
		"server crashes before commit 1001": "not a number from 0 to 1000",
		"server crashes beside commit 1":    "crashes before|after commit N",
		strings.Repeat("server crashes after commit 9\n", maxTimes) + "server crashes after commit 1": "at most 1000 crashes ahead",
	} {
		s, err := ParseScript("f", stage+line)
		require.NoError(t, err)
		_, err = s.Play(Config{})
		require.ErrorContains(t, err, want)
	}
	s, err := ParseScript("f", stage+strings.Repeat("server crashes after commit 9\n", maxTimes))
	require.NoError(t, err)
	_, err = s.Play(Config{})
	require.NoError(t, err)
}

// TestTry checks that a tried line is skipped if it cannot be done now, and fails
// if it is not a line.
func TestTry(t *testing.T) {
	s, err := ParseScript("f", stage+`
web-1 goes off
try web-1 crashes
try enable k
try delete j
try enable j
try edit k: patches chrome-121
try vendor withdraws opera
server goes down
try sync
try cancel j
server comes up
web-1 comes on
+1h web-1 sleeps for 1h
+90m try web-1 logs in
+3h expect settled`)
	require.NoError(t, err)
	w, err := s.Play(Config{})
	require.NoError(t, err)
	history := Timeline(w.History(), w.Start())
	for _, words := range []string{"web-1 is off", `no job "k"`, "is final", "no patch \"opera\"", "sleeps until"} {
		require.Contains(t, history, words)
	}
	for line, want := range map[string]string{
		"try dance":                        "neither an asset nor",
		"try job k: at once":               "is not a clause of a job",
		"try web-1 dances":                 "is not an action of an asset",
		"try expect web-1 chrome 121.0":    "expected 121.0, found 120.0",
		"enable k\ntry enable j":           "no line expects it",
		"try clock 2026-03-02T00:00:00Z":   "comes once",
		"try server sings":                 "write one of:\nserver goes down",
		"try try web-1 clock soon":         "ASSET clock +D",
		"try enable k\nexpect refused job": "the server did it",
	} {
		s, err := ParseScript("f", stage+line)
		require.NoError(t, err)
		_, err = s.Play(Config{})
		require.ErrorContains(t, err, want, line)
	}
}

// TestSettleLetsTheAbsentBe checks that a world settles without the assets that
// never come back.
func TestSettleLetsTheAbsentBe(t *testing.T) {
	all := []string{"web-1 goes off", "web-1 network cut", "web-1 sleeps for 30d"}
	if testing.Short() {
		all = all[:1]
	}
	for _, gone := range all {
		s, err := ParseScript("f", stage+"web-1 installer of chrome fails\nenable j\n+10s "+gone+"\n+2d expect settled")
		require.NoError(t, err)
		_, err = s.Play(Config{})
		require.NoError(t, err, gone)
	}
}

// TestAuditCanFail makes the server's answers contradict each other or the asset.
func TestAuditCanFail(t *testing.T) {
	lie := func(change func(*job.Report)) twist {
		return func(_ *asset, _ agent.State, _ *agent.State, out *agent.Out) { lieInCalls(out, change) }
	}
	for name, c := range map[string]struct {
		invariant int
		spoil     twist
		want      string
	}{
		"reports that make no sense": {12, lie(func(r *job.Report) {
			if r.Progress == job.Downloading {
				r.Progress, r.Result = 0, job.Cancelled
			}
		}), "makes no sense of 1 reports"},
		"an order nobody knows any more": {10, func(_ *asset, before agent.State, after *agent.State, out *agent.Out) {
			if len(after.Queue) > 0 { // it drops the order that it received, and never reports it
				after.Queue, after.Reports, after.Sequence, out.Effects = nil, before.Reports, before.Sequence, nil
			}
		}, "the asset knows nothing of it"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := ParseScript("f", stage+"enable j\n+3h expect settled")
			require.NoError(t, err)
			p := &player{}
			for _, st := range s.steps {
				if err = p.step(st); err != nil {
					break
				}
				if a := p.w.assets["web-1"]; a != nil {
					a.twist(c.spoil)
				}
			}
			broken, ok := errors.AsType[*Broken](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, c.invariant, broken.Invariant, broken.Text)
			require.Contains(t, broken.Text, c.want)
		})
	}
}
