package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// CAT-20: a product in a scheme of an importer's own is judged like every
// other, by a catalog that never saw the scheme: after it was stored, and with
// an inventory that came over the wire.
func TestOwnScheme_CAT20(t *testing.T) {
	zones := version.Own{Name: "x-tz", Key: func(text string) ([]byte, error) {
		if len(text) != 5 {
			return nil, errors.New("want a year and a letter")
		}
		return []byte(text), nil
	}}
	parse := func(text string) version.Version {
		v, err := zones.Parse(text)
		require.NoError(t, err)
		return v
	}
	b := batch(edit("2.0.0", func(p *Patch) { p.ID, p.Version = "zones-2024b", parse("2024b") }))
	b.Products[0].Scheme = zones.Name
	b.Products[0].Lines = []Line{{Prefix: "2024"}}
	var stored bytes.Buffer
	require.NoError(t, synced(t, b).Encode(&stored))
	s, err := Decode(&stored)
	require.NoError(t, err)

	for text, want := range map[string]ReasonCode{"2024a": Upgrade, "2024b": AlreadyInstalled, "2025a": NewerInstalled} {
		inv := has("1.0.0")
		inv.installed[0].Version = parse(text)
		data, err := json.Marshal(inv)
		require.NoError(t, err)
		var back Inventory
		require.NoError(t, json.Unmarshal(data, &back))
		require.Equal(t, []ReasonCode{want}, codes(s.Evaluate("zones-2024b", back, Options{}, noon)), text)
	}
	require.Equal(t, []ReasonCode{Unorderable}, codes(s.Evaluate("zones-2024b", has("1.0.0"), Options{}, noon)))

	inv := has("1.0.0")
	inv.installed[0].Version, inv.installed[0].PinnedTo = parse("2024a"), "3230323461:2024a"
	require.Equal(t, []ReasonCode{PinnedElsewhere}, codes(s.Evaluate("zones-2024b", inv, Options{}, noon)))
}
