package serve

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
)

func TestGrants_CAT17(t *testing.T) {
	feeds, err := Feeds(Sources{JSON: []string{"acme.json", "acme.json extra.json"}}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	got, err := SettingsOf([]string{
		"acme.json vendor Acme Inc.", "acme.json product acme/*", "acme.json lines deb/*", "acme.json extra.json patch KB*", "acme.json extra.json authority acme.json",
	}, nil, feeds)
	require.NoError(t, err)
	require.Equal(t, map[catalog.FeedID]FeedSettings{
		"acme.json":            {Grant: catalog.Grant{Vendors: []string{"Acme Inc."}, Products: []string{"acme/*"}, Lines: []string{"deb/*"}}},
		"acme.json extra.json": {Grant: catalog.Grant{Patches: []string{"KB*"}}, Authority: "acme.json"},
	}, got)
	for text, why := range map[string]string{
		"":                       "does not begin with the name of a configured feed",
		"other.json vendor Acme": `those are "acme.json", "acme.json extra.json"`,
		"acme.json":              "does not begin",
		"acme.json Acme":         `"Acme" cannot be granted`,
		"acme.json vendor":       "a granted vendor is empty",
		"acme.json product a*b":  "has a star that is not at its end",
		"acme.json authority ":   "speaks for exactly one authority",
	} {
		_, err := SettingsOf([]string{text}, nil, feeds)
		require.ErrorContains(t, err, fmt.Sprintf("grant %q: ", text))
		require.ErrorContains(t, err, why)
	}
	require.ErrorContains(t, Config{Listen: "127.0.0.1:0", SyncEvery: catalog.SyncEvery, Feeds: feeds, Forget: []string{"acme.json"}}.Validate(), "both configured and to be forgotten")
}

// A grant that matches nothing is mostly a name that is not spelt as the feed
// spells it, so it is named.
func TestGrantsThatMatchNothing_CAT17(t *testing.T) {
	v, err := version.Parse(version.Semver, "2.0.0")
	require.NoError(t, err)
	snap, _ := catalog.Sync(nil, []catalog.Batch{{
		Feed: "acme.json", At: time.Now(),
		Products: []catalog.Product{{ID: "acme/editor", Name: "Editor", Vendor: "Acme Inc.", Platform: catalog.Linux, Scheme: version.Semver}},
		Patches: []catalog.Patch{{ID: "editor-2", Product: "acme/editor", Version: v, Artifacts: []catalog.Artifact{
			{Name: "editor", Availability: catalog.LatestOnly, URL: "https://acme.example/editor", Signer: "Acme Inc."},
		}}},
	}}, time.Now())
	_, listed := snap.Patch("editor-2")
	require.True(t, listed)
	s := &syncer{settings: map[catalog.FeedID]FeedSettings{"acme.json": {Grant: catalog.Grant{
		Vendors: []string{"Acme Inc.", "ACME"}, Products: []string{"acme/*", "acme/editors"}, Patches: []string{"editor-2", "KB*"}, Lines: []string{"acme/editor", "deb/*"},
	}}}}
	var named []string
	for _, text := range s.unused(snap) {
		name, _, _ := strings.Cut(strings.TrimPrefix(text, "the grant '"), "'")
		named = append(named, name)
	}
	require.Equal(t, []string{"acme.json vendor ACME", "acme.json product acme/editors", "acme.json patch KB*", "acme.json lines deb/*"}, named)
}
