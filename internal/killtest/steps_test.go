package killtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// atOnce is how many worlds run at a time: each one waits more than it
// computes.
const atOnce = 4

// outcome is the result of a world.
type outcome struct {
	name     string
	kills    int // of both processes
	problems []string
	diedAt   []string // the points where processes killed themselves
	took     time.Duration
}

// each runs n worlds, some at a time, in folders that are deleted if all is
// well. It fails the test for each world that is not.
func each(t *testing.T, n int, live func(i int, dir string) outcome) []outcome {
	t.Helper()
	base := t.TempDir()
	all := make([]outcome, n)
	next := make(chan int)
	var workers sync.WaitGroup
	for range atOnce {
		workers.Go(func() {
			for i := range next {
				dir := filepath.Join(base, fmt.Sprint(i))
				all[i] = live(i, dir)
				if len(all[i].problems) == 0 {
					_ = os.RemoveAll(dir) // TempDir tries again
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	workers.Wait()
	return all
}

// sound fails the test for each world in which something is wrong.
func sound(t *testing.T, all []outcome) {
	t.Helper()
	for _, o := range all {
		if len(o.problems) > 0 {
			t.Errorf("%s, %d kills:\n%s", o.name, o.kills, strings.Join(o.problems, "\n"))
		}
	}
}

// live makes a world, runs it and checks it.
func live(name, dir, role string, seed uint64, prepare func(*world) error, meddle func(context.Context, *world)) (o outcome) {
	begun := time.Now()
	o.name = name
	w, err := newWorld(dir, role, seed)
	if err == nil {
		defer w.close()
	}
	if err == nil && prepare != nil {
		err = prepare(w)
	}
	if err == nil {
		err = w.play(func(ctx context.Context) { meddle(ctx, w) })
	}
	o.took = time.Since(begun)
	if err != nil {
		o.problems = []string{err.Error()}
		return o
	}
	o.problems = w.check()
	o.kills = w.agent.killed() + w.server.killed()
	for _, role := range []string{agentRole, steppedRole} {
		passed, err := lines(pointsFile(dir, role))
		if err != nil {
			o.problems = append(o.problems, err.Error())
		}
		for _, p := range passed {
			if key, died := strings.CutPrefix(p, died); died {
				o.diedAt = append(o.diedAt, key)
			}
		}
	}
	return o
}

// killAt makes a role's processes kill themselves at each of some points, once.
func killAt(role string, points ...string) func(*world) error {
	return func(w *world) error {
		return os.WriteFile(killsFile(w.dir, role), []byte(strings.Join(points, "\n")+"\n"), 0o600)
	}
}

func nothing(context.Context, *world) {}

// The worlds over which the default run spreads the steps. Neighbouring steps
// are in different worlds, so that few steps are killed twice in a row.
const rounds = 8

// Each step has a name: what is done, and the step that the process is in. The
// agent, and then the server, is killed at every one.
func TestKilledAtEveryStep_JOB17_JOB21_MAN6(t *testing.T) {
	t.Parallel()
	for _, role := range []string{agentRole, steppedRole} {
		t.Run(role, func(t *testing.T) {
			steps, points := stepsOf(t, role)
			all := each(t, rounds, func(i int, dir string) outcome {
				var mine []string
				for k := i; k < len(steps); k += rounds {
					mine = append(mine, steps[k])
				}
				return live(fmt.Sprint("round ", i), dir, steppedRole, *seed+uint64(i), killAt(role, mine...), nothing)
			})
			sound(t, all)
			reached := map[string]bool{}
			kills := 0
			for _, o := range all {
				kills += o.kills
				for _, key := range o.diedAt {
					reached[key] = true
				}
			}
			names := map[string]bool{}
			missed := []string{}
			for _, step := range steps {
				if reached[step] {
					names[name(step)] = true
				} else {
					missed = append(missed, step)
				}
			}
			for _, step := range steps { // some worlds take this step in another state
				if short := name(step); !names[short] {
					o := live(short, filepath.Join(t.TempDir(), "one"), steppedRole, *seed, killAt(role, short), nothing)
					sound(t, []outcome{o})
					require.NotEmpty(t, o.diedAt, "no process was killed at %s", short)
					names[short] = true
					kills += o.kills
				}
			}
			t.Logf("%d kills at %d of %d steps with %d names; not reached: %q", kills, len(reached), len(steps), len(names), missed)
			if *long {
				everyPoint(t, role, points)
			}
		})
	}
}

// everyPoint kills one process per world, at every point that it passes,
// however often it has passed one of that name before.
func everyPoint(t *testing.T, role string, points int) {
	begun := time.Now()
	all := each(t, points / *stride, func(i int, dir string) outcome {
		at := 1 + i**stride
		return live(fmt.Sprint("point ", at), dir, steppedRole, *seed+uint64(at), func(w *world) error {
			w.agent.spec.At, w.server.spec.At = 0, at
			if role == agentRole {
				w.agent.spec.At, w.server.spec.At = at, 0
			}
			return nil
		}, nothing)
	})
	sound(t, all)
	killed := map[string]int{}
	total := 0
	for _, o := range all {
		for _, key := range o.diedAt {
			killed[name(key)]++
			total++
		}
	}
	t.Logf("%d worlds, %d kills in %v: %v", len(all), total, time.Since(begun).Round(time.Millisecond), killed)
}

// stepsOf lists the steps that a process takes when nothing is killed, each
// once, and counts its points.
func stepsOf(t *testing.T, role string) (steps []string, points int) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "whole")
	o := live("nothing is killed", dir, steppedRole, *seed, nil, nothing)
	sound(t, []outcome{o})
	passed, err := lines(pointsFile(dir, role))
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, step := range passed {
		if !seen[step] {
			steps = append(steps, step)
		}
		seen[step] = true
	}
	return steps, len(passed)
}
