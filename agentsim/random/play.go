package random

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim"
)

// Result describes a world that was played.
type Result struct {
	Options
	Events  uint64   // messages, effects, wake-ups
	Lines   int      // of the history
	Hash    string   // of the history; the same options give the same one on any machine
	Failure *Failure // nil: everything held
}

// Failure is a scenario in which an expectation or an invariant does not hold.
type Failure struct {
	Kind   string // failures of one kind most likely have one cause
	Err    error
	Script string
}

func (f *Failure) Error() string { return fmt.Sprintf("%s: %v", f.Kind, f.Err) }

func (f *Failure) Unwrap() error { return f.Err }

// Search makes a world and plays it with the settings c. The error is that of
// [Options.Validate]; what goes wrong in the world is in the result.
func Search(o Options, c agentsim.Config) (Result, error) {
	text, err := generate(o)
	if err != nil {
		return Result{}, err
	}
	r := Result{Options: o.withDefaults()}
	w, failure := Play(text, c)
	r.Failure = failure
	if w != nil {
		history := w.History()
		r.Events, r.Lines, r.Hash = w.Events(), len(history), hash(history)
	}
	return r, nil
}

func hash(history []agentsim.Line) string {
	h := sha256.New()
	for _, l := range history {
		fmt.Fprintf(h, "%d %s %s\n", l.At.UnixNano(), l.Actor, l.Text)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Play plays a scenario with the settings c. The failure is nil if it holds.
func Play(text string, c agentsim.Config) (w *agentsim.World, failure *Failure) {
	defer func() {
		if v := recover(); v != nil {
			failure = &Failure{Kind: "panic", Err: fmt.Errorf("panic: %v\n%s", v, debug.Stack()), Script: text}
		}
	}()
	script, err := agentsim.ParseScript("world", text)
	if err == nil {
		w, err = script.Play(c)
	}
	if err == nil {
		return w, nil
	}
	kind := "error"
	if broken, ok := errors.AsType[*agentsim.Broken](err); ok {
		kind = fmt.Sprintf("invariant %d", broken.Invariant)
	} else if _, ok := errors.AsType[*agentsim.Unmet](err); ok {
		kind = "expectation"
	}
	return w, &Failure{Kind: kind, Err: err, Script: text}
}

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
	k := &shrinker{config: c, kind: f.Kind, best: f, script: s, left: cmp.Or(tries, DefaultTries), tried: map[string]bool{}}
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
func (k *shrinker) take(s script) bool {
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

// cutEnd drops what comes after the failure. A line without words moves time there.
func (k *shrinker) cutEnd() {
	broken, ok := errors.AsType[*agentsim.Broken](k.best.Err)
	clock, _, _ := strings.Cut(strings.TrimPrefix(k.script[0].Words, "clock "), ",")
	start, err := time.Parse(time.RFC3339, clock)
	if !ok || err != nil {
		return
	}
	at := broken.At.Sub(start)
	before := slices.DeleteFunc(slices.Clone(k.script), func(l agentsim.ScriptStep) bool { return l.At > at })
	_ = k.take(append(before, agentsim.ScriptStep{At: (at + time.Second).Truncate(time.Second)}))
}

// dropNames drops assets, jobs and patches, with each line about them.
func (k *shrinker) dropNames() {
	for _, verb := range []string{"asset", "job", "patch"} {
		var names []string
		for _, l := range k.script {
			f := strings.Fields(strings.TrimPrefix(l.Words, "try "))
			if len(f) > 1 && f[0] == verb {
				names = append(names, strings.TrimSuffix(f[1], ":"))
			}
		}
		reduce(names, func(kept []string) bool {
			gone := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(kept, n) })
			return k.take(slices.DeleteFunc(slices.Clone(k.script), func(l agentsim.ScriptStep) bool { return about(l, gone) }))
		})
	}
}

// about reports whether a line has one of the names among its first words, in
// which lines say what they declare or act on.
func about(l agentsim.ScriptStep, names []string) bool {
	f := strings.Fields(l.Words)
	return slices.ContainsFunc(f[:min(len(f), 5)], func(word string) bool { return slices.Contains(names, strings.TrimSuffix(word, ":")) })
}

func (k *shrinker) dropLines() {
	clock := k.script[:1:1]
	reduce(k.script[1:], func(kept []agentsim.ScriptStep) bool { return k.take(append(clock, kept...)) })
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
	for i := range k.script {
		if rest, ok := strings.CutPrefix(k.script[i].Words, "try "); ok {
			k.rewrite(i, rest)
		}
		for _, separator := range []string{", ", " "} {
			head, body, _ := strings.Cut(k.script[i].Words, ": ")
			if body == "" {
				head, body = "", k.script[i].Words
			} else {
				head += ": "
			}
			reduce(strings.Split(body, separator), func(kept []string) bool {
				return k.rewrite(i, head+strings.Join(kept, separator))
			})
		}
	}
}

func (k *shrinker) rewrite(i int, words string) bool {
	s := slices.Clone(k.script)
	s[i].Words = words
	return k.take(s)
}

// moveCloser shortens the time between lines: to zero, or to a round number.
func (k *shrinker) moveCloser() {
	for i := 1; i < len(k.script); i++ {
		gap := k.script[i].At - k.script[i-1].At
		for _, to := range []time.Duration{0, gap.Truncate(day), gap.Truncate(time.Hour), gap.Truncate(10 * time.Minute), gap.Truncate(time.Minute)} {
			if to >= gap {
				continue
			}
			s := slices.Clone(k.script)
			for j := i; j < len(s); j++ {
				s[j].At -= gap - to
			}
			if k.take(s) {
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
	for _, l := range s {
		switch word, _, _ := strings.Cut(l.Words, " "); word {
		case "", "clock", "asset", "patch", "job", "line", "expect":
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

// script is a scenario. Its first line is the clock.
type script []agentsim.ScriptStep

func (s *script) add(at time.Duration, format string, args ...any) {
	*s = append(*s, agentsim.ScriptStep{At: at, Words: fmt.Sprintf(format, args...)})
}

func (s script) sort() {
	slices.SortStableFunc(s[1:], func(a, b agentsim.ScriptStep) int { return cmp.Compare(a.At, b.At) })
}

func (s script) String() string {
	var b strings.Builder
	b.WriteString(s[0].Words + "\n")
	last := time.Duration(-1)
	for _, l := range s[1:] {
		at := ""
		if l.At != last {
			at = "+" + agentsim.FormatDuration(l.At)
		}
		last = l.At
		fmt.Fprintf(&b, "%-12s %s\n", at, l.Words)
	}
	return b.String()
}

// parse reads a scenario's lines, without comments.
func parse(text string) (script, error) {
	s, err := agentsim.ParseScript("scenario", text)
	if err != nil {
		return nil, err
	}
	return s.Steps(), nil
}
