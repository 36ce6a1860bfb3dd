package execution

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/reboot"
)

var epoch = time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)

// start is when the executions begin.
var start = schedule.At{UTC: epoch, Steady: 1}

func semver(t testing.TB, s string) version.Version {
	t.Helper()
	v, err := version.Parse(version.Semver, s)
	require.NoError(t, err)
	return v
}

var good = integrity.Digest{Algorithm: integrity.SHA256, Sum: fmt.Sprintf("%064x", 1)}

// orderOf is an order of upgrades to 2.0.0 of the named products, each one file
// with a SHA-256 to meet.
func orderOf(t testing.TB, names ...string) job.Order {
	o := job.Order{ID: job.MakeOrderID(job.MakeRunID("nightly", epoch), "web-1"), Job: "nightly", Run: job.MakeRunID("nightly", epoch), Start: epoch}
	for _, name := range names {
		o.Patches = append(o.Patches, job.OrderPatch{
			Patch: catalog.PatchID(name + "-2"), Product: catalog.ProductID(name), Name: name, Version: semver(t, "2.0.0"),
			Files: []job.File{{Name: name + ".bin", URL: "https://vendor.example/" + name, Expect: integrity.Expectation{Digests: []integrity.Digest{good}}}},
		})
	}
	require.NoError(t, o.Validate())
	return o
}

// world is an asset that answers each effect at once, in the ways a test sets.
type world struct {
	t         testing.TB
	c         Config
	x         State
	now       schedule.At
	installed map[string]string
	reports   []job.Report
	log       []string // every effect, in words
	pending   []Effect

	boot      int
	required  bool // the system says that it needs a reboot
	sessions  reboot.Sessions
	invErr    string
	download  map[string]Downloaded      // by product; default: the good file
	preflight map[string]PreflightResult // by product; default: passes
	results   map[string]InstallResult   // by product; default: success
	exits     map[string]int             // by action; default: 0
	outputs   map[string]string          // by action
	installTo map[string]string          // what a successful install leaves; default: the ordered version
	owes      bool                       // a step said that a reboot is owed
	silent    map[string]bool            // effects (by kind) that get no answer
	hangs     string                     // an effect, in words, that gets no answer
	before    func(e Effect) bool        // called before an effect is carried out; true: the agent crashed here
	rebooted  bool                       // a reboot effect boots at once
}

func newWorld(t testing.TB, o job.Order, installed map[string]string) *world {
	w := &world{
		t: t, now: start, installed: installed, sessions: reboot.Nobody,
		download: map[string]Downloaded{}, preflight: map[string]PreflightResult{}, results: map[string]InstallResult{},
		exits: map[string]int{}, installTo: map[string]string{}, silent: map[string]bool{}, rebooted: true,
	}
	w.event(Begin{Order: o, BootID: w.bootID(), Sessions: w.sessions})
	return w
}

func (w *world) bootID() string { return fmt.Sprintf("boot-%d", w.boot) }

func (w *world) pass(d time.Duration) {
	w.now.UTC, w.now.Steady = w.now.UTC.Add(d), w.now.Steady.Add(d)
}

// take keeps a step's result as a commit would: through its bytes.
func (w *world) take(x State, out Out) {
	b, err := json.Marshal(x)
	require.NoError(w.t, err)
	var back State
	require.NoError(w.t, json.Unmarshal(b, &back))
	again, err := json.Marshal(back)
	require.NoError(w.t, err)
	require.Equal(w.t, string(b), string(again), "the state does not survive its commit")
	require.NoError(w.t, back.Validate())
	require.Equal(w.t, out.Wake, back.Wake(w.now))
	w.x, w.owes = back, w.owes || out.Owes
	w.reports = append(w.reports, out.Reports...)
	w.pending = append(w.pending, out.Effects...)
}

func (w *world) event(ev Event) {
	before, err := json.Marshal(w.x)
	require.NoError(w.t, err)
	x, out := Step(w.c, w.x, ev, w.now)
	after, err := json.Marshal(w.x)
	require.NoError(w.t, err)
	require.Equal(w.t, string(before), string(after), "Step changed its input")
	w.take(x, out)
}

// crash loses everything but the commit, and starts again.
func (w *world) crash() {
	w.pending = nil
	w.event(Restarted{BootID: w.bootID()})
}

// run carries out effects until none is left, waking the machine a bounded number of times.
func (w *world) run() { w.until(1000 * 24 * time.Hour) }

// until is run for a time.
func (w *world) until(d time.Duration) {
	end := w.now.UTC.Add(d)
	for range 10_000 {
		for len(w.pending) > 0 {
			e := w.pending[0]
			w.pending = w.pending[1:]
			if w.before != nil && w.before(e) {
				w.crash()
				continue
			}
			w.do(e)
		}
		wake := w.x.Wake(w.now)
		if wake == 0 || w.now.UTC.Add(wake).After(end) {
			return
		}
		w.pass(wake)
		w.event(Tick{})
	}
	w.t.Fatal("the execution does not come to rest")
}

func (w *world) say(format string, args ...any) { w.log = append(w.log, fmt.Sprintf(format, args...)) }

func (w *world) do(e Effect) {
	switch e := e.(type) {
	case LastCall:
		w.say("call")
		if !w.silent["call"] {
			w.event(LastCallDone(e))
		}
	case TakeInventory:
		w.say("inventory")
		if w.silent["inventory"] {
			return
		}
		w.event(InventoryTaken{ID: e.ID, Inventory: w.inventory(), RebootRequired: w.required, Sessions: w.sessions, Err: w.invErr})
	case Download:
		name := e.Patch.Name
		w.say("download %s", name)
		if w.hangs == w.log[len(w.log)-1] {
			return
		}
		ev, ok := w.download[name]
		if !ok {
			ev = Downloaded{Files: []Evidence{{Digests: []integrity.Digest{good}, Signature: integrity.Signature{Status: integrity.Absent}}}}
		}
		ev.ID = e.ID
		w.event(ev)
	case Preflight:
		w.say("preflight %d", len(e.Patches))
		if w.hangs == w.log[len(w.log)-1] {
			return
		}
		ev := PreflightDone{ID: e.ID}
		for _, s := range e.Patches {
			if f, ok := w.preflight[s.Patch.Name]; ok {
				f.Index = s.Index
				ev.Results = append(ev.Results, f)
			}
		}
		w.event(ev)
	case Install:
		ev := Installed{ID: e.ID}
		for _, s := range e.Patches {
			name := s.Patch.Name
			w.say("install %s", name)
			require.NotEmpty(w.t, s.Digests)
			o := w.results[name]
			o.Index = s.Index
			if o.Code == 0 {
				w.install(s.Patch)
			}
			ev.Results = append(ev.Results, o)
		}
		w.event(ev)
	case RunAction:
		w.say("act %s", e.Action.Name)
		w.event(ActionDone{ID: e.ID, Exit: w.exits[e.Action.Name], Output: w.outputs[e.Action.Name]})
	case Prompt:
		w.say("prompt %T", e.Kind)
	case Reboot:
		w.say("reboot")
		if w.rebooted {
			w.boot++
			w.crash()
		}
	case Discard:
		w.say("discard %d", e.Index)
	}
}

func (w *world) install(p job.OrderPatch) {
	to, ok := w.installTo[p.Name]
	if !ok {
		to = p.Version.String()
	}
	w.installed[p.Name] = to
}

func (w *world) inventory() catalog.Inventory {
	var list []catalog.Installed
	for name, v := range w.installed {
		list = append(list, catalog.Installed{Product: catalog.ProductID(name), Version: semver(w.t, v)})
	}
	inv, err := catalog.NewInventory(catalog.Linux, list)
	require.NoError(w.t, err)
	return inv
}

func (w *world) result() job.Result {
	require.Equal(w.t, job.StageDone, w.x.Stage, "not ended: %v", w.x.Phase)
	return w.x.Result
}

func (w *world) patch(name string) job.PatchOutcome {
	i := slices.IndexFunc(w.x.Patches, func(p PatchState) bool { return p.Name == name })
	require.GreaterOrEqual(w.t, i, 0)
	return w.x.Patches[i].PatchOutcome
}

func (w *world) count(line string) int {
	n := 0
	for _, l := range w.log {
		if l == line {
			n++
		}
	}
	return n
}

func (w *world) progress() []job.Progress {
	var list []job.Progress
	for _, r := range w.reports {
		if r.Progress != 0 {
			list = append(list, r.Progress)
		}
	}
	return list
}
