package catalog

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/patchpolicy/patchpolicy/catalog/version"
)

func TestUpgradesOnly_CAT3(t *testing.T) {
	s := synced(t, batch(edit("2.0.0")))
	for _, c := range []struct {
		inv  Inventory
		want ReasonCode
		text string
	}{
		{Inventory{Platform: Linux}, NotInstalled, "Acme Editor is not installed, and nothing is installed for the first time."},
		{has("2.0.0"), AlreadyInstalled, "Acme Editor is already at version 2.0.0."},
		{has("2.0.0+other"), AlreadyInstalled, "Acme Editor is already at version 2.0.0+other."},
		{has("2.0.1"), NewerInstalled, "The installed version 2.0.1 of Acme Editor is newer than 2.0.0, and nothing is downgraded."},
		{has("2.0.0-rc.1"), Upgrade, "Acme Editor can be upgraded from 2.0.0-rc.1 to 2.0.0."},
	} {
		v := s.Evaluate("editor-2.0.0", c.inv, Options{}, noon)
		require.Equal(t, []ReasonCode{c.want}, codes(v))
		require.Equal(t, c.text, v.Reasons[0].Text)
		require.Equal(t, "CAT-3", v.Reasons[0].Rule)
		require.Equal(t, c.want == Upgrade, v.Deployable)
		require.Equal(t, s.ID(), v.Snapshot)
		require.Equal(t, ver("2.0.0"), v.To)
		explained(t, v)
	}
}

// CAT-4: the verdict is the same whatever is known of vulnerabilities.
func TestVulnerabilitiesNeverGate_CAT4(t *testing.T) {
	plain := synced(t, batch(edit("2.0.0")))
	for _, severity := range append(severities.All(), 0) {
		for _, cves := range [][]string{nil, {"CVE-2026-0001"}, {"CVE-2026-0001", "CVE-2026-0002"}} {
			s := synced(t, batch(edit("2.0.0", func(p *Patch) { p.Severity, p.CVEs = severity, cves })))
			for _, inv := range []Inventory{{Platform: Linux}, has("1.0.0"), has("2.0.0"), has("3.0.0")} {
				require.Equal(t, plain.Evaluate("editor-2.0.0", inv, Options{}, noon), s.Evaluate("editor-2.0.0", inv, Options{}, noon))
			}
		}
	}
}

func TestPackageManagerDecides_CAT5(t *testing.T) {
	s := synced(t, batch(edit("2.0.0")))
	inv := has("1.0.0")
	inv.installed[0].Held, inv.installed[0].PinnedTo = true, "1.5.0"
	v := s.Evaluate("editor-2.0.0", inv, Options{}, noon)
	require.Equal(t, []Reason{
		{Held, "CAT-5", "1.0.0", "2.0.0", "The asset's package manager holds Acme Editor at 1.0.0."},
		{PinnedElsewhere, "CAT-5", "1.5.0", "2.0.0", "The asset's package manager prefers version 1.5.0 of Acme Editor to 2.0.0."},
	}, v.Reasons)
}

func TestUnreachable_CAT10(t *testing.T) {
	p := edit("2.0.0", marked, func(p *Patch) {
		p.Artifacts[0].SignatureURL = "https://acme.example/editor.run.sig"
		more := file(Pinned)
		more.Name, more.URL = "data.run", "https://acme.example/data.run"
		p.Artifacts = append(p.Artifacts, more)
	})
	s := synced(t, batch(p))
	require.Equal(t, []ReasonCode{Upgrade, EOLMarked}, codes(s.Evaluate(p.ID, has("1.0.0"), Options{}, noon)))
	down := map[string]bool{
		"https://acme.example/editor.run.sig": true, "https://acme.example/data.run": true, "https://acme.example/editor.run": false,
	}
	v := s.Evaluate(p.ID, has("1.0.0"), Options{Unreachable: down}, noon)
	require.Equal(t, []ReasonCode{ArtifactUnreachable, ArtifactUnreachable, EOLMarked}, codes(v))
	require.Equal(t, "editor.run cannot be reached at https://acme.example/editor.run.sig.", v.Reasons[0].Text)
}

// CAT-11: a line is a whole number of parts, and the longest one counts.
func TestLineOf_CAT11(t *testing.T) {
	p := Product{Scheme: version.Debian, Lines: []Line{{Prefix: "1"}, {Prefix: "1.2"}, {Prefix: "1.2.3"}, {Prefix: "20a"}}}
	for text, want := range map[string]string{
		"1": "1", "1.1": "1", "1.20": "1", "1.2": "1.2", "1.2~rc1": "1.2", "1.2+x": "1.2", "1.2-1.2.3": "1.2", "9:1.2.30-1": "1.2",
		"1.2.3-5": "1.2.3", "1.2.3.4": "1.2.3", "10": "", "1a": "1", "20a.1": "20a", "20ab": "", "2:1": "1",
		"1.2.3z": "1.2.3", "1.2.3A": "1.2.3", "1.2.3Z": "1.2.3", "20a1": "20a", "1.20w": "1", "1.2.30": "1.2", "1.2.39": "1.2",
	} {
		v, err := version.Parse(version.Debian, text)
		require.NoError(t, err)
		line, found := p.LineOf(v)
		require.Equal(t, want, line.Prefix, text)
		require.Equal(t, want != "", found)
	}
}

func TestLineTexts_CAT11_CAT12(t *testing.T) {
	gone := time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
	b := batch(edit("1.5.0"), edit("2.0.0"))
	b.Products[0].Lines = []Line{{Prefix: "1", EOL: gone, Extended: noon.AddDate(5, 0, 0)}, {Prefix: "2"}}
	s := synced(t, b)
	v := s.Evaluate("editor-1.5.0", has("1.0.0"), Options{}, noon)
	require.Equal(t, []ReasonCode{EOLVersion}, codes(v), "extended support moves nothing")
	require.Equal(t, "Line 1 of Acme Editor, to which 1.5.0 belongs, reached its end of life on 2025-06-01T00:00:00Z.", v.Reasons[0].Text)
	v = s.Evaluate("editor-2.0.0", has("1.0.0"), Options{}, noon)
	require.Equal(t, []ReasonCode{Upgrade, LeavesEOL}, codes(v))
	require.True(t, v.Deployable)
	v = s.Evaluate("editor-2.0.0", has("1.0.0"), Options{StrictLines: true}, noon)
	require.Equal(t, []ReasonCode{EOLVersion}, codes(v))
	require.Equal(t, "The installed version is on line 1 of Acme Editor, which reached its end of life on 2025-06-01T00:00:00Z, and the policy blocks upgrades from such a line.", v.Reasons[0].Text)
	v = s.Evaluate("editor-1.5.0", has("1.0.0"), Options{StrictLines: true}, noon)
	require.Equal(t, []ReasonCode{EOLVersion, EOLVersion}, codes(v))
}

func TestListReducesToTheNewest_CAT14(t *testing.T) {
	gone := edit("4.0.0", withdrawn)
	again := edit("3.0.0", func(p *Patch) { p.ID = "editor-3.0.0-again" })
	s := synced(t, batch(edit("1.0.0"), edit("2.0.0"), edit("3.0.0"), again, gone))
	list := []PatchID{"editor-2.0.0", "editor-4.0.0", "editor-3.0.0-again", "nobody", "editor-3.0.0", "editor-2.0.0", "editor-1.0.0"}
	var got []string
	for _, v := range s.EvaluateList(list, has("1.5.0"), Options{}, noon) {
		explained(t, v)
		got = append(got, fmt.Sprint(v.Patch, codes(v)))
	}
	require.Equal(t, []string{
		"editor-2.0.0[Superseded]", "editor-4.0.0[Deprecated]", "editor-3.0.0-again[Upgrade]", "nobody[UnknownPatch]",
		"editor-3.0.0[Superseded]", "editor-1.0.0[NewerInstalled Superseded]",
	}, got)
	require.Empty(t, s.EvaluateList(nil, has("1.5.0"), Options{}, noon))
	// By itself an older patch is as good as any.
	require.True(t, s.EvaluateList([]PatchID{"editor-2.0.0"}, has("1.5.0"), Options{}, noon)[0].Deployable)
}

func TestListFollowsSupersedence_CAT14(t *testing.T) {
	other := editor()
	other.ID = "tools"
	b := batch(
		edit("2.0.0", supersedes("nobody", "link")), edit("1.9.0", supersedes("other-2")),
		named("link", supersedes("other-1"), withdrawn),
		named("other-1", func(p *Patch) { p.Product = "tools" }), edit("2.0.0", func(p *Patch) { p.Product, p.ID = "tools", "other-2" }),
	)
	b.Products = append(b.Products, other)
	s := synced(t, b)
	inv := inventoryOf(Linux, []Installed{{Product: "editor", Version: ver("0.1.0")}, {Product: "tools", Version: ver("0.1.0")}})
	verdict := func(id PatchID, list ...PatchID) []ReasonCode {
		for _, v := range s.EvaluateList(list, inv, Options{}, noon) {
			if v.Patch == id {
				return codes(v)
			}
		}
		return nil
	}
	require.Equal(t, []ReasonCode{Superseded}, verdict("other-1", "other-1", "editor-2.0.0"), "through a patch that is not in the list")
	require.Equal(t, []ReasonCode{Upgrade}, verdict("other-1", "other-1", "editor-1.9.0"))
	require.Equal(t, []ReasonCode{Superseded}, verdict("other-2", "other-2", "editor-1.9.0"))
	require.Equal(t, []ReasonCode{Upgrade}, verdict("other-2", "other-2", "editor-1.9.0", "editor-2.0.0"), "what is left out supersedes nothing")
}

// However supersedence and versions run against each other, something stays
// deployable, at most one per product, and nothing is lost without a reason.
func TestListKeepsSomething_CAT14(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		batches := genBatches.Draw(t, "batches")
		s, _ := Sync(nil, batches, noon)
		inv := inventoryOf(Linux, []Installed{{Product: "p", Version: ver("1.0.0")}, {Product: "q", Version: ver("0.1.0")}})
		list := rapid.SliceOf(rapid.SampledFrom([]PatchID{"u", "v", "w", "x", "y", "z"})).Draw(t, "list")
		alone, together := map[ProductID]bool{}, map[ProductID]bool{}
		for _, id := range list {
			if v := s.Evaluate(id, inv, Options{}, noon); v.Deployable {
				alone[v.Product] = true
			}
		}
		for _, v := range s.EvaluateList(list, inv, Options{}, noon) {
			explained(t, v)
			if v.Deployable {
				require.False(t, together[v.Product], "two patches of one product")
				together[v.Product] = true
				require.True(t, alone[v.Product])
			}
		}
		require.Equal(t, len(alone) > 0, len(together) > 0)
	})
}

// CAT-15: adding a reason keeps the order and the decision, and leaves the
// verdict it is added to alone.
func TestWith_CAT15(t *testing.T) {
	s := synced(t, batch(edit("2.0.0", marked)))
	v := s.Evaluate("editor-2.0.0", has("1.0.0"), Options{}, noon)
	v.Reasons = slices.Grow(v.Reasons, 4)
	blocked := v.With(NewReason(DependencyUnmet, "", "libfoo", "%s is missing.", "libfoo"))
	require.Equal(t, []ReasonCode{DependencyUnmet, EOLMarked}, codes(blocked))
	explained(t, blocked)
	require.Equal(t, []ReasonCode{Upgrade, EOLMarked}, codes(v))
	noted := v.With(NewReason(FeedStale, "", "", "Old."))
	require.Equal(t, []ReasonCode{Upgrade, EOLMarked, FeedStale}, codes(noted))
	explained(t, noted)
}

// Sentences end with a full stop and contain the values compared.
func TestSentences_CAT15(t *testing.T) {
	w := world{lifecycle: "withdrawn", availability: "overtaken", lines: "both", feed: "stale", platform: Windows,
		installed: "older", held: true, pinned: "older", unreachable: true, strict: true}
	s := w.snapshot(t)
	v := s.Evaluate("editor-2.5.0", w.inventory(t), Options{StrictLines: true, Unreachable: map[string]bool{"https://acme.example/editor.run": true}}, noon)
	require.GreaterOrEqual(t, len(v.Reasons), 9)
	for _, r := range v.Reasons {
		require.True(t, strings.HasSuffix(r.Text, "."), r.Text)
		if r.Have != "" && r.Code != WrongPlatform && r.Code != Deprecated {
			require.Contains(t, r.Text, r.Have, r.Code)
		}
	}
}
