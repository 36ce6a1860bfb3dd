package explore

import (
	"crypto/ed25519"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// World is a small world to search: one asset, one job, one order.
type World struct {
	Name    string
	Text    string        // what it is for
	Patches int           // 1 or 2, each of a product of its own
	Action  bool          // a pre-action, so that stage 2 begins before the first install (JOB-4)
	Window  time.Duration // of the order; zero: none
	Reboot  bool          // the first patch needs a reboot
	Policy  reboot.Policy // how it is rebooted
	Users   bool          // somebody is logged in at first
	Every   time.Duration // between check-ins; zero: 20 min
	Budget  Budget        // how much of each trouble one history has
}

// Budget is how much trouble one history may hold. What is zero does not happen.
type Budget struct {
	Changes  uint8 // of the job: edit, cancel, withdraw, enable again
	Crashes  uint8 // of the agent, before or after a commit, in or behind an effect; and boots that nobody asked for
	Losses   uint8 // of calls and answers
	Repeats  uint8 // answers that come twice, and old manifests played again
	Faults   uint8 // bad files, failing downloads and installers, reboots that do not come
	Sessions uint8 // logins and logouts
}

// Worlds lists the worlds that come with the package.
func Worlds() []World {
	return []World{
		{Name: "cancel", Text: "two patches, a pre-action and a window, under every change of the job", Patches: 2, Action: true, Window: time.Hour,
			Budget: Budget{Changes: 2, Crashes: 2, Losses: 1, Repeats: 1}},
		{Name: "reboot", Text: "a patch that needs a reboot, with users who come, go, answer or do not", Patches: 1, Reboot: true, Users: true,
			Policy: reboot.Policy{Deferrals: 2, Interval: time.Hour}, Budget: Budget{Changes: 1, Crashes: 2, Faults: 1, Sessions: 2}},
		{Name: "vendor", Text: "two patches with bad, old and missing files and failing installers", Patches: 2,
			Budget: Budget{Crashes: 2, Losses: 1, Faults: 2}},
		{Name: "defer", Text: "a reboot put off for as long as a policy allows", Patches: 1, Reboot: true, Users: true, Every: 40 * time.Hour,
			Policy: reboot.Policy{Deferrals: 2, Interval: 83 * time.Hour}, Budget: Budget{Crashes: 3, Faults: 1, Sessions: 1}},
	}
}

// FindWorld returns the world called name; the error lists those that there are.
func FindWorld(name string) (World, error) {
	var names []string
	for _, w := range Worlds() {
		if w.Name == name {
			return w, nil
		}
		names = append(names, w.Name)
	}
	return World{}, fmt.Errorf("there is no world %q; there are: %s", name, strings.Join(names, ", "))
}

const (
	asset = job.AssetID("web-1")
	jobID = job.ID("nightly")
)

// epoch is when a world begins: any whole second will do.
var epoch = time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)

// content is what a manifest says of the order.
type content struct{ present, edited, marked bool }

// patches is how many patches an order of this content has: an edit takes the last one out (CAT-9).
func (c content) patches(of int) int {
	if c.edited {
		return of - 1
	}
	return of
}

// released is one published manifest.
type released struct {
	revision manifest.Revision
	content  content
}

// scene is what all states of one search share: the world, the driver with its planted bug, and what is dear to make.
type scene struct {
	World
	driver      driver
	config      agent.Config
	signer      manifest.Signer
	order       job.OrderID
	versions    [3]version.Version // by level: below, installed at first, ordered
	sealed      map[released][]byte
	inventories map[[2]level]catalog.Inventory
}

// level is a version of a product or a file: older than what was installed at first, that, or what was ordered.
type level uint8

func newScene(w World, d driver) (*scene, error) {
	if w.Patches < 1 || w.Patches > 2 {
		return nil, fmt.Errorf("world %q has %d patches; it takes 1 or 2", w.Name, w.Patches)
	}
	if w.Every == 0 {
		w.Every = 20 * time.Minute
	}
	key := ed25519.NewKeyFromSeed([]byte(strings.Repeat("e", ed25519.SeedSize)))
	s := &scene{World: w, driver: d, signer: manifest.NewSigner(key), sealed: map[released][]byte{}, inventories: map[[2]level]catalog.Inventory{},
		config: agent.Config{Asset: asset, Key: manifest.NewVerifier(key.Public().(ed25519.PublicKey)), Every: w.Every}.WithDefaults()}
	s.order = job.MakeOrderID(job.MakeRunID(jobID, epoch.Add(lead)), asset)
	for i, text := range []string{"0.9.0", "1.0.0", "2.0.0"} {
		v, err := version.Parse(version.Semver, text)
		if err != nil {
			return nil, err
		}
		s.versions[i] = v
	}
	for _, c := range []content{{}, {present: true}, {present: true, edited: true}, {present: true, marked: true}, {present: true, edited: true, marked: true}} {
		if _, err := s.seal(released{1, c}); err != nil && c.patches(w.Patches) > 0 {
			return nil, err
		}
	}
	for _, at := range [][2]level{{1, 1}, {1, 2}, {2, 1}, {2, 2}, {0, 1}, {1, 0}, {0, 0}, {0, 2}, {2, 0}} {
		var list []catalog.Installed
		for i := range w.Patches {
			list = append(list, catalog.Installed{Product: product(i), Version: s.versions[at[i]]})
		}
		inventory, err := catalog.NewInventory(catalog.Linux, list)
		if err != nil {
			return nil, err
		}
		s.inventories[at] = inventory
	}
	return s, nil
}

func product(i int) catalog.ProductID { return catalog.ProductID("ab"[i : i+1]) }

// makeOrder is the order as content c has it.
func (s *scene) makeOrder(c content) job.Order {
	start := epoch.Add(lead)
	o := job.Order{ID: s.order, Job: jobID, Name: string(jobID), Run: job.MakeRunID(jobID, start), Revision: 1, Start: start, Reboot: s.Policy, Cancelled: c.marked}
	if c.edited {
		o.Revision = 2
	}
	if s.Window > 0 {
		o.End = start.Add(s.Window)
	}
	if s.Action {
		o.Pre = []job.Action{{Name: "stop", Command: []string{"stop"}}}
	}
	for i := range c.patches(s.Patches) {
		o.Patches = append(o.Patches, job.OrderPatch{Patch: catalog.PatchID(product(i) + "-2"), Product: product(i), Name: string(product(i)),
			Version: s.versions[2], Reboot: s.Reboot && i == 0,
			Files: []job.File{{Name: "f", URL: "https://vendor.example/f", Expect: integrity.Expectation{Signer: vendor, Digests: []integrity.Digest{good.digest()}}}}})
	}
	return o
}

// seal is the production manifest of a release, made once.
func (s *scene) seal(r released) ([]byte, error) {
	if sealed, ok := s.sealed[r]; ok {
		return sealed, nil
	}
	d := manifest.Document{Format: manifest.Format, Asset: asset, Revision: r.revision, Issued: epoch, Expires: epoch.Add(manifest.MaxLifetime)}
	if r.content.present {
		d.Orders = []job.Order{s.makeOrder(r.content)}
	}
	sealed, err := manifest.Seal(d, s.signer)
	if err == nil {
		s.sealed[r] = sealed
	}
	return sealed, err
}

// state is one state of the world. It is a value: what its slices hold is never written to.
type state struct {
	now    time.Time
	boot   int
	booted time.Time

	agent agent.State    // as committed
	read  *reading       // its bytes, read back
	wake  time.Time      // when it wants a Tick
	lane  []agent.Effect // effects to be carried out, one after the other; memory only
	net   []message      // under way; what belongs to the agent's calls is memory only

	revision  manifest.Revision // of the newest release
	content   content           // of it
	before    content           // of the one before it
	cancelled bool              // once cancelled, the run is not enabled again
	accepted  job.Sequence      // reports the server has
	known     job.Result        // what the server knows of the order; zero: nothing final

	installed [2]level
	staged    [2]file
	user      bool // somebody is logged in
	prompt    bool // the reboot prompt stands
	left      Budget
	watch     onlooker
	broken    *Broken
}

// message is a call on its way to the server, or an answer on its way back.
type message struct {
	id       uint64
	answer   bool
	held     manifest.Revision // request: what the agent holds
	reports  []job.Report      // request
	ack      job.Sequence      // answer
	released released          // answer: the manifest in it; revision zero: none
}

func (s *scene) start() *state {
	st := &state{read: &reading{}, now: epoch, booted: epoch, revision: 1, content: content{present: true}, installed: [2]level{1, 1}, user: s.Users, left: s.Budget}
	s.restart(st)
	return st
}

// copy is a state to go on with; slices are shared until they are replaced.
func (st *state) copy() *state {
	c := *st
	c.lane, c.net = slices.Clip(c.lane), slices.Clip(c.net)
	return &c
}

func (st *state) moment() agent.Moment {
	return agent.Moment{Wall: st.now, Boot: fmt.Sprintf("boot-%d", st.boot), Up: st.now.Sub(st.booted)}
}

// sessions is what a look at the users finds.
func (st *state) sessions() reboot.Sessions {
	if st.user {
		return reboot.Active
	}
	return reboot.Nobody
}
