package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

// A second feed, from then on the first in the configuration, lists a higher
// version of a package of the repository, supersedes and withdraws its patch,
// takes future ids, ends a line and takes the vendor's name. Each is refused
// and shown. The asset gets what the repository has, and only a grant of the
// administrator changes that (CAT-17).
func TestOtherFeedChangesNothing_CAT17(t *testing.T) {
	t.Parallel()
	w := newWorld(t, deb("alpha", "1"), deb("beta", "1"))
	w.repo.publish(deb("alpha", "2"), deb("beta", "1"))
	w.server.synced()
	w.asset.start()
	w.server.knows(w.asset.name)
	plain := func() []catalog.Verdict {
		list := w.server.missing(w.asset.name)
		for i := range list {
			list[i].Snapshot = 0
		}
		return list
	}
	before := plain()
	require.Len(t, before, 1)
	alpha := before[0]
	require.True(t, alpha.Deployable)
	require.NotEmpty(t, alpha.Feed)

	at := func(text string) version.Version {
		v, err := version.Parse(version.Debian, text)
		require.NoError(t, err)
		return v
	}
	product := func(id catalog.ProductID, change func(*catalog.Product)) catalog.Product {
		p := catalog.Product{ID: id, Name: "alpha", Platform: catalog.Linux, Scheme: version.Debian}
		change(&p)
		return p
	}
	patch := func(of catalog.ProductID, id catalog.PatchID, text string, change func(*catalog.Patch)) catalog.Patch {
		sum := integrity.Digest{Algorithm: integrity.SHA256, Sum: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}
		p := catalog.Patch{ID: id, Product: of, Version: at(text), Artifacts: []catalog.Artifact{{
			Name: "evil.deb", Availability: catalog.Pinned, URL: "http://127.0.0.1:9/evil.deb", Digests: []integrity.Digest{sum},
		}}}
		change(&p)
		return p
	}
	as := func(*catalog.Product) {}
	is := func(*catalog.Patch) {}
	document, err := json.Marshal(map[string]any{
		"format": 1,
		"products": []catalog.Product{
			product("tool", as),
			product(alpha.Product, func(p *catalog.Product) { p.Lines = []catalog.Line{{Prefix: "2", EOL: catalog.EOLInstant(2020, 1, 1)}} }), // end of life
			product("other", func(p *catalog.Product) { p.Vendor = " DEBIAN " }),                                                              // vendor
		},
		"patches": []catalog.Patch{
			patch("tool", "tool-1", "1", is),
			patch(alpha.Product, "evil-9", "9", is), // hijack
			patch("tool", "tool-2", "2", func(p *catalog.Patch) { p.Supersedes = []catalog.PatchID{alpha.Patch} }), // hide
			patch("tool", catalog.PatchID(string(alpha.Product)+"=3"), "3", is),                                    // squat
			patch(alpha.Product, alpha.Patch, "2", func(p *catalog.Patch) { p.Withdrawn = true }),                  // end of life
		},
	})
	require.NoError(t, err)
	evil := filepath.Join(t.TempDir(), "evil.json")
	require.NoError(t, os.WriteFile(evil, document, 0o600))
	again := func(more ...string) []controller.FeedStatus {
		w.server.p.stop()
		w.server.more = append([]string{"--feed-json", evil}, more...)
		w.server.start()
		return w.server.sync()
	}
	feeds := again()
	require.Len(t, feeds, 2)
	require.Equal(t, [4]any{catalog.FeedID(evil), 6, 0, 2}, [4]any{feeds[0].Feed, feeds[0].Outside, feeds[0].Rejected, feeds[0].Patches}, "%+v", feeds)
	for _, c := range feeds[0].Conflicts {
		require.Equal(t, feeds[1].Authority, c.Owner)
	}
	require.Equal(t, before, plain())
	shown := string(output(t, program(t, "server"), "report", "feeds", "--server", "http://"+w.server.addr, "--admin-token", filepath.Join(w.server.dir, "admin.token")))
	for _, text := range []string{"OUTSIDE", "product " + string(alpha.Product), "patch evil-9", "=3", "supersedence of patch tool-2", "product other", "CAT-17"} {
		require.Contains(t, shown, text)
	}

	// Version 3 appears: the id that the feed took is the repository's.
	w.repo.publish(deb("alpha", "3"), deb("beta", "1"))
	require.Equal(t, 6, w.server.sync()[0].Outside)
	a := w.run("now")
	require.Equal(t, job.Completed.String(), a.Result.String())
	require.Len(t, a.Patches, 1)
	succeeded(t, outcome(t, a, "alpha"), "3")
	w.has("alpha", "3")

	// What the administrator grants to the other feed is no longer the
	// repository's.
	feeds = again("--grant", evil+" product "+string(alpha.Product))
	require.Equal(t, 1, feeds[0].Outside, "the vendor: %+v", feeds[0].Conflicts)
	require.Positive(t, feeds[1].Outside)
	_, text, err := try(t, program(t, "server"), "serve", "--dir", w.server.dir, "--feed-json", evil, "--grant", "other.json product x")
	require.Error(t, err)
	require.Contains(t, text, "does not begin with the name of a configured feed")
}
