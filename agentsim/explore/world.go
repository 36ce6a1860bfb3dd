package explore

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim/internal/stamp"
	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// epoch is when a world begins. Any whole second will do.
var epoch = time.Date(2026, 3, 2, 6, 0, 0, 0, time.UTC)

// The names in a world, in order.
var (
	assetNames = [maxAssets]job.AssetID{"web-1", "web-2"}
	jobNames   = [maxJobs]job.ID{"nightly", "weekly"}
)

// level is a version: an old one, the installed one, what the first job orders,
// and what the second orders or the vendor moves on to.
type level uint8

var levels = [4]string{"0.9.0", "1.0.0", "2.0.0", "3.0.0"}

type upgrade struct {
	id      catalog.PatchID
	product int
	level   level
}

// upgrades are the patches of the first job, then that of the second.
var upgrades = [maxPatches + 1]upgrade{{"a-2", 0, 2}, {"b-2", 1, 2}, {"a-3", 0, 3}}

func product(i int) catalog.ProductID { return catalog.ProductID("ab"[i : i+1]) }

type task struct {
	id         job.ID
	run        job.RunID
	start, end time.Time
	patches    []upgrade
}

// all is the content of an order with all its patches.
func (t task) all() content { return content{present: true, patches: 1<<len(t.patches) - 1} }

type content struct {
	present, marked, begun bool
	patches                uint8 // a bit for each
}

type contents [maxJobs]content

// released is one published manifest of an asset.
type released struct {
	revision manifest.Revision
	contents contents
}

// scene is what all states of one search share.
type scene struct {
	World
	driver      driver
	key         stamp.Key
	configs     [maxAssets]agent.Config
	tasks       []task
	versions    [len(levels)]version.Version
	inventories [len(levels)][len(levels)]catalog.Inventory // by the level of each product
	snap        *catalog.Snapshot                           // the model's catalog
	first       *state                                      // in which the world begins

	mu     sync.Mutex
	sealed map[sealedKey][]byte
}

type sealedKey struct {
	asset int
	released
}

func newScene(w World, d driver) (*scene, error) {
	w = w.withDefaults()
	if err := w.validate(); err != nil {
		return nil, err
	}
	s := &scene{World: w, driver: d, key: stamp.New("explore"), sealed: map[sealedKey][]byte{}}
	for i, text := range levels {
		s.versions[i] = version.MustParse(version.Semver, text)
	}
	for j := range w.Jobs {
		t := task{id: jobNames[j], start: epoch.Add(lead + time.Duration(j)*w.Delay), patches: upgrades[:w.Patches]}
		if j > 0 {
			t.patches = upgrades[maxPatches:]
		}
		if w.Window > 0 {
			t.end = t.start.Add(w.Window)
		}
		t.run = job.MakeRunID(t.id, t.start)
		s.tasks = append(s.tasks, t)
	}
	for i := range w.Assets {
		s.configs[i] = agent.Config{Asset: w.as(i), Key: s.key, Every: w.Every, WaitParked: w.Parked}.WithDefaults()
	}
	for a := range level(len(levels)) {
		for b := range level(len(levels)) {
			list := []catalog.Installed{{Product: product(0), Version: s.versions[a]}, {Product: product(1), Version: s.versions[b]}}
			s.inventories[a][b], _ = catalog.NewInventory(catalog.Linux, list) // it is valid
		}
	}
	s.snap, _ = catalog.Sync(nil, []catalog.Batch{feed{}.batch(s, epoch)}, epoch)
	s.first = &state{now: epoch, left: w.Budget}
	s.open(s.first)
	return s, nil
}

func (s *scene) inventory(h *host) *catalog.Inventory {
	return &s.inventories[h.installed[0]][h.installed[1]]
}

// job returns the number of an order's job, or -1.
func (s *scene) job(id job.OrderID) int {
	for j, t := range s.tasks {
		if strings.HasPrefix(string(id), string(t.run)+"/") {
			return j
		}
	}
	return -1
}

// number returns the number of a patch of the job, or -1.
func (t task) number(id catalog.PatchID) int {
	return slices.IndexFunc(t.patches, func(u upgrade) bool { return u.id == id })
}

// makeOrder plans the model's order of a job on an asset, with content c.
func (s *scene) makeOrder(asset, j int, c content) job.Order {
	t := s.tasks[j]
	o := s.definition(t, bits.OnesCount8(c.patches)).Plan(job.PlanInput{Snapshot: s.snap, Asset: assetNames[asset],
		Inventory: s.inventories[1][1], Occurrence: schedule.Occurrence{Start: t.start}, Now: epoch}).Order
	o.Revision, o.Cancelled, o.Begun = 1, c.marked, c.begun
	if c.patches != t.all().patches {
		o.Revision = 2
	}
	return o
}

func (s *scene) needsReboot(u upgrade) bool { return s.Reboot && u == upgrades[0] }

// reboots returns how a job reboots, and whether also for a pending reboot.
func (s *scene) reboots(j int) (p reboot.Policy, pending bool) {
	p = s.Policy
	if pending = s.Pending && j > 0; pending {
		p.Suppress = false
	}
	return p, pending
}

// seal returns the production manifest of a release. It is made once.
func (s *scene) seal(asset int, r released) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := sealedKey{asset, r}
	if sealed, ok := s.sealed[key]; ok {
		return sealed, nil
	}
	d := manifest.Document{Format: manifest.Format, Asset: assetNames[asset], Revision: r.revision, Issued: epoch, Expires: epoch.Add(manifest.MaxLifetime)}
	for j, c := range r.contents {
		if c.present {
			d.Orders = append(d.Orders, s.makeOrder(asset, j, c))
		}
	}
	sealed, err := manifest.Seal(d, s.key)
	if err == nil {
		s.sealed[key] = sealed
	}
	return sealed, err
}

// World is a small world to search: one or two assets with the same one or two
// jobs, and a server.
type World struct {
	Name    string
	Text    string        // one line for lists
	Assets  int           // 1 or 2, with the same products installed; zero: 1
	Jobs    int           // 1 or 2, over all assets; zero: 1. The second upgrades the first's first product further.
	Patches int           // of the first job: 1 or 2, of different products
	Delay   time.Duration // from the first job's start to the second's
	Action  bool          // a pre-action, so that stage 2 begins before the first install (JOB-4)
	Window  time.Duration // of the jobs; zero: none
	Reboot  bool          // the first patch needs a reboot
	Policy  reboot.Policy // of that reboot
	Parked  bool          // later jobs wait for a reboot by hand (RBT-7)
	Pending bool          // the second job reboots for the first's pending reboot (RBT-11)
	Users   bool          // somebody is logged in at first
	Early   bool          // files are downloaded before the start (JOB-23)
	Every   time.Duration // between check-ins; zero: 20 min
	Server  bool          // the production server over a store; false: the model
	Copy    bool          // the second computer is a clone of the first, and calls as the same asset (MAN-9)
	Latest  bool          // the first job's first patch is LatestOnly (CAT-5)
	Budget  Budget        // how much trouble one history has
}

// AnyTurns as [Budget.Turns] tries every order of steps.
const AnyTurns = 255

// Budget limits the deviations of one history. A zero field means that such
// deviations do not happen.
type Budget struct {
	Turns    uint8 // a message or an effect waits, overtakes or is overtaken; AnyTurns: no bound
	Changes  uint8 // of a job: edit, cancel, withdraw, enable, delete
	Crashes  uint8 // of an agent, before or after a commit, or during an effect; and unexpected boots
	Losses   uint8 // calls and answers that are lost, or given up and arrive all the same
	Repeats  uint8 // messages that arrive twice, and old manifests
	Faults   uint8 // bad files, failing downloads and installers, reboots that do not come
	Sessions uint8 // logins, logouts and locks
	Sleeps   uint8 // of an asset, past the end of its window
	Outages  uint8 // crashes of the production server, before or after a commit
	Vendor   uint8 // changes of the vendor's catalog and files

	Reinstalls uint8 // of an agent, which loses its state
	Restores   uint8 // of the server, from its first backup
	Removals   uint8 // of assets, and enrolments under a removed name with a new key
	Clones     uint8 // the copy starts, and the administrator settles it
}

// of returns the budget that a choice uses; nil: it is free.
func (b *Budget) of(c Choice) *uint8 {
	switch c {
	case Time, Arrive, Work, SecondFirst:
		return &b.Turns
	case Edit, Cancel, Withdraw, Enable, Delete:
		return &b.Changes
	case Crash, CrashBefore, CutOff, Boot:
		return &b.Crashes
	case Lose, GiveUp:
		return &b.Losses
	case Repeat, Replay:
		return &b.Repeats
	case Fail, Damage, Age:
		return &b.Faults
	case Login, Lock, Logout:
		return &b.Sessions
	case Sleep:
		return &b.Sleeps
	case Halt, HaltAfter, HaltSecond:
		return &b.Outages
	case Publish, End, Unlist, MoveOn:
		return &b.Vendor
	case Reinstall:
		return &b.Reinstalls
	case Restore:
		return &b.Restores
	case Remove, Enrol:
		return &b.Removals
	case Clone, Settle:
		return &b.Clones
	}
	return nil
}

// Worlds lists the worlds that come with the package.
func Worlds() []World {
	list := []World{
		{Name: "cancel", Text: "two patches, a pre-action and a window; the job changes", Patches: 2, Action: true, Window: time.Hour,
			Budget: Budget{Turns: AnyTurns, Changes: 2, Crashes: 2, Losses: 1, Repeats: 1}},
		{Name: "reboot", Text: "a patch that needs a reboot; users log in and out, lock, answer or do not", Patches: 1, Reboot: true, Users: true,
			Policy: reboot.Policy{Deferrals: 2, Interval: time.Hour}, Budget: Budget{Turns: AnyTurns, Changes: 1, Crashes: 2, Faults: 1, Sessions: 2}},
		{Name: "vendor", Text: "two patches with bad, old and missing files and failing installers", Patches: 2, Latest: true,
			Budget: Budget{Turns: AnyTurns, Crashes: 2, Losses: 1, Faults: 2}},
		{Name: "defer", Text: "a reboot that is put off as long as the policy allows", Patches: 1, Reboot: true, Users: true, Every: 40 * time.Hour,
			Policy: reboot.Policy{Deferrals: 2, Interval: 83 * time.Hour}, Budget: Budget{Turns: AnyTurns, Crashes: 3, Faults: 1, Sessions: 1}},
		{Name: "early", Text: "two files downloaded before the start; the job changes", Patches: 2, Early: true,
			Budget: Budget{Turns: AnyTurns, Changes: 2, Crashes: 1, Losses: 1, Faults: 1}},
		{Name: "blocked", Text: "two jobs due at once on one asset; the second has a newer version of the first's product", Jobs: 2, Patches: 2,
			Window: 30 * time.Minute, Budget: Budget{Turns: AnyTurns, Changes: 2, Crashes: 1, Losses: 1, Sleeps: 1}},
		{Name: "parked", Text: "two jobs; the first's reboot is left to a person", Jobs: 2, Patches: 1, Reboot: true, Policy: reboot.Policy{Suppress: true},
			Parked: true, Budget: Budget{Turns: AnyTurns, Changes: 1, Crashes: 2}},
		{Name: "pending", Text: "two jobs; the second reboots for the first's reboot, which is left to a person", Jobs: 2, Patches: 1, Reboot: true,
			Policy: reboot.Policy{Suppress: true}, Parked: true, Pending: true, Budget: Budget{Turns: AnyTurns, Changes: 1, Crashes: 2, Faults: 1}},
		{Name: "pair", Text: "one job on two assets that are alike", Assets: 2, Patches: 1,
			Budget: Budget{Turns: AnyTurns, Changes: 2, Crashes: 1, Losses: 1}},
		{Name: "four", Text: "two jobs on two assets that are alike", Assets: 2, Jobs: 2, Patches: 1, Delay: time.Minute,
			Budget: Budget{Turns: AnyTurns, Changes: 1, Crashes: 1}},
		{Name: "lost", Text: "a job changes, an agent is reinstalled, and the server is restored from a backup", Patches: 2, Action: true,
			Budget: Budget{Turns: AnyTurns, Changes: 2, Crashes: 1, Losses: 1, Faults: 1, Reinstalls: 1, Restores: 1}},
		{Name: "restored", Text: "the production server, restored from a backup; an agent is reinstalled", Server: true, Patches: 1,
			Budget: Budget{Turns: 1, Changes: 2, Losses: 1, Reinstalls: 1, Restores: 1}},
		{Name: "removed", Text: "the production server; an asset is removed, and a computer takes its name", Server: true, Patches: 2,
			Budget: Budget{Turns: 1, Changes: 2, Losses: 1, Repeats: 1, Removals: 3}},
		{Name: "cloned", Text: "the production server; a computer and its copy, and a job that begins later", Server: true, Assets: 2, Copy: true, Jobs: 2, Delay: 30 * time.Minute,
			Patches: 1, Every: 5 * time.Minute,
			Budget: Budget{Turns: 1, Changes: 1, Losses: 1, Repeats: 1, Clones: 2}},
		{Name: "server", Text: "the production server, which crashes; a job changes; messages are lost or come twice", Server: true, Patches: 2,
			Window: time.Hour, Budget: Budget{Turns: 1, Changes: 2, Crashes: 1, Losses: 1, Repeats: 1, Outages: 1}},
		{Name: "catalog", Text: "the production server; a vendor publishes, ends, withdraws and replaces a patch", Server: true, Patches: 2, Latest: true,
			Budget: Budget{Turns: 1, Changes: 1, Faults: 1, Outages: 1, Vendor: 2}},
		{Name: "fleet", Text: "the production server, with two jobs on two assets", Server: true, Assets: 2, Jobs: 2, Patches: 1, Delay: time.Minute,
			Budget: Budget{Turns: 1, Changes: 2, Losses: 1, Faults: 1, Outages: 1}},
	}
	for i := range list {
		list[i] = list[i].withDefaults()
	}
	return list
}

// FindWorld returns the world with the given name. The error lists the names.
func FindWorld(name string) (World, error) {
	var names []string
	for _, w := range Worlds() {
		if w.Name == name {
			return w, nil
		}
		names = append(names, w.Name)
	}
	return World{}, fmt.Errorf("unknown world %q; want one of: %s", name, strings.Join(names, ", "))
}

func (w World) withDefaults() World {
	w.Assets, w.Jobs = max(w.Assets, 1), max(w.Jobs, 1)
	if w.Every == 0 {
		w.Every = 20 * time.Minute
	}
	return w
}

func (w World) validate() error {
	for _, b := range []struct {
		what       string
		have, most int
	}{{"patches", w.Patches, maxPatches}, {"assets", w.Assets, maxAssets}, {"jobs", w.Jobs, maxJobs}} {
		if b.have < 1 || b.have > b.most {
			return fmt.Errorf("world %q has %d %s; want 1 to %d", w.Name, b.have, b.what, b.most)
		}
	}
	return nil
}

// feed is what a vendor publishes and serves of the first job's first patch.
type feed struct {
	done  [MoveOn - Publish + 1]bool // the choices from Publish on
	ended time.Time
}

func (f feed) did(c Choice) bool { return f.done[c-Publish] }

// change carries out what the vendor does. A catalog change makes a sync due.
func (v *server) change(now time.Time, c Choice) {
	v.feed.done[c-Publish] = true
	if c == End {
		v.feed.ended = now
	}
	if c != MoveOn && v.sync.IsZero() {
		v.sync = now.Add(syncEvery)
	}
}

// batch is what the server downloads from the vendor's feed.
func (f feed) batch(s *scene, now time.Time) catalog.Batch {
	b := catalog.Batch{Feed: "vendor", At: now}
	for i := range 2 {
		name := string(product(i))
		b.Products = append(b.Products, catalog.Product{ID: product(i), Name: name, Vendor: vendor, Platform: catalog.Linux, Scheme: version.Semver})
	}
	for i, u := range upgrades {
		if i == maxPatches && s.Jobs == 1 && !f.did(Publish) {
			continue
		}
		p := catalog.Patch{ID: u.id, Product: product(u.product), Version: s.versions[u.level], Published: epoch, Reboot: s.needsReboot(u)}
		a := catalog.Artifact{Name: "f", Availability: catalog.Pinned, URL: "https://vendor.example/" + string(u.id), Signer: vendor,
			Digests: []integrity.Digest{digest(good, u.level)}}
		if s.Latest && u.product == 0 {
			a.Availability, a.URL = catalog.LatestOnly, "https://vendor.example/a-latest"
		}
		p.Artifacts = []catalog.Artifact{a}
		if i == 0 {
			p.EOL, p.EOLMarked, p.Withdrawn = f.ended, f.did(End), f.did(Unlist)
		}
		b.Patches = append(b.Patches, p)
	}
	return b
}
