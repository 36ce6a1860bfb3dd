package serve

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
)

func TestFeedsOfFactsAndPackages_CAT18(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	feeds, err := Feeds(Sources{
		OSV: []string{"osv.zip Debian:12,Rocky Linux:9"}, KEV: "kev.json", SSVC: "cves", EPSS: "epss.csv",
		RPM: []string{"https://rpm.acme.example/9 unsigned acme x86_64 i686"},
	}, quiet)
	require.NoError(t, err)
	var ids []catalog.FeedID
	for _, f := range feeds {
		ids = append(ids, f.ID())
	}
	require.Equal(t, []catalog.FeedID{"osv:Debian:12,Rocky Linux:9", "kev", "ssvc", "epss", "rpm:acme"}, ids)

	keys := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, os.WriteFile(keys, []byte("no keys"), 0o600))
	large := filepath.Join(t.TempDir(), "large")
	require.NoError(t, os.WriteFile(large, make([]byte, maxKeyring+1), 0o600))
	for _, c := range []struct {
		from Sources
		says string
	}{
		{Sources{OSV: []string{"osv.zip"}}, "want 'LOCATION ECOSYSTEM'"},
		{Sources{OSV: []string{"osv.zip Plan9:4"}}, `the ecosystem "Plan9:4"`},
		{Sources{OSV: []string{"a.zip Debian:12", "b.zip Debian:12"}}, "feed osv:Debian:12 is given twice"},
		{Sources{KEV: "gopher://x"}, "feed kev: location gopher://x: want an http, https or file URL"},
		{Sources{SSVC: "https://"}, "feed ssvc"},
		{Sources{EPSS: "ftp://x"}, "feed epss"},
		{Sources{RPM: []string{"https://rpm.acme.example/9 unsigned acme"}}, "want 'URL KEYRING CHANNEL ARCHITECTURE…'"},
		{Sources{RPM: []string{"https://rpm.acme.example/9 nowhere.gpg acme x86_64"}}, "RPM repository acme: keyring: "},
		{Sources{RPM: []string{"https://rpm.acme.example/9 " + keys + " acme x86_64"}}, "keyring cannot be used"},
		{Sources{RPM: []string{"https://rpm.acme.example/9 " + large + " acme x86_64"}}, "want at most 1048576"},
		{Sources{RPM: []string{"rpm.acme.example unsigned acme x86_64"}}, "is not an http, https or file URL"},
	} {
		_, err := Feeds(c.from, quiet)
		require.ErrorContains(t, err, c.says)
	}
}
