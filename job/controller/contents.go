package controller

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
)

// contentRecord is an order as frozen (JOB-8): what is its own, and the name of
// what it shares with other orders of the run. Assets of one image share all
// else.
type contentRecord struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end,omitzero"`
	Set   string    `json:"set"` // with the run, key in tableSets
}

// setRecord is what orders of one run share, the patches by reference: other
// orders share most of them.
type setRecord struct {
	Order   job.Order  `json:"order"` // without ID, Start, End and Patches
	Patches []patchRef `json:"patches,omitempty"`
}

type patchRef struct {
	Patch catalog.PatchID `json:"patch"`
	Body  string          `json:"body"` // key in tableBodies
}

// set is a setRecord about to be stored, with the bodies that it refers to.
type set struct {
	name   string // SHA-256
	data   []byte
	bodies []Record
	stored bool // most likely
}

func setKey(run job.RunID, name string) Key { return Key{tableSets, key(string(run), name)} }

// pack makes the set of an order.
func (r *reader) pack(order job.Order) *set {
	s := &set{}
	rec := setRecord{Order: order, Patches: make([]patchRef, 0, len(order.Patches))}
	rec.Order.ID, rec.Order.Start, rec.Order.End, rec.Order.Patches = "", time.Time{}, time.Time{}, nil
	for _, p := range order.Patches {
		data := r.encode(p)
		body := hash(string(data))
		rec.Patches = append(rec.Patches, patchRef{p.Patch, body})
		s.bodies = append(s.bodies, Record{key(body), data})
	}
	s.data = r.encode(rec)
	s.name = hash(string(s.data))
	return s
}

// size is how many bytes it has.
func (s *set) size() int {
	n := len(s.data)
	for _, b := range s.bodies {
		n += len(b.Value)
	}
	return n
}

// saveContent freezes an order with a set that fits it; nil: it has to be made.
// Same reports that nothing changed.
func (t *tx) saveContent(order job.Order, s *set) (same bool) {
	if s == nil {
		s = t.pack(order)
	}
	once := func(k Key, value []byte) {
		if !t.wrote[k] && t.failed == nil {
			t.wrote[k] = true
			t.fail(t.w.Put(k.Table, k.Key, value))
		}
	}
	if at := setKey(order.Run, s.name); !t.wrote[at] {
		for _, p := range order.Patches {
			once(Key{tableRunPatches, key(string(order.Run), string(p.Patch))}, nil)
		}
		if !s.stored || t.get(at.Table, at.Key) == nil {
			for _, b := range s.bodies {
				once(Key{tableBodies, b.Key}, b.Value)
			}
			once(at, s.data)
			t.unpack(s)
			s.stored = true
		}
		t.wrote[at] = true
	}
	k, data := contentKey(order.ID), t.encode(contentRecord{order.Start, order.End, s.name})
	if bytes.Equal(t.get(k.Table, k.Key), data) {
		return true
	}
	t.put(k.Table, k.Key, data)
	return false
}

// unpack remembers a set as it will be read.
func (r *reader) unpack(s *set) {
	order := decode[setRecord](r, tableSets, Record{s.name, s.data}).Order
	for _, b := range s.bodies {
		order.Patches = append(order.Patches, decode[job.OrderPatch](r, tableBodies, b))
	}
	if r.failed == nil {
		r.c.sets.put(s.name, order, len(order.Patches))
	}
}

func contentKey(id job.OrderID) Key {
	return Key{tableContents, key(string(id.Run()), string(id.Asset()))}
}

// contents returns frozen orders. They share their lists except Patches.
func (r *reader) contents(ids ...job.OrderID) []job.Order {
	orders := r.frozen(ids...)
	for i, o := range orders {
		if o.ID == "" {
			r.fail(fmt.Errorf("order %s has no content", ids[i]))
		}
	}
	return orders
}

// frozen puts frozen orders together again, in three round trips, or one if
// their sets are in memory. An order without content has no ID.
func (r *reader) frozen(ids ...job.OrderID) []job.Order {
	if r.have == nil { // remember what is read until all are together
		r.have = map[Key][]byte{}
		defer func() { r.have = nil }()
	}
	keys := make([]Key, len(ids))
	for i, id := range ids {
		keys[i] = contentKey(id)
	}
	r.fetch(keys...)
	contents, sets := make([]contentRecord, len(ids)), make([]Key, len(ids))
	found := make([]bool, len(ids))
	for i, k := range keys {
		contents[i], found[i] = load[contentRecord](r, k.Table, k.Key)
		sets[i] = setKey(ids[i].Run(), contents[i].Set)
	}
	shared := r.sets(sets, found)
	orders := make([]job.Order, len(ids))
	for i, c := range contents {
		if found[i] && r.failed == nil {
			o := shared[c.Set]
			o.ID, o.Start, o.End, o.Patches = ids[i], c.Start, c.End, slices.Clone(o.Patches)
			orders[i] = o
		}
	}
	return orders
}

// sets returns the sets of these keys that are wanted, by name.
func (r *reader) sets(keys []Key, wanted []bool) map[string]job.Order {
	all := map[string]job.Order{}
	missing := map[string]Key{}
	for i, k := range keys {
		name := r.parts(k.Table, k.Key, 2)[1]
		if order, have := r.c.sets.get(name); have {
			all[name] = order
		} else if wanted[i] {
			missing[name] = k
		}
	}
	if len(missing) == 0 {
		return all
	}
	var at, bodies []Key
	for _, k := range missing {
		at = append(at, k)
	}
	r.fetch(at...)
	records := map[string]setRecord{}
	for name, k := range missing {
		rec, found := load[setRecord](r, k.Table, k.Key)
		if !found {
			r.fail(fmt.Errorf("set %s is not in table %s", name, k.Table))
		}
		for _, ref := range rec.Patches {
			bodies = append(bodies, Key{tableBodies, key(ref.Body)})
		}
		records[name] = rec
	}
	slices.SortFunc(bodies, Key.Compare)
	r.fetch(slices.Compact(bodies)...)
	for name, rec := range records {
		order := rec.Order
		for _, ref := range rec.Patches {
			patch, found := load[job.OrderPatch](r, tableBodies, key(ref.Body))
			if !found {
				r.fail(fmt.Errorf("set %s: patch %s is missing", name, ref.Patch))
			}
			order.Patches = append(order.Patches, patch)
		}
		if all[name] = order; r.failed == nil {
			r.c.sets.put(name, order, len(order.Patches))
		}
	}
	return all
}
