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
	Version  version.Version `json:"version"`
	Held     bool            `json:"held,omitempty"`     // the asset's package manager holds it back
	PinnedTo string          `json:"pinnedTo,omitempty"` // the version that the asset's package manager prefers; empty: the newest
	Also     []ProductID     `json:"also,omitempty"`     // the same software in other channels that the asset uses; their patches are for it too (CAT-17)
}

// Inventory is what is installed on one asset, each product once. NewInventory
// makes it, or it is read from JSON. It cannot be changed. The zero value with
// a platform is an asset on which nothing is installed.
type Inventory struct {
	Platform  Platform    `json:"platform"`
	installed []Installed // by product
	also      []alias     // by product
}

// alias is a product that an installed one names in Also.
type alias struct {
	product ProductID
	at      int32 // index into installed
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

// inventoryOf sorts and indexes, without changing the argument.
func inventoryOf(platform Platform, installed []Installed) Inventory {
	inv := Inventory{Platform: platform, installed: slices.Clone(installed)}
	slices.SortStableFunc(inv.installed, func(a, b Installed) int { return cmp.Compare(a.Product, b.Product) })
	for i := range inv.installed {
		in := &inv.installed[i]
		in.Also = slices.Sorted(slices.Values(in.Also))
		for _, id := range in.Also {
			inv.also = append(inv.also, alias{id, int32(i)})
		}
	}
	slices.SortStableFunc(inv.also, func(a, b alias) int { return cmp.Compare(a.product, b.product) })
	return inv
}

// inventoryJSON is the JSON form.
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
	if len(inv.also) > MaxAllAlso {
		bad.Add("", "", "%d products of other channels are named, at most %d are allowed", len(inv.also), MaxAllAlso)
		return bad.Err("inventory")
	}
	for i, in := range inv.installed {
		c := checker{}
		c.text("product", string(in.Product), MaxID, true)
		c.text("the pinned version", in.PinnedTo, version.MaxLength, false)
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
	for i, a := range inv.also {
		owner := inv.installed[a.at].Product
		if _, own := inv.own(a.product); own || i > 0 && inv.also[i-1].product == a.product {
			bad.Add("product", string(owner), "it names %.*q of another channel, which the inventory names twice", MaxID, a.product)
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
	if i, found := inv.own(id); found {
		return inv.installed[i], true
	}
	k, found := sort.Find(len(inv.also), func(k int) int { return cmp.Compare(id, inv.also[k].product) })
	if !found {
		return Installed{}, false
	}
	return inv.installed[inv.also[k].at], true
}

// Software returns the installed product that patches of a product are for: the
// one with this id, or the one that names it in Also. If there is no such
// product, it returns the id itself (CAT-17).
func (inv Inventory) Software(id ProductID) ProductID {
	if in, found := inv.Find(id); found {
		return in.Product
	}
	return id
}

func (inv Inventory) own(id ProductID) (int, bool) {
	return sort.Find(len(inv.installed), func(i int) int { return cmp.Compare(id, inv.installed[i].Product) })
}

// Digest returns "sha256:" and the lower-case hex SHA-256 of the inventory's
// canonical encoding. Equal inventories have equal digests. A server asks for
// the inventory only if the digest differs from the one it holds.
//
// The encoding is a sequence of texts, each preceded by its length in bytes as
// an unsigned varint: "inventory 1" and the platform; for each product its id,
// its version as "scheme:text", "held" or nothing, and the pinned version;
// then, if products of other channels are named, an empty text, and for each of
// them, by id, its id and the id of its installed product.
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
	if len(inv.also) > 0 {
		put("")
	}
	for _, a := range inv.also {
		put(string(a.product))
		put(string(inv.installed[a.at].Product))
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}
