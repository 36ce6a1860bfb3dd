package explore

import (
	"math/bits"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/patchpolicy/patchpolicy/agentsim/internal/stamp"
	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
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
