package catalog

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/patchpolicy/patchpolicy/catalog/version"
)

func TestNewInventorySortsAndFinds(t *testing.T) {
	given := []Installed{{Product: "c", Version: ver("3.0.0")}, {Product: "a", Version: ver("1.0.0")}, {Product: "b", Version: ver("2.0.0")}}
	kept := slices.Clone(given)
	inv, err := NewInventory(Linux, given)
	require.NoError(t, err)
	require.Equal(t, kept, given, "the argument stays as it is")
	for _, in := range given {
		found, has := inv.Find(in.Product)
		require.True(t, has)
		require.Equal(t, in, found)
	}
	for _, other := range []ProductID{"", "0", "bb", "d"} {
		_, has := inv.Find(other)
		require.False(t, has)
	}
}

func TestNewInventoryNamesEveryFault(t *testing.T) {
	_, err := NewInventory(99, []Installed{{Product: "a", Version: ver("1.0.0")}, {Product: "a"}, {Product: "b\n", Version: ver("1.0.0"), PinnedTo: "\x00"}})
	var bad *Invalid
	require.ErrorAs(t, err, &bad)
	require.Equal(t, []Problem{
		{Field: "platform", Value: "platform(99)", Text: "is not a known platform"},
		{Field: "product", Value: "a", Text: "it has no version"},
		{Field: "product", Value: "a", Text: "it occurs twice"},
		{Field: "product", Value: "b\n", Text: `product "b\n" contains control characters or is not UTF-8`},
		{Field: "product", Value: "b\n", Text: `the pinned version "\x00" contains control characters or is not UTF-8`},
	}, bad.Problems)

	var many []Installed
	for i := range 100 {
		many = append(many, Installed{Product: ProductID(fmt.Sprint(i))})
	}
	_, err = NewInventory(Linux, many)
	require.ErrorContains(t, err, "and 80 more")
}

func TestInventoryIsBounded(t *testing.T) {
	all := make([]Installed, MaxInstalled+1)
	for i := range all {
		all[i] = Installed{Product: ProductID(fmt.Sprintf("%06d", i)), Version: ver("1.0.0")}
	}
	_, err := NewInventory(Linux, all[:MaxInstalled])
	require.NoError(t, err)
	_, err = NewInventory(Linux, all)
	require.ErrorContains(t, err, "131073 products are installed, at most 131072 are allowed")
}

func TestInventoryJSON(t *testing.T) {
	var inv Inventory
	require.NoError(t, json.Unmarshal([]byte(`{"platform":"linux","installed":[{"product":"b","version":"semver:1.0.0"},{"product":"a","version":"semver:2.0.0","held":true}]}`), &inv))
	require.Equal(t, inventoryOf(Linux, []Installed{{Product: "a", Version: ver("2.0.0"), Held: true}, {Product: "b", Version: ver("1.0.0")}}), inv)
	data, err := json.Marshal(inv)
	require.NoError(t, err)
	var back Inventory
	require.NoError(t, json.Unmarshal(data, &back))
	require.Equal(t, inv, back)
	for _, bad := range []string{`[]`, `{"installed":1}`, `{"installed":[{"version":1}]}`, `{"platform":7}`} {
		require.Error(t, json.Unmarshal([]byte(bad), &back), bad)
		require.Equal(t, inv, back)
	}
}

// An inventory of a later release is read: what is not known in it prints as it
// came, and has no order (MAN-11).
func TestInventoryOfALaterRelease_MAN11(t *testing.T) {
	var inv Inventory
	require.NoError(t, json.Unmarshal([]byte(`{"platform":"linux","more":{"a":[1]},"installed":[
		{"product":"b","version":"zap:1~2","more":1},{"product":"a","version":"semver:2.0.0"},{"product":"c","version":"semver:2"}]}`), &inv))
	b, _ := inv.Find("b")
	require.Equal(t, "zap:1~2", b.Version.String())
	require.Equal(t, version.Unknown, b.Version.Scheme())
	_, ordered := b.Version.Compare(b.Version)
	require.False(t, ordered)
	c, _ := inv.Find("c")
	require.Equal(t, `version "semver:2"`, c.Version.NotKnown())
	require.NoError(t, inv.Check(), "it is good for the rest")
	data, err := json.Marshal(inv)
	require.NoError(t, err)
	require.Contains(t, string(data), `"zap:1~2"`, "it is written as it came")

	for _, odd := range []string{
		`{"platform":"amiga"}`, `{}`, `{"platform":"linux","installed":[{"product":"a","version":"semver:1.0.0"},{"product":"a","version":"semver:1.0.0"}]}`,
	} {
		var inv Inventory
		require.NoError(t, json.Unmarshal([]byte(odd), &inv), odd)
		require.Error(t, inv.Check(), "that is for the receiver to judge")
	}
}

// digestOfNothing was computed by hand from the documented encoding: 0b "inventory 1" 05 "linux".
const digestOfNothing = "sha256:698c943ea5ef0ef0bbb5953214043784a5274f7c16424604ffc2f90f24702eb4"

// Different inventories have different digests, and each field counts.
func TestInventoryDigest(t *testing.T) {
	require.Equal(t, digestOfNothing, Inventory{Platform: Linux}.Digest(), "the encoding is documented and must not change")
	in := func(product ProductID, text string, held bool, pin string) Inventory {
		return inventoryOf(Linux, []Installed{{Product: product, Version: ver(text), Held: held, PinnedTo: pin}})
	}
	all := []Inventory{
		{Platform: Linux}, {Platform: Windows}, in("a", "1.0.0", false, ""), in("b", "1.0.0", false, ""), in("a", "1.0.1", false, ""),
		in("a", "1.0.0", true, ""), in("a", "1.0.0", false, "1.0.0"), in("a", "1.0.0", false, "held"),
	}
	seen := map[string]int{}
	for i, inv := range all {
		require.Regexp(t, "^sha256:[0-9a-f]{64}$", inv.Digest())
		require.NotContains(t, seen, inv.Digest())
		seen[inv.Digest()] = i
	}
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfDistinct(rapid.SampledFrom([]ProductID{"a", "b", "c", "d"}), rapid.ID).Draw(t, "ids")
		var installed []Installed
		for _, id := range ids {
			installed = append(installed, Installed{Product: id, Version: ver("1.0.0")})
		}
		a, err := NewInventory(Linux, installed)
		require.NoError(t, err)
		b, err := NewInventory(Linux, rapid.Permutation(installed).Draw(t, "order"))
		require.NoError(t, err)
		require.Equal(t, a.Digest(), b.Digest())
	})
}

// An installed product is found under its own id and under those that it names in Also (CAT-17).
func TestAlsoIsFound_CAT17(t *testing.T) {
	given := []Installed{{Product: "c", Version: ver("3.0.0"), Also: []ProductID{"z", "b"}}, {Product: "a", Version: ver("1.0.0"), Also: []ProductID{"y"}}}
	inv, err := NewInventory(Linux, given)
	require.NoError(t, err)
	require.Equal(t, []ProductID{"z", "b"}, given[0].Also, "the argument stays as it is")
	for id, want := range map[ProductID]ProductID{"a": "a", "y": "a", "b": "c", "c": "c", "z": "c"} {
		found, has := inv.Find(id)
		require.True(t, has, id)
		require.Equal(t, want, found.Product, id)
	}
	_, has := inv.Find("x")
	require.False(t, has)
	for id, want := range map[ProductID]ProductID{"y": "a", "z": "c", "c": "c", "x": "x"} {
		require.Equal(t, want, inv.Software(id))
	}

	data, err := json.Marshal(inv)
	require.NoError(t, err)
	require.JSONEq(t, `{"platform":"linux","installed":[{"product":"a","version":"semver:1.0.0","also":["y"]},{"product":"c","version":"semver:3.0.0","also":["b","z"]}]}`, string(data))
	var back Inventory
	require.NoError(t, json.Unmarshal(data, &back))
	require.Equal(t, inv, back)
}

func TestAlsoIsChecked_CAT17(t *testing.T) {
	var many []ProductID
	for i := range MaxAlso + 1 {
		many = append(many, ProductID(fmt.Sprintf("many-%d", i)))
	}
	one := ver("1.0.0")
	_, err := NewInventory(Linux, []Installed{
		{Product: "a", Version: one, Also: []ProductID{"b", "x", "\n"}}, {Product: "b", Version: one, Also: []ProductID{"b", "x", "y", "y"}}, {Product: "c", Version: one, Also: many},
	})
	var bad *Invalid
	require.ErrorAs(t, err, &bad)
	require.Equal(t, []Problem{
		{Field: "product", Value: "a", Text: `a product of another channel "\n" contains control characters or is not UTF-8`},
		{Field: "product", Value: "c", Text: "it has 65 products of other channels, at most 64 are allowed"},
		{Field: "product", Value: "a", Text: `it names "b" of another channel, which the inventory names twice`},
		{Field: "product", Value: "b", Text: `it names "b" of another channel, which the inventory names twice`},
		{Field: "product", Value: "b", Text: `it names "x" of another channel, which the inventory names twice`},
		{Field: "product", Value: "b", Text: `it names "y" of another channel, which the inventory names twice`},
	}, bad.Problems)

	all := make([]Installed, MaxAllAlso/MaxAlso+1)
	for i := range all {
		all[i] = Installed{Product: ProductID(fmt.Sprint(i)), Version: one, Also: many[:MaxAlso]}
	}
	_, err = NewInventory(Linux, all)
	require.ErrorContains(t, err, "524352 products of other channels are named, at most 524288 are allowed")
}

// However an inventory enters, what Missing lists is what Evaluate judges.
func TestInventoryIsAlwaysSorted_CAT3(t *testing.T) {
	tools := editor()
	tools.ID = "tools"
	b := batch(edit("2.0.0"), edit("2.0.0", of("tools")))
	b.Products = append(b.Products, tools)
	s := synced(t, b)
	made, err := NewInventory(Linux, []Installed{{Product: "tools", Version: ver("1.0.0")}, {Product: "editor", Version: ver("1.0.0")}})
	require.NoError(t, err)
	var read Inventory
	require.NoError(t, json.Unmarshal([]byte(`{"platform":"linux","installed":[{"product":"tools","version":"semver:1.0.0"},{"product":"editor","version":"semver:1.0.0"}]}`), &read))
	require.Equal(t, made, read)
	for _, v := range s.Missing(read, Options{}, noon) {
		require.Equal(t, v, s.Evaluate(v.Patch, read, Options{}, noon))
		require.True(t, v.Deployable)
	}
}

// The products of other channels count in the digest, and one without any has that of the releases
// before.
func TestDigestOfOtherChannels_CAT17(t *testing.T) {
	one := ver("1.0.0")
	seen := map[string]int{}
	for i, list := range [][]Installed{
		{{Product: "a", Version: one}, {Product: "b", Version: one}}, {{Product: "a", Version: one, Also: []ProductID{"c"}}, {Product: "b", Version: one}},
		{{Product: "a", Version: one}, {Product: "b", Version: one, Also: []ProductID{"c"}}}, {{Product: "a", Version: one, Also: []ProductID{"c", "d"}}, {Product: "b", Version: one}},
		{{Product: "a", Version: one, Also: []ProductID{"c"}}, {Product: "b", Version: one, Also: []ProductID{"d"}}},
	} {
		digest := inventoryOf(Linux, list).Digest()
		require.NotContains(t, seen, digest)
		seen[digest] = i
	}
	require.Equal(t, inventoryOf(Linux, []Installed{{Product: "a", Version: one, Also: []ProductID{"d", "c"}}}).Digest(),
		inventoryOf(Linux, []Installed{{Product: "a", Version: one, Also: []ProductID{"c", "d"}}}).Digest())
}

// What the package manager left unfinished is noted, blocks nothing, is part of
// the digest, and is bounded.
func TestUnfinishedIsNoted_JOB17(t *testing.T) {
	left := Installed{Product: "editor", Version: ver("1.0.0"), Unfinished: "half-configured at version 2.0.0"}
	inv, err := NewInventory(Linux, []Installed{left})
	require.NoError(t, err)
	s := synced(t, batch(edit("2.0.0")))
	v := s.Missing(inv, Options{}, noon)
	require.Len(t, v, 1)
	require.True(t, v[0].Deployable)
	require.Equal(t, []ReasonCode{Upgrade, Unfinished}, codes(v[0]))
	require.Equal(t, "JOB-17", v[0].Reasons[1].Rule)
	require.Contains(t, v[0].Reasons[1].Text, "left Acme Editor half-configured at version 2.0.0.")
	left.Version = ver("2.0.0")
	require.Equal(t, []ReasonCode{AlreadyInstalled, Unfinished}, codes(s.Evaluate(v[0].Patch, inventoryOf(Linux, []Installed{left}), Options{}, noon)))

	seen := map[string]bool{}
	for _, in := range []Installed{{}, {Unfinished: "x"}, {Unfinished: "y"}, {Also: []ProductID{"x"}}, {Also: []ProductID{"x"}, Unfinished: "x"}} {
		in.Product, in.Version = "editor", ver("1.0.0")
		seen[inventoryOf(Linux, []Installed{in}).Digest()] = true
	}
	require.Len(t, seen, 5)
	for text, ok := range map[string]bool{strings.Repeat("x", maxUnfinished): true, strings.Repeat("x", maxUnfinished+1): false, "\x1b[": false} {
		_, err := NewInventory(Linux, []Installed{{Product: "editor", Version: ver("1.0.0"), Unfinished: text}})
		require.Equal(t, ok, err == nil, "%q", text)
	}
}
