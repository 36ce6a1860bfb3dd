package random

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim"
)

// Shrink shortens the scenario of a failure while it fails in the same way: it
// drops the end, then assets, jobs, lines and parts of lines, and moves the
// rest closer together in time. It plays at most tries scenarios with the
// settings c; zero means DefaultTries. It returns the failure of the shortest
// scenario.
func Shrink(f *Failure, c agentsim.Config, tries int) *Failure {
	s, err := parse(f.Script)
	if err != nil {
		return f // this package did not write it
	}
	if tries == 0 {
		tries = DefaultTries
	}
	k := &shrinker{config: c, kind: f.Kind, best: f, script: s, left: tries, tried: map[string]bool{}}
	k.cutEnd()
	for before := ""; before != k.best.Script && k.left > 0; {
		before = k.best.Script
		k.dropNames()
		k.dropLines()
		k.dropParts()
		k.moveCloser()
	}
	return k.best
}

// shrinker holds the shortest script that fails.
type shrinker struct {
	config agentsim.Config
	kind   string
	best   *Failure
	script script
	left   int
	tried  map[string]bool // texts that do not fail in the same way
}

// take plays a shorter script, and keeps it if it fails in the same way.
func (k *shrinker) take(clock string, lines []agentsim.Step) bool {
	s := script{clock: clock, lines: lines}
	text := s.String()
	if k.left <= 0 || k.tried[text] {
		return false
	}
	k.left--
	_, failure := Play(text, k.config)
	if failure == nil || failure.Kind != k.kind {
		k.tried[text] = true
		return false
	}
	k.script, k.best = s, failure
	return true
}

func (k *shrinker) lines() []agentsim.Step { return slices.Clone(k.script.lines) }

// cutEnd drops what comes after the failure. A line without words moves time there.
func (k *shrinker) cutEnd() {
	broken, ok := errors.AsType[*agentsim.Broken](k.best.Err)
	start, err := time.Parse(time.RFC3339, strings.Split(k.script.clock, ",")[0])
	if !ok || err != nil {
		return
	}
	at := broken.At.Sub(start)
	before := slices.DeleteFunc(k.lines(), func(l agentsim.Step) bool { return l.At > at })
	_ = k.take(k.script.clock, append(before, agentsim.Step{At: (at + time.Second).Truncate(time.Second)}))
}

// dropNames drops assets, jobs and patches, with each line about them.
func (k *shrinker) dropNames() {
	for _, verb := range []string{"asset", "job", "patch"} {
		var names []string
		for _, l := range k.script.lines {
			f := strings.Fields(strings.TrimPrefix(l.Words, "try "))
			if len(f) > 1 && f[0] == verb {
				names = append(names, strings.TrimSuffix(f[1], ":"))
			}
		}
		reduce(names, func(kept []string) bool {
			gone := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(kept, n) })
			return k.take(k.script.clock, slices.DeleteFunc(k.lines(), func(l agentsim.Step) bool { return about(l, gone) }))
		})
	}
}

// about reports whether a line declares one of the names or acts on it.
func about(l agentsim.Step, names []string) bool {
	f := strings.Fields(strings.TrimPrefix(l.Words, "try "))
	for i, word := range f[:min(len(f), 4)] {
		word = strings.TrimSuffix(word, ":")
		if slices.Contains(names, word) && (i < 2 || f[0] == "vendor" || f[0] == "expect" || f[0] == "reboot") {
			return true
		}
	}
	return false
}

func (k *shrinker) dropLines() {
	reduce(k.lines(), func(kept []agentsim.Step) bool { return k.take(k.script.clock, kept) })
}

// reduce looks for a short part of a list that still works: it drops halves, then
// quarters, down to single elements.
func reduce[T any](list []T, do func([]T) bool) []T {
	for size := (len(list) + 1) / 2; size > 0; size /= 2 {
		for from := len(list) - size; from > -size; from -= size {
			first := max(from, 0)
			shorter := slices.Delete(slices.Clone(list), first, min(from+size, len(list)))
			if do(shorter) {
				list = shorter
			}
		}
	}
	return list
}

// dropParts drops clauses of lines, then words of clauses.
func (k *shrinker) dropParts() {
	for i := range k.script.lines {
		if rest, ok := strings.CutPrefix(k.script.lines[i].Words, "try "); ok {
			k.rewrite(i, rest)
		}
		for _, separator := range []string{", ", " "} {
			head, body, _ := strings.Cut(k.script.lines[i].Words, ": ")
			if body == "" {
				head, body = "", k.script.lines[i].Words
			} else {
				head += ": "
			}
			reduce(strings.Split(body, separator), func(kept []string) bool {
				return k.rewrite(i, head+strings.Join(kept, separator))
			})
		}
	}
	parts := strings.Split(k.script.clock, ", ")
	reduce(parts[1:], func(kept []string) bool {
		return k.take(strings.Join(append(parts[:1:1], kept...), ", "), k.lines())
	})
}

func (k *shrinker) rewrite(i int, words string) bool {
	lines := k.lines()
	lines[i].Words = words
	return k.take(k.script.clock, lines)
}

// moveCloser shortens the time between lines: to zero, or to a round number.
func (k *shrinker) moveCloser() {
	for i := range k.script.lines {
		gap := k.script.lines[i].At
		if i > 0 {
			gap -= k.script.lines[i-1].At
		}
		for _, to := range []time.Duration{0, gap.Truncate(day), gap.Truncate(time.Hour), gap.Truncate(10 * time.Minute), gap.Truncate(time.Minute)} {
			if to >= gap {
				continue
			}
			lines := k.lines()
			for j := i; j < len(lines); j++ {
				lines[j].At -= gap - to
			}
			if k.take(k.script.clock, lines) {
				break
			}
		}
	}
}

// Actions counts the lines of a scenario that do something. The clock,
// declarations, expectations and blank lines do not count.
func Actions(text string) int {
	s, err := parse(text)
	if err != nil {
		return 0
	}
	n := 0
	for _, l := range s.lines {
		switch word, _, _ := strings.Cut(l.Words, " "); word {
		case "", "asset", "patch", "job", "line", "expect":
		default:
			n++
		}
	}
	return n
}

// File returns the failure as a scenario file with the command that plays it.
func (f *Failure) File(name string) string {
	what, _, _ := strings.Cut(f.Err.Error(), "\n")
	return fmt.Sprintf("# %s\n# %s\n# Replay: go run ./examples/simulate scenario %s\n%s", f.Kind, what, name, f.Script)
}
