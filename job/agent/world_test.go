package agent

import (
	"crypto/ed25519"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/reboot"
)

var (
	epoch   = time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)
	private = ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", 32)))
	digest  = integrity.Digest{Algorithm: integrity.SHA256, Sum: fmt.Sprintf("%064x", 1)}
)

func semver(t testing.TB, s string) version.Version {
	v, err := version.Parse(version.Semver, s)
	require.NoError(t, err)
	return v
}

// orderAt is an order of job for web-1 that upgrades the product of the job's
// name from 1.0.0 to 2.0.0.
func orderAt(t testing.TB, id job.ID, start time.Time) job.Order {
	run := job.MakeRunID(id, start)
	return job.Order{
		ID: job.MakeOrderID(run, "web-1"), Job: id, Run: run, Start: start,
		Patches: []job.OrderPatch{{
			Patch: catalog.PatchID(id) + "-2", Product: catalog.ProductID(id), Name: string(id), Version: semver(t, "2.0.0"),
			Files: []job.File{{Name: "f", URL: "https://vendor.example/f", Expect: integrity.Expectation{Digests: []integrity.Digest{digest}}}},
		}},
	}
}

// world is one agent, its asset, and a server that signs what the test puts into orders.
type world struct {
	t      testing.TB
	c      Config
	s      State
	at     Moment
	calls  []Call
	queue  []Effect
	server struct {
		orders   []job.Order
		revision manifest.Revision
		issued   time.Time // when the last manifest was
		up       bool
		acked    job.Sequence
		refuses  bool // and says so
		offset   time.Duration
		forge    func(sealed []byte) []byte
	}
	accepted  []job.Report // by the server, each once
	requests  []manifest.CheckIn
	installed map[string]string
	deploys   map[string]int
	downloads map[string]int
	discards  []job.OrderID
	reboots   int
	sessions  reboot.Sessions
	unread    bool                 // the inventory cannot be taken
	offline   map[string]bool      // products that cannot be downloaded
	during    func(product string) // called while a product is installed; nil: nothing happens meanwhile
	deaf      bool
	gaps      bool // the server takes reports though it lacks those before them, as the production server does
	crashAt   int  // crash right after this commit; 0: never
	commits   int
}

func newWorld(t testing.TB, orders ...job.Order) *world {
	w := &world{t: t, c: Config{Asset: "web-1", Key: manifest.NewVerifier(private.Public().(ed25519.PublicKey))}, sessions: reboot.Nobody,
		at: Moment{Wall: epoch.Add(-6 * time.Hour), BootID: "boot-0"}, installed: map[string]string{}, deploys: map[string]int{}, downloads: map[string]int{}}
	w.server.up = true
	w.publish(orders...)
	for _, o := range orders {
		w.installed[string(o.Job)] = "1.0.0"
	}
	w.step(Started{})
	return w
}

func (w *world) publish(orders ...job.Order) {
	w.server.orders = orders
	w.server.revision++
}

// step commits through bytes, as a driver does, and crashes where the test says.
func (w *world) step(ev Event) {
	s, out := w.stepped(ev)
	require.Positive(w.t, out.Wake)
	require.GreaterOrEqual(w.t, s.Revision, w.s.Revision, "invariant 9")
	w.s = s
	if w.commits++; w.commits == w.crashAt {
		w.crash()
		return
	}
	for _, e := range out.Effects {
		if call, ok := e.(Call); ok {
			w.calls = append(w.calls, call)
		} else {
			w.queue = append(w.queue, e)
		}
	}
}

// stepped returns the state as it is read again after it was saved. A short run
// saves one state in ten.
func (w *world) stepped(ev Event) (State, Out) {
	if testing.Short() && w.commits%10 > 0 {
		return Step(w.c, w.s, ev, w.at)
	}
	before, err := w.s.MarshalBinary()
	require.NoError(w.t, err)
	s, out := Step(w.c, w.s, ev, w.at)
	unchanged, err := w.s.MarshalBinary()
	require.NoError(w.t, err)
	require.Equal(w.t, string(before), string(unchanged), "Step changed its argument")
	data, err := s.MarshalBinary()
	require.NoError(w.t, err)
	var back State
	require.NoError(w.t, back.UnmarshalBinary(data))
	ended, err := s.MarshalEnded()
	require.NoError(w.t, err)
	require.NoError(w.t, back.UnmarshalEnded(ended))
	return back, out
}

func (w *world) crash() {
	w.calls, w.queue = nil, nil
	w.step(Started{})
}

func (w *world) pass(d time.Duration) {
	w.at.Wall, w.at.Up = w.at.Wall.Add(d), w.at.Up+d
}

// until runs the world to an instant of true time (the epoch's).
func (w *world) until(end time.Time) {
	for range 100_000 {
		for len(w.calls) > 0 || len(w.queue) > 0 {
			if len(w.calls) > 0 {
				call := w.calls[0]
				w.calls = w.calls[1:]
				w.answer(call)
				continue
			}
			e := w.queue[0]
			w.queue = w.queue[1:]
			w.do(e)
		}
		left := end.Sub(w.at.Wall)
		if left <= 0 {
			return
		}
		_, out := Step(w.c, w.s, Tick{}, w.at)
		w.pass(min(out.Wake, left))
		w.step(Tick{})
	}
	w.t.Fatal("the agent never rests")
}

func (w *world) answer(call Call) {
	require.NoError(w.t, call.Request.Validate(), "a server would refuse the call")
	if !w.server.up {
		w.step(CallFailed{ID: call.ID, Err: "connection refused"})
		return
	}
	if w.server.refuses {
		w.step(CallFailed{ID: call.ID, Refused: true, Err: "not enrolled here"})
		return
	}
	w.requests = append(w.requests, call.Request)
	for _, r := range call.Request.Reports {
		if !w.deaf && (r.Sequence == w.server.acked+1 || w.gaps && r.Sequence > w.server.acked) {
			w.accepted, w.server.acked = append(w.accepted, r), r.Sequence
		}
	}
	now := w.at.Wall.Add(w.server.offset)
	a := manifest.Answer{At: now, Acknowledged: w.server.acked}
	if manifest.RenewalDue(w.server.issued.Add(manifest.Lifetime), now) && !w.server.issued.IsZero() {
		w.server.revision++
	}
	if call.Request.Held < w.server.revision {
		a.Manifest, w.server.issued = w.seal(w.server.revision, now), now
	}
	w.step(CallDone{ID: call.ID, Answer: a})
}

func (w *world) seal(r manifest.Revision, now time.Time) []byte {
	d := manifest.Document{Format: 1, Asset: "web-1", Revision: r, Issued: now.Truncate(time.Second), Expires: now.Add(7 * 24 * time.Hour).Truncate(time.Second), Orders: w.server.orders}
	sealed, err := manifest.Seal(d, manifest.NewSigner(private))
	require.NoError(w.t, err)
	if w.server.forge != nil {
		sealed = w.server.forge(sealed)
	}
	return sealed
}

func (w *world) do(e Effect) {
	if early, ok := e.(DownloadEarly); ok {
		w.downloads[early.Patch.Name]++
		w.step(DownloadedEarly{Order: early.Order, Index: early.Index})
		return
	}
	order := e.(Execute).Order
	back := func(ev execution.Event) { w.step(ForOrder{Order: order, Event: ev}) }
	switch e := e.(Execute).Effect.(type) {
	case execution.TakeInventory:
		if w.unread {
			back(execution.InventoryTaken{ID: e.ID, Err: "database is damaged"})
			return
		}
		var list []catalog.Installed
		for name, v := range w.installed {
			list = append(list, catalog.Installed{Product: catalog.ProductID(name), Version: semver(w.t, v)})
		}
		inv, err := catalog.NewInventory(catalog.Linux, list)
		require.NoError(w.t, err)
		back(execution.InventoryTaken{ID: e.ID, Inventory: inv, Sessions: w.sessions})
	case execution.Download:
		if w.offline[e.Patch.Name] {
			back(execution.Downloaded{ID: e.ID, Code: job.FileDownloadFailed, Text: "The network is down."})
			return
		}
		w.downloads[e.Patch.Name]++
		back(execution.Downloaded{ID: e.ID, Files: []execution.Evidence{{Digests: []integrity.Digest{digest}, Signature: integrity.Signature{Status: integrity.Absent}}}})
	case execution.Preflight:
		back(execution.PreflightDone{ID: e.ID})
	case execution.Install:
		var results []execution.InstallResult
		for _, s := range e.Patches {
			w.deploys[s.Patch.Name]++
			if w.during != nil {
				w.during(s.Patch.Name)
			}
			w.installed[s.Patch.Name] = s.Patch.Version.String()
			results = append(results, execution.InstallResult{Index: s.Index})
		}
		back(execution.Installed{ID: e.ID, Results: results})
	case execution.Discard:
		if e.Index < 0 && w.installed["a"] != "2.0.0" {
			w.discards = append(w.discards, order)
		}
	case execution.Reboot:
		w.reboots++
		w.at.BootID, w.at.Up = fmt.Sprintf("boot-%d", w.reboots), 0
		w.pass(time.Minute)
		w.crash()
	}
}

// results lists what the server knows of an order's results and progress, in the order it was made.
func (w *world) told(id job.OrderID) []string {
	var list []string
	for _, r := range w.accepted {
		switch {
		case r.Order != id:
		case r.Progress != 0:
			list = append(list, r.Progress.String())
		case r.Result != 0:
			list = append(list, r.Result.String())
		case r.TooLate != 0:
			list = append(list, "TooLate("+r.TooLate.String()+")")
		}
	}
	return list
}
