package catalog

import (
	"time"

	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// Options are the settings a verdict depends on beside the catalog and the asset. The zero value is the default.
type Options struct {
	StrictLines bool            // the installed version's line blocks too, not only the patch's (CAT-11)
	Unreachable map[string]bool // URLs that a probe found unreachable (CAT-10)
}

// Evaluate says whether one patch can be deployed on one asset at this time, with every reason (CAT-15). It looks at the
// patch alone: a patch that another supersedes is still deployable when it is asked for by itself, see EvaluateList. A
// snapshot that does not hold the patch says UnknownPatch (CAT-9).
func (s *Snapshot) Evaluate(id PatchID, inv Inventory, o Options, now time.Time) Verdict {
	i, found := s.patchIndex(id)
	if !found {
		v := Verdict{Patch: id, Snapshot: s.ID()}
		v.add(UnknownPatch, "", "", "Patch %s is not in the catalog.", id)
		return v
	}
	e := evaluation{
		snapshot: s, state: s.states[i], patch: s.patchAt(i), product: &s.products[s.states[i].product], options: o, now: now,
	}
	e.installed, e.isInstalled = inv.Find(e.patch.Product)
	e.verdict = Verdict{Patch: id, Feed: s.feeds[e.state.feed].Feed, Product: e.patch.Product, From: e.installed.Version, To: e.patch.Version, Snapshot: s.id}
	e.installation()
	e.lifecycle()
	e.platform(inv.Platform)
	e.packageManager()
	e.artifacts()
	e.lines()
	e.feed()
	e.verdict.settle()
	return e.verdict
}

// evaluation is one Evaluate under way.
type evaluation struct {
	snapshot    *Snapshot
	state       patchState
	patch       *Patch
	product     *Product
	installed   Installed
	isInstalled bool
	options     Options
	now         time.Time
	verdict     Verdict
}

func (v *Verdict) add(code ReasonCode, have, want, format string, args ...any) {
	v.Reasons = append(v.Reasons, NewReason(code, have, want, format, args...))
}

// installation compares the patch with what is installed (CAT-3). The Upgrade reason stays only if nothing blocks.
func (e *evaluation) installation() {
	name, to := e.product.Name, e.patch.Version.String()
	if !e.isInstalled {
		e.verdict.add(NotInstalled, "", to, "%s is not installed, and nothing is installed for the first time.", name)
		return
	}
	from := e.installed.Version.String()
	switch order, ok := e.patch.Version.Compare(e.installed.Version); {
	case !ok:
		e.verdict.add(Unorderable, from, to, "The installed version %s of %s (%s) cannot be ordered with %s (%s).",
			from, name, e.installed.Version.Scheme(), to, e.patch.Version.Scheme())
	case order == 0:
		e.verdict.add(AlreadyInstalled, from, to, "%s is already at version %s.", name, from)
	case order < 0:
		e.verdict.add(NewerInstalled, from, to, "The installed version %s of %s is newer than %s, and nothing is downgraded.", from, name, to)
	default:
		e.verdict.add(Upgrade, from, to, "%s can be upgraded from %s to %s.", name, from, to)
	}
}

// upgrades reports whether the patch is newer than what is installed.
func (e *evaluation) upgrades() bool {
	return e.isInstalled && newer(e.patch.Version, e.installed.Version)
}

// lifecycle blocks a deprecated patch (CAT-9) and notes a mark (CAT-10).
func (e *evaluation) lifecycle() {
	eol := ""
	if !e.patch.EOL.IsZero() {
		eol = instant(e.patch.EOL)
	}
	switch {
	case e.state.deprecated && e.patch.Withdrawn:
		e.verdict.add(Deprecated, "withdrawn", "", "The vendor withdrew %s.", e.patch.ID)
	case e.state.deprecated:
		e.verdict.add(Deprecated, eol, instant(e.now), "%s reached its end of life and left the catalog.", e.patch.ID)
	case e.patch.EOLMarked && eol == "":
		e.verdict.add(EOLMarked, "", "", "The vendor announced the end of life of %s without a date; it is still honoured.", e.patch.ID)
	case e.patch.EOLMarked:
		e.verdict.add(EOLMarked, eol, instant(e.now), "The vendor announced the end of life of %s for %s; it is still honoured.", e.patch.ID, eol)
	}
}

func (e *evaluation) platform(have Platform) {
	if want := e.product.Platform; have != want {
		e.verdict.add(WrongPlatform, have.String(), want.String(), "The patch is for %s, the asset runs %s.", want, have)
	}
}

// packageManager respects what the asset's own package manager was told (CAT-5). A pin that cannot be ordered with the
// patch blocks as Unorderable (CAT-3).
func (e *evaluation) packageManager() {
	if !e.isInstalled {
		return
	}
	name, to, pin := e.product.Name, e.patch.Version.String(), e.installed.PinnedTo
	if e.installed.Held {
		e.verdict.add(Held, e.installed.Version.String(), to, "The asset's package manager holds %s at %s.", name, e.installed.Version)
	}
	if pin == "" {
		return
	}
	pinned, err := version.Parse(e.product.Scheme, pin)
	if err != nil {
		e.verdict.add(Unorderable, pin, to, "The version %s that the asset's package manager prefers for %s cannot be ordered with %s: %v.", pin, name, to, err)
		return
	}
	if newer(e.patch.Version, pinned) {
		e.verdict.add(PinnedElsewhere, pin, to, "The asset's package manager prefers version %s of %s over %s.", pin, name, to)
	}
}

// artifacts asks whether every file can be had (CAT-5, CAT-6, CAT-10).
func (e *evaluation) artifacts() {
	if len(e.patch.Artifacts) == 0 {
		e.verdict.add(NotDownloadable, "", "", "%s has no file to download.", e.patch.ID)
	}
	latestOnly := false
	for _, a := range e.patch.Artifacts {
		latestOnly = latestOnly || a.Availability == LatestOnly
		if a.Availability == Vendor && a.CustomURL == "" {
			e.verdict.add(NotDownloadable, "", "", "%s must be supplied by you: set a custom URL for it.", a.Name)
		}
		e.reachable(a.Name, a.Source())
		e.reachable(a.Name, a.SignatureURL)
	}
	if newest := e.snapshot.newestVersion(int(e.state.product)); latestOnly && newer(newest, e.patch.Version) {
		have, want := e.patch.Version.String(), newest.String()
		e.verdict.add(VersionNotDownloadable, have, want, "The vendor serves only the newest version of %s, which is %s and no longer %s.", e.product.Name, want, have)
	}
}

func (e *evaluation) reachable(name, url string) {
	if url != "" && e.options.Unreachable[url] {
		e.verdict.add(ArtifactUnreachable, url, "", "%s cannot be reached at %s.", name, url)
	}
}

// lines looks at the version lines' end of life (CAT-11, CAT-12). The patch's line decides; the installed one only
// under StrictLines.
func (e *evaluation) lines() {
	name := e.product.Name
	to, known := e.product.LineOf(e.patch.Version)
	toEnded := known && to.Ended(e.now)
	if toEnded {
		e.verdict.add(EOLVersion, instant(to.EOL), instant(e.now), "Line %s of %s, to which %s belongs, reached its end of life on %s.",
			to.Prefix, name, e.patch.Version, instant(to.EOL))
	}
	if !e.isInstalled {
		return
	}
	from, known := e.product.LineOf(e.installed.Version)
	if !known || !from.Ended(e.now) {
		return
	}
	switch {
	case e.options.StrictLines:
		e.verdict.add(EOLVersion, instant(from.EOL), instant(e.now), "The installed line %s of %s reached its end of life on %s, and the strict policy blocks it.",
			from.Prefix, name, instant(from.EOL))
	case !toEnded && e.upgrades():
		e.verdict.add(LeavesEOL, instant(from.EOL), instant(e.now), "The upgrade leaves line %s of %s, which reached its end of life on %s.",
			from.Prefix, name, instant(from.EOL))
	}
}

// feed notes how fresh the catalog's knowledge of the patch is (CAT-1, CAT-2).
func (e *evaluation) feed() {
	h := e.snapshot.feeds[e.state.feed]
	if h.Stale(e.now) {
		e.verdict.add(FeedStale, instant(h.LastGood), instant(e.now), "Feed %s was last read on %s, at least %d hours ago.", h.Feed, instant(h.LastGood), int(StaleAfter.Hours()))
	}
	if !h.Healthy {
		e.verdict.add(FeedFailing, instant(h.Since), instant(e.now), "Feed %s fails since %s: %s", h.Feed, instant(h.Since), h.Err)
	}
}

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }
