package catalog

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// Installed is one product as an asset's inventory found it.
type Installed struct {
	Product  ProductID       `json:"product"`
	Version  version.Version `json:"version"`
	Held     bool            `json:"held,omitempty"`     // the asset's package manager holds it back
	PinnedTo string          `json:"pinnedTo,omitempty"` // the version the asset's package manager prefers, when not the newest it knows
}

// Inventory is what is installed on one asset, sorted by product, each product once. NewInventory and UnmarshalJSON make
// one that is; of another one, Find may miss products.
type Inventory struct {
	Platform  Platform    `json:"platform"`
	Installed []Installed `json:"installed"`
}

// InventoryError tells everything that is wrong with what an asset says is installed.
type InventoryError struct {
	Problems []string // at most 20, the rest counted in the last
}

func (e *InventoryError) Error() string {
	return "bad inventory: " + strings.Join(e.Problems, "; ")
}

// NewInventory sorts what is installed, leaving the argument as it is. It refuses an unknown platform, a product that
// occurs twice, an installed product without a version, an unfit text and more than MaxInstalled products, with an
// *InventoryError that names each.
func NewInventory(platform Platform, installed []Installed) (Inventory, error) {
	var problems []string
	if !platforms.Valid(platform) {
		problems = append(problems, fmt.Sprintf("%s is no platform", platform))
	}
	if len(installed) > MaxInstalled {
		problems = append(problems, fmt.Sprintf("%d products are installed, the most is %d", len(installed), MaxInstalled))
		return Inventory{}, &InventoryError{Problems: problems}
	}
	sorted := slices.Clone(installed)
	slices.SortStableFunc(sorted, func(a, b Installed) int { return cmp.Compare(a.Product, b.Product) })
	for i, in := range sorted {
		c := checker{}
		c.text("product", string(in.Product), MaxID, true)
		c.text("the pinned version", in.PinnedTo, version.MaxLength, false)
		if in.Version.IsZero() {
			c.addf("it has no version")
		}
		if i > 0 && sorted[i-1].Product == in.Product {
			c.addf("it occurs twice")
		}
		for _, p := range c.problems {
			problems = append(problems, fmt.Sprintf("product %.80q: %s", in.Product, p))
		}
	}
	if len(problems) > 0 {
		return Inventory{}, &InventoryError{Problems: firstFew(problems, 20)}
	}
	return Inventory{Platform: platform, Installed: sorted}, nil
}

// firstFew keeps most texts, the last of them telling how many were left out.
func firstFew(texts []string, most int) []string {
	if len(texts) <= most {
		return texts
	}
	return append(texts[:most-1:most-1], fmt.Sprintf("and %d more", len(texts)-most+1))
}

// UnmarshalJSON reads an inventory as strictly as NewInventory makes one: unknown fields are refused.
func (inv *Inventory) UnmarshalJSON(data []byte) error {
	type plain Inventory
	var p plain
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return err
	}
	made, err := NewInventory(p.Platform, p.Installed)
	if err != nil {
		return err
	}
	*inv = made
	return nil
}

// Find looks a product up by binary search.
func (inv Inventory) Find(id ProductID) (Installed, bool) {
	i, found := slices.BinarySearchFunc(inv.Installed, id, func(in Installed, id ProductID) int { return cmp.Compare(in.Product, id) })
	if !found {
		return Installed{}, false
	}
	return inv.Installed[i], true
}

// Digest is "sha256:" and the lower-case hex SHA-256 of the inventory's canonical encoding. Equal inventories have equal
// digests; a server asks for the inventory only when the digest differs from the one it holds.
//
// The encoding is "inventory 1", the platform, and for each product its id, its version as "scheme:text", "held" or
// nothing, and the pinned version; each of these preceded by its length in bytes as an unsigned varint.
func (inv Inventory) Digest() string {
	h := sha256.New()
	var buf []byte
	put := func(text string) {
		buf = binary.AppendUvarint(buf, uint64(len(text)))
		buf = append(buf, text...)
	}
	put("inventory 1")
	put(inv.Platform.String())
	for _, in := range inv.Installed {
		put(string(in.Product))
		// A version that was parsed always has a text form.
		v, _ := in.Version.MarshalText()
		put(string(v))
		if in.Held {
			put("held")
		} else {
			put("")
		}
		put(in.PinnedTo)
		h.Write(buf)
		buf = buf[:0]
	}
	h.Write(buf)
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}
