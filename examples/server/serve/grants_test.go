package serve

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
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
