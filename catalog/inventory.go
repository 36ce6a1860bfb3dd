package catalog

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"iter"
	"slices"
	"sort"

	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Installed is one product that an inventory found on an asset.
type Installed struct {
	Product  ProductID       `json:"product"`
	Version  version.Version `json:"version"`            // that works, or worked last
	Held     bool            `json:"held,omitempty"`     // the asset's package manager holds it back
	PinnedTo string          `json:"pinnedTo,omitempty"` // the version that the asset's package manager prefers; empty: the newest
	Also     []ProductID     `json:"also,omitempty"`     // the same software in other channels that the asset uses; their patches are for it too (CAT-17)

	// Unfinished says how the asset's package manager left the product, like
	// "half-configured at version 2". Empty: it is finished. Verdicts note it:
	// the next install repairs it first (JOB-17).
	Unfinished string `json:"unfinished,omitempty"`
}

// Inventory is what is installed on one asset, each product once. NewInventory
// makes it, or it is read from JSON. It cannot be changed. The zero value with
// a platform is an asset on which nothing is installed.
type Inventory struct {
	Platform  Platform    `json:"platform"`
	installed []Installed // by product
	names     []name      // by id, an installed product before those in Also
	twice     bool        // a name occurs twice, which Check refuses
}

// name is an id under which an installed product is found.
type name struct {
	id   ProductID
	at   int32 // index into installed
	also bool  // from Also
}

// Problem is one thing that is wrong with a value. Field says where, and Text
// what is wrong.
type Problem = problem.Problem

// Invalid is the error of a value that is refused as a whole. Problems lists
// everything that is wrong.
type Invalid = problem.Invalid

// NewInventory sorts what is installed, and each Also, without changing the
// argument. It refuses an unknown platform, a product that is named twice in
// Product or Also, an installed product without a version, a bad text, and more
// than MaxInstalled products, MaxAlso of one product or MaxAllAlso in all, with
// an *Invalid that names each.
func NewInventory(platform Platform, installed []Installed) (Inventory, error) {
	inv := inventoryOf(platform, installed)
	if err := inv.Check(); err != nil {
		return Inventory{}, err
	}
	return inv, nil
}

func inventoryOf(platform Platform, installed []Installed) Inventory {
	inv := Inventory{Platform: platform, installed: slices.Clone(installed)}
	slices.SortStableFunc(inv.installed, func(a, b Installed) int { return cmp.Compare(a.Product, b.Product) })
	for i := range inv.installed {
		in := &inv.installed[i]
		in.Also = slices.Sorted(slices.Values(in.Also))
		inv.names = append(inv.names, name{id: in.Product, at: int32(i)})
		for _, id := range in.Also {
			inv.names = append(inv.names, name{id, int32(i), true})
		}
	}
	slices.SortStableFunc(inv.names, func(a, b name) int { return cmp.Or(cmp.Compare(a.id, b.id), btoi(a.also)-btoi(b.also)) })
	for i := 1; i < len(inv.names); i++ {
		inv.twice = inv.twice || inv.names[i-1].id == inv.names[i].id
	}
	return inv
}

type inventoryJSON struct {
	Platform  Platform    `json:"platform"`
	Installed []Installed `json:"installed"`
}

// MarshalJSON writes {"platform": …, "installed": […]}, the products sorted.
func (inv Inventory) MarshalJSON() ([]byte, error) {
	return json.Marshal(inventoryJSON{inv.Platform, inv.installed})
}

// UnmarshalJSON reads an inventory that another release may have written: it
// ignores unknown fields and keeps unknown names (MAN-11). It sorts the products. Call Check
// to find out what is wrong.
func (inv *Inventory) UnmarshalJSON(data []byte) error {
	var p inventoryJSON
	if err := enum.Unmarshal(data, &p); err != nil {
		return err
	}
	*inv = inventoryOf(p.Platform, p.Installed)
	return nil
}

// Check returns everything that is wrong with an inventory that was read from
// JSON, by the checks of [NewInventory].
func (inv Inventory) Check() error {
	var bad problem.List
	if !platforms.Valid(inv.Platform) {
		bad.Add("platform", inv.Platform.String(), "is not a known platform")
	}
	if len(inv.installed) > MaxInstalled {
		bad.Add("", "", "%d products are installed, at most %d are allowed", len(inv.installed), MaxInstalled)
		return bad.Err("inventory")
	}
	if also := len(inv.names) - len(inv.installed); also > MaxAllAlso {
		bad.Add("", "", "%d products of other channels are named, at most %d are allowed", also, MaxAllAlso)
		return bad.Err("inventory")
	}
	for i, in := range inv.installed {
		c := checker{}
		c.text("product", string(in.Product), MaxID, true)
		c.text("the pinned version", in.PinnedTo, version.MaxLength, false)
		c.text("what is unfinished", in.Unfinished, maxUnfinished, false)
		if in.Version.IsZero() {
			c.addf("it has no version")
		}
		if i > 0 && inv.installed[i-1].Product == in.Product {
			c.addf("it occurs twice")
		}
		texts(&c, "products of other channels", "a product of another channel", in.Also, MaxAlso, MaxID)
		for _, p := range c.problems {
			bad.Add("product", string(in.Product), "%s", p)
		}
	}
	for i, n := range inv.names {
		if n.also && i > 0 && inv.names[i-1].id == n.id {
			bad.Add("product", string(inv.installed[n.at].Product), "it names %.*q of another channel, which the inventory names twice", MaxID, n.id)
		}
	}
	return bad.Err("inventory")
}

// Len returns how many products are installed.
func (inv Inventory) Len() int { return len(inv.installed) }

// Installed yields what is installed, by product. Do not change their Also.
func (inv Inventory) Installed() iter.Seq[Installed] { return slices.Values(inv.installed) }

// Find looks up what is installed under a product's id: its own, or one that it
// names in Also (CAT-17).
func (inv Inventory) Find(id ProductID) (Installed, bool) {
	if in := inv.find(id); in != nil {
		return *in, true
	}
	return Installed{}, false
}

func (inv Inventory) find(id ProductID) *Installed {
	names := inv.names
	i, found := sort.Find(len(names), func(i int) int { return cmp.Compare(id, names[i].id) })
	if !found {
		return nil
	}
	return &inv.installed[names[i].at]
}

// Software returns the installed product that patches of a product are for: the
// one with this id, or the one that names it in Also. If there is no such
// product, it returns the id itself (CAT-17).
func (inv Inventory) Software(id ProductID) ProductID {
	if in := inv.find(id); in != nil {
		return in.Product
	}
	return id
}

// Upgrade says whether a version of a product is an upgrade of what is
// installed: the reason has the code Upgrade, or one that blocks. Name is the
// product's name, for the sentence. From is the installed version; zero: it is
// not installed. The server calls Upgrade when it makes an order, and the agent
// calls it again before it downloads (CAT-3).
func (inv Inventory) Upgrade(product ProductID, name string, to version.Version) (from version.Version, r Reason) {
	found := inv.find(product)
	if found != nil {
		from = found.Version
	}
	return from, upgrade(found, name, to)
}

// upgrade compares a version with what is installed; nil: it is not installed.
func upgrade(installed *Installed, name string, to version.Version) Reason {
	newVersion := to.String()
	if installed == nil {
		return reason(NotInstalled, "", newVersion, name+" is not installed, and nothing is installed for the first time.")
	}
	from := installed.Version.String()
	switch order, orderable := to.Compare(installed.Version); {
	case !orderable:
		return NewReason(Unorderable, from, newVersion, "The installed version %s of %s (%s) cannot be ordered with %s (%s).",
			from, name, installed.Version.Scheme(), newVersion, to.Scheme())
	case order == 0:
		return reason(AlreadyInstalled, from, newVersion, name+" is already at version "+from+".")
	case order < 0:
		return reason(NewerInstalled, from, newVersion, "The installed version "+from+" of "+name+" is newer than "+newVersion+", and nothing is downgraded.")
	default:
		return reason(Upgrade, from, newVersion, name+" can be upgraded from "+from+" to "+newVersion+".")
	}
}

// Digest returns "sha256:" and the lower-case hex SHA-256 of the inventory's
// canonical encoding. Equal inventories have equal digests. A server asks for
// the inventory only if the digest differs from the one it holds.
//
// The encoding is a sequence of texts, each preceded by its length in bytes as
// an unsigned varint: "inventory 1" and the platform; for each product its id,
// its version as "scheme:text", "held" or nothing, and the pinned version;
// then, if products of other channels are named or one is unfinished, an empty
// text, and for each of the others, by id, its id and the id of its installed
// product; then, if one is unfinished, an empty text, and for each of them its
// id and what is unfinished.
func (inv Inventory) Digest() string {
	h := sha256.New()
	put := func(text string) {
		h.Write(append(binary.AppendUvarint(nil, uint64(len(text))), text...))
	}
	put("inventory 1")
	put(inv.Platform.String())
	for _, in := range inv.installed {
		put(string(in.Product))
		v, _ := in.Version.MarshalText() // a parsed version always has a text form
		put(string(v))
		put(map[bool]string{true: "held"}[in.Held])
		put(in.PinnedTo)
	}
	unfinished := slices.ContainsFunc(inv.installed, func(in Installed) bool { return in.Unfinished != "" })
	if unfinished || len(inv.names) > len(inv.installed) {
		put("")
	}
	for _, n := range inv.names {
		if n.also {
			put(string(n.id))
			put(string(inv.installed[n.at].Product))
		}
	}
	if unfinished {
		put("")
	}
	for _, in := range inv.installed {
		if in.Unfinished != "" {
			put(string(in.Product))
			put(in.Unfinished)
		}
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}
