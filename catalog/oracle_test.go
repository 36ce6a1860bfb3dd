package catalog

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// world is one combination of all that a verdict on patch editor-2.5.0 depends
// on. The zero world is plain: a Pinned patch, the product not installed.
type world struct {
	lifecycle    string // active, marked, dated (ends in the future), ended (its date has come), withdrawn
	availability string // none, pinned, latest, overtaken (LatestOnly, 3.0.0 is listed), repository, vendor, supplied
	lines        string // none, patch (its line ended), installed (1.x ended), both, now (the patch's ends now), later, extended, ahead (4.x ended)
	feed         string // good, stale, old (its data is), failing
	platform     Platform
	installed    string // none, older, same, newer, other (scheme)
	held         bool
	pinned       string // none, same, older, newer, garbage
	unreachable  bool
	strict       bool
}

// verdictCodes is the oracle: it looks at the world alone, one rule after the other.
func (w world) verdictCodes() []ReasonCode {
	var all []ReasonCode
	add := func(when bool, code ReasonCode) {
		if when {
			all = append(all, code)
		}
	}
	is := func(s string, one ...string) bool { return slices.Contains(one, s) }
	add(w.installed == "none", NotInstalled)
	add(w.installed == "same", AlreadyInstalled)
	add(w.installed == "newer", NewerInstalled)
	add(w.installed == "other", Unorderable)
	add(w.installed != "none" && w.pinned == "garbage", Unorderable)
	add(is(w.availability, "none", "vendor"), NotDownloadable)
	add(w.availability == "overtaken", VersionNotDownloadable)
	add(is(w.lifecycle, "ended", "withdrawn"), Deprecated)
	add(w.unreachable && is(w.availability, "pinned", "latest", "overtaken", "supplied"), ArtifactUnreachable)
	patchEnded := is(w.lines, "patch", "both", "now")
	add(patchEnded, EOLVersion)
	// 1.x is the older version's line, 2.x that of the patch and of the same
	// version, 4.x that of the newer one.
	installedEnded := w.installed == "older" && is(w.lines, "installed", "both") || w.installed == "same" && patchEnded ||
		w.installed == "newer" && w.lines == "ahead"
	add(installedEnded && w.strict, EOLVersion)
	noLine := w.lines == "ahead"
	add(noLine && w.strict, LineNotKnown)
	add(w.platform != Linux, WrongPlatform)
	add(w.installed != "none" && w.held, Held)
	add(w.installed != "none" && w.pinned == "older", PinnedElsewhere)
	add(len(all) == 0, Upgrade)
	add(w.installed == "older" && installedEnded && !w.strict && !patchEnded, LeavesEOL)
	add(noLine, NoLine)
	add(is(w.lifecycle, "marked", "dated"), EOLMarked)
	add(is(w.feed, "stale", "old"), FeedStale)
	add(w.feed == "failing", FeedFailing)
	return all
}

func (w world) snapshot(t *testing.T) *Snapshot {
	p := edit("2.5.0")
	switch w.lifecycle {
	case "marked":
		p.EOLMarked = true
	case "dated":
		p.EOL = noon.Add(1)
	case "ended":
		p.EOL = noon
	case "withdrawn":
		p.Withdrawn = true
	}
	switch w.availability {
	case "none":
		p.Artifacts = nil
	case "latest", "overtaken":
		p.Artifacts[0].Availability = LatestOnly
	case "repository":
		p.Artifacts = []Artifact{file(Repository)}
	case "vendor", "supplied":
		p.Artifacts = []Artifact{file(Vendor)}
	}
	if w.availability == "supplied" {
		p.Artifacts[0].CustomURL = "https://acme.example/editor.run"
	}
	b := batch(p, edit("2.0.0"))
	if w.availability == "overtaken" {
		b.Patches = append(b.Patches, edit("3.0.0"))
	}
	gone, soon := noon.Add(-time.Hour), noon.Add(time.Hour)
	b.Products[0].Lines = map[string][]Line{
		"patch":     {{Prefix: "2", EOL: gone}, {Prefix: "2.50", EOL: soon}},
		"installed": {{Prefix: "1", EOL: gone}, {Prefix: "2", EOL: soon}},
		"both":      {{Prefix: "1", EOL: gone}, {Prefix: "2.5", EOL: gone, Extended: soon}, {Prefix: "2", EOL: gone}},
		"now":       {{Prefix: "1", EOL: soon}, {Prefix: "2", EOL: noon}},
		"later":     {{Prefix: "1", EOL: soon}, {Prefix: "2", EOL: gone}, {Prefix: "2.5"}},
		"ahead":     {{Prefix: "4", EOL: gone}},
		"extended":  {{Prefix: "1", EOL: soon, Extended: gone}, {Prefix: "2", Extended: gone}},
	}[w.lines]
	switch w.feed {
	case "good":
		return synced(t, b)
	case "stale":
		return synced(t, b.at(noon.Add(-StaleAfter)))
	case "old":
		b.MaxAge = time.Hour
		return synced(t, b.dated(noon.Add(-time.Hour)))
	}
	s := synced(t, b)
	s, _ = Sync(s, []Batch{{Feed: "acme", Err: "down"}}, noon)
	return s
}

func (w world) inventory(t *testing.T) Inventory {
	if w.installed == "none" {
		return Inventory{Platform: w.platform}
	}
	text := map[string]string{"older": "1.9.0", "same": "2.5.0+build", "newer": "4.0.0", "other": "1.0"}[w.installed]
	scheme := version.Semver
	if w.installed == "other" {
		scheme = version.Dotted
	}
	v, err := version.Parse(scheme, text)
	require.NoError(t, err)
	pin := map[string]string{"same": "2.5.0", "older": "2.4.9", "newer": "2.6.0", "garbage": "latest"}[w.pinned]
	return inventoryOf(w.platform, []Installed{{Product: "editor", Version: v, Held: w.held, PinnedTo: pin}})
}

// CAT-3, CAT-4, CAT-5, CAT-6, CAT-9, CAT-10, CAT-11, CAT-12, CAT-13, CAT-15:
// every combination, against the oracle.
func TestEvaluateAgainstOracle_CAT15(t *testing.T) {
	checked, deployable := 0, 0
	worlds(func(w world, s *Snapshot) {
		o := Options{StrictLines: w.strict, KnownLines: w.strict}
		if w.unreachable {
			o.Unreachable = map[string]bool{"https://acme.example/editor.run": true}
		}
		v := s.Evaluate("editor-2.5.0", w.inventory(t), o, noon)
		checked++
		if v.Deployable {
			deployable++
		}
		if want := w.verdictCodes(); !slices.Equal(want, codes(v)) || v.Deployable != slices.Contains(want, Upgrade) {
			t.Fatalf("%+v:\ngot  %v\nwant %v", w, codes(v), want)
		}
		if checked%97 == 0 {
			explained(t, v)
		}
	}, t)
	t.Logf("%d worlds, in %d the patch is deployable", checked, deployable)
	require.Greater(t, deployable, 100)
}

func worlds(visit func(w world, s *Snapshot), t *testing.T) {
	made, step := 0, 1
	if testing.Short() {
		step = 11 // which meets every value of each
	}
	for _, lifecycle := range []string{"active", "marked", "dated", "ended", "withdrawn"} {
		for _, availability := range []string{"none", "pinned", "latest", "overtaken", "repository", "vendor", "supplied"} {
			for _, lines := range []string{"none", "patch", "installed", "both", "now", "later", "extended", "ahead"} {
				for _, feed := range []string{"good", "stale", "old", "failing"} {
					if made++; made%step != 0 {
						continue
					}
					w := world{lifecycle: lifecycle, availability: availability, lines: lines, feed: feed}
					assets(w, w.snapshot(t), visit)
				}
			}
		}
	}
}

func assets(w world, s *Snapshot, visit func(w world, s *Snapshot)) {
	for _, w.platform = range []Platform{Linux, Windows} {
		for _, w.installed = range []string{"none", "older", "same", "newer", "other"} {
			for _, w.held = range []bool{false, true} {
				for _, w.pinned = range []string{"none", "same", "older", "newer", "garbage"} {
					for _, w.unreachable = range []bool{false, true} {
						for _, w.strict = range []bool{false, true} {
							visit(w, s)
						}
					}
				}
			}
		}
	}
}
