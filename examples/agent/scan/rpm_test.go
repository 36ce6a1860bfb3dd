package scan

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
)

// In a made-up system with everything that keeps packages back, and signed
// metadata, dnf is the oracle, and the reasons are the right ones.
func TestAgreesWithDnfOnLocksExcludesAndPriorities_CAT5_CAT19(t *testing.T) {
	needDnf(t)
	w := &rpmWorld{t: t, dir: t.TempDir(), repos: map[string][]rpmBuild{}}
	w.root = filepath.Join(w.dir, "root")
	for _, name := range []string{"p0", "p1", "p2", "p3", "n0", "kernel"} {
		w.installed = append(w.installed, rpmBuild{name, "1-1", archs(name)[0]})
	}
	w.installRPMs()
	all := []rpmBuild{{"p0", "1.1-1", "x86_64"}, {"p0", "2-1", "x86_64"}, {"p1", "2-1", "x86_64"}, {"p2", "1.1-1", "x86_64"}, {"p2", "2-1", "x86_64"}, {"n0", "2-1", "noarch"}, {"kernel", "2-1", "x86_64"}, {"replacer", "2-1", "x86_64"}}
	w.publish("base", all...)
	w.publish("updates", rpmBuild{"p3", "1:0.5-1", "x86_64"})
	w.publish("first", rpmBuild{"p3", "1.1-1", "x86_64"})
	key, err := openpgp.NewEntity("archive", "", "archive@acme.example", &packet.Config{Algorithm: packet.PubKeyAlgoRSA, RSABits: 2048})
	require.NoError(t, err)
	var public, signature bytes.Buffer
	require.NoError(t, key.Serialize(&public))
	repomd, err := os.ReadFile(filepath.Join(w.dir, "base/repodata/repomd.xml"))
	require.NoError(t, err)
	require.NoError(t, openpgp.ArmoredDetachSign(&signature, key, bytes.NewReader(repomd), nil))
	w.write("base/repodata/repomd.xml.asc", signature.String())
	w.write("root/key.gpg", public.String())
	w.conf = "[main]\nexcludepkgs=p1\n" + w.conf + "priority=1\n"
	w.conf = strings.Replace(w.conf, "[base]\n", fmt.Sprintf("[base]\nrepo_gpgcheck=1\ngpgkey=file://%s/key.gpg\nexcludepkgs=p0-2-*\n", w.root), 1)
	w.locks = "p2-1.1-1.*\n"
	w.writeSettings()
	updates := w.dnf("-y", "check-update") // yes: it asks whether to trust the key
	w.write("root/etc/dnf/dnf.conf", strings.Replace(w.conf, w.root, "", 1))

	r, err := Run(t.Context(), Config{Root: w.root})
	require.NoError(t, err)
	require.NoError(t, r.Complete(), "%v", r.Notes)
	var got strings.Builder
	for _, row := range r.Rows {
		fmt.Fprintf(&got, "%s %s→%s", row.Package, row.Installed, row.Available)
		for _, reason := range row.Reasons {
			fmt.Fprintf(&got, " %s", reason.Code)
		}
		got.WriteString("\n")
		if row.Deployable {
			require.Regexp(t, row.Package+`\.\S+ +`+strings.ReplaceAll(row.Available, ".", `\.`)+" ", updates)
		}
	}
	require.Equal(t, `kernel 1-1→2-1 NeedsNewPackage
n0 1-1→2-1 Upgrade
p0 1-1→1.1-1 Upgrade
p0 1-1→2-1 PinnedElsewhere PinnedElsewhere
p1 1-1→2-1 PinnedElsewhere PinnedElsewhere
p2 1-1→1.1-1 Upgrade
p2 1-1→2-1 PinnedElsewhere PinnedElsewhere
p3 1-1→1.1-1 Upgrade
p3 1-1→1:0.5-1 PinnedElsewhere PinnedElsewhere
`, got.String())

	// Metadata that were altered on disk count for nothing (CAT-1).
	cached, err := filepath.Glob(filepath.Join(w.root, "var/cache/dnf/base-*/repodata/repomd.xml"))
	require.NoError(t, err)
	require.Len(t, cached, 1)
	require.NoError(t, os.WriteFile(cached[0], append(repomd, '\n'), 0o644))
	r, err = Run(t.Context(), Config{Root: w.root})
	require.NoError(t, err)
	require.ErrorContains(t, r.Complete(), "1 of 3 feeds could not be used")
	require.Contains(t, r.Notes[0], "repository base")
	for _, row := range r.Rows {
		require.Equal(t, "p3", row.Package)
		require.NotEqual(t, catalog.FeedID("rpm:base"), row.Feed.ID)
	}
}
