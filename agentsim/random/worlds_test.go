package random

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/agentsim"
	"github.com/patchpolicy/patchpolicy/job"
)

var (
	seed   = flag.Uint64("seed", 1, "of the first random world")
	seeds  = flag.Int("seeds", 6, "how many random worlds are played")
	assets = flag.Int("assets", 10, "in each random world")
	weeks  = flag.Int("weeks", 1, "of each random world")
	failed = flag.String("failed", "", "folder for the scenarios of worlds that fail; by default they are printed")
)

// A world that fails is shrunk, and printed or written as a scenario.
func TestWorldsHold(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: whole worlds take a while; TestWorldsReachEverything plays one with all troubles; run without -short")
	}
	for i := range *seeds {
		r, err := Search(Options{Seed: *seed + uint64(i), Assets: *assets, Weeks: *weeks}, agentsim.Config{})
		require.NoError(t, err)
		t.Logf("seed %d: %d events, %d lines, history %.16s, troubles %v", r.Seed, r.Events, r.Lines, r.Hash, r.Troubles)
		if r.Failure == nil {
			continue
		}
		short := Shrink(r.Failure, agentsim.Config{}, 0)
		name := fmt.Sprintf("seed-%d.txt", r.Seed)
		if *failed != "" {
			name = filepath.Join(*failed, name)
			require.NoError(t, os.WriteFile(name, []byte(short.File(name)), 0o644))
		}
		t.Errorf("seed %d: %v\n%s", r.Seed, r.Failure, short.File(name))
	}
}

// Everything that can be reported and every kind of crash comes up in a few
// worlds; what is rare, in a few more. What a search never reaches, it never
// checks. A short run plays one world, and wants most of it there.
func TestWorldsReachEverything(t *testing.T) {
	missing := map[string]bool{}
	for p := job.Received; p <= job.Resumed; p++ {
		missing[" "+p.String()] = true
	}
	for _, r := range job.Results() {
		missing[" "+r.String()] = true
	}
	rare := []string{"TooLate(", "asks to reboot", "its window ended", " " + job.NotApplicable.String()} // takes -seeds 60
	for _, words := range []string{
		"crashes at a commit of its store", "just before the commit", "just after the commit", "call arrived twice", "answer lost",
		"the delayed call arrived", "call lost", "user answers", "is rebooted by hand", "goes on as if nothing", "clock set",
		"moves to", "sleeps", "is switched off", "somebody installs", "inventory fails", "loses its state", "its agent is reinstalled",
		"is put back to", "remove a0", "refused a manifest", "deprecated", "no longer the newest", "Received (changed)", "feed fails",
		"newer run of the job", "sessions: locked", "waits to try again", "a reboot that was pending already",
	} {
		missing[words] = true
	}
	for _, words := range rare {
		if delete(missing, words); *seeds >= 60 {
			missing[words] = true
		}
	}
	// Those that are known to reach much come first.
	order, mayMiss := []uint64{1, 2, 3, 5, 8, 20, 29, 42}, 0
	for s := range uint64(max(60, *seeds)) {
		order = append(order, *seed+s)
	}
	if testing.Short() {
		order, mayMiss = order[:1], len(missing)/2
	}
	played := 0
	for _, s := range order {
		if len(missing) == 0 {
			break
		}
		text, err := generate(Options{Seed: s, Assets: 10, Weeks: 1, Troubles: slices.DeleteFunc(Troubles(), func(t Trouble) bool { return t == Policies })})
		require.NoError(t, err)
		w, failure := Play(text, agentsim.Config{})
		require.Nil(t, failure)
		history := agentsim.Timeline(w.History(), w.Start())
		for words := range missing {
			if strings.Contains(history, words) {
				delete(missing, words)
			}
		}
		played++
	}
	require.LessOrEqual(t, len(missing), mayMiss, "never reached: %v", missing)
	t.Logf("%d worlds, never reached: %v", played, missing)
}

// Rollouts are steered, and not only refused to be; reboots wait for slots; and
// what policies hold back comes later.
func TestPoliciesReach_ROL4_ROL6_ROL7(t *testing.T) {
	missing := map[string]bool{"stop": true, "resume": true, "expedite": true, "abandon": true, "its reboot waits for a slot": true}
	done := regexp.MustCompile(`(its reboot waits for a slot)|server +(stop|resume|expedite|abandon) rollout of j\d( to rest)?\n`)
	played := uint64(0)
	for ; len(missing) > 0 && played < 12; played++ {
		text, err := generate(Options{Seed: 1 + played, Assets: 5, Weeks: 1, Troubles: []Trouble{Policies}})
		require.NoError(t, err)
		w, failure := Play(text, agentsim.Config{})
		require.Nil(t, failure)
		for _, found := range done.FindAllStringSubmatch(agentsim.Timeline(w.History(), w.Start()), -1) {
			delete(missing, found[1]+found[2])
		}
		if testing.Short() {
			return
		}
	}
	require.Empty(t, missing, "%d worlds", played)
	t.Logf("%d worlds", played)
}

// A world is a function of its options. One more asset changes no line of
// another asset or of a job.
func TestSameSeedSameWorld(t *testing.T) {
	for s := range uint64(20) {
		a, err := generate(Options{Seed: s, Assets: 8})
		require.NoError(t, err)
		b, err := generate(Options{Seed: s, Assets: 8})
		require.NoError(t, err)
		require.Equal(t, a, b)
		more, err := generate(Options{Seed: s, Assets: 9})
		require.NoError(t, err)
		with, err := parse(more)
		require.NoError(t, err)
		without := slices.DeleteFunc(with, func(l agentsim.ScriptStep) bool { return about(l, []string{"a008"}) })
		require.Equal(t, a, without.String())
	}
	a, err := generate(Options{Seed: 1})
	require.NoError(t, err)
	b, err := generate(Options{Seed: 2})
	require.NoError(t, err)
	require.NotEqual(t, a, b)
}

// golden has the hashes of a few worlds' histories. They are the same on every
// machine, also in 32-bit programs.
const golden = "testdata/golden.txt"

var rewrite = flag.Bool("rewrite", false, "write the hashes of the histories as they are now")

// The same seed gives the same history byte for byte, on one core and on
// several, and the golden one (invariant 11). A short run plays one world on
// several cores.
func TestDeterminism(t *testing.T) {
	var have strings.Builder
	for s := uint64(1); s <= 3; s++ {
		o := Options{Seed: s, Assets: 6, Weeks: 1, Troubles: Troubles()}
		before := runtime.GOMAXPROCS(4)
		four, err := Search(o, agentsim.Config{})
		runtime.GOMAXPROCS(before)
		require.NoError(t, err)
		require.Nil(t, four.Failure)
		have.WriteString(four.Hash + "\n")
		if testing.Short() {
			break
		}
		runtime.GOMAXPROCS(1)
		one, err := Search(o, agentsim.Config{})
		runtime.GOMAXPROCS(before)
		require.NoError(t, err)
		require.Equal(t, one, four)
	}
	if *rewrite && !testing.Short() {
		require.NoError(t, os.WriteFile(golden, []byte(have.String()), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want[:have.Len()]), have.String(), "if the change was meant: go test ./agentsim/random -run Determinism -rewrite")
}

func TestOptions(t *testing.T) {
	_, err := generate(Options{Assets: agentsim.MaxAssets + 1, Weeks: MaxWeeks + 1, Troubles: []Trouble{99}})
	for _, field := range []string{"assets", "weeks", "troubles"} {
		require.ErrorContains(t, err, field)
	}
	_, err = generate(Options{Assets: -1, Weeks: -1})
	require.ErrorContains(t, err, "weeks")
	_, err = Search(Options{Assets: -1}, agentsim.Config{})
	require.ErrorContains(t, err, "assets")
	require.NoError(t, Options{Assets: agentsim.MaxAssets, Weeks: MaxWeeks}.Validate())
	text, err := generate(Options{Assets: 300, Weeks: 8, Troubles: Troubles()})
	require.NoError(t, err)
	require.Less(t, len(text), agentsim.MaxScript)

	o := Options{Seed: 3}.withDefaults()
	require.Equal(t, []int{DefaultAssets, DefaultWeeks}, []int{o.Assets, o.Weeks})
	require.NotEmpty(t, o.Troubles)
	require.Empty(t, Options{Troubles: []Trouble{}}.withDefaults().Troubles)
}
