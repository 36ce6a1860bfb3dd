package random

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime/debug"

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
