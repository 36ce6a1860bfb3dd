package catalog

import (
	"time"

	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// Options are the settings a verdict depends on beside the catalog and the asset. The zero value is the default.
type Options struct {
	StrictLines bool            // the installed version's line blocks too, not only the patch's (CAT-11)
	KnownLines  bool            // a version on no line of a product that has lines is blocked (CAT-11)
	Unreachable map[string]bool // URLs that a probe found unreachable (CAT-10)

	// Refuse says what else the caller has against the patch of a verdict so far, as a baseline or
	// a signer policy has; ok: nothing. A reason whose code blocks hides no older patch that is
	// allowed (CAT-19). Nil: nothing against any.
	Refuse func(v Verdict, of Product) (r Reason, ok bool)
}

// Evaluate says whether one patch can be deployed on one asset at this time, with every reason
// (CAT-15). It looks at the patch alone: a patch that another supersedes is still deployable when
// it is asked for by itself, see EvaluateList. A patch of a product that the asset's software names
// in Also is judged against that software (CAT-17). A snapshot that does not hold the patch says
// UnknownPatch (CAT-9).
func (s *Snapshot) Evaluate(id PatchID, inv Inventory, o Options, now time.Time) Verdict {
	i, found := s.patchIndex(id)
	if !found {
		v := Verdict{Patch: id, Snapshot: s.ID()}
		v.add(UnknownPatch, "", "", "Patch %s is not in the catalog.", id)
		return v
	}
	return s.evaluate(i, inv, o, now)
}

// evaluate is Evaluate of the patch at index i.
func (s *Snapshot) evaluate(i int, inv Inventory, o Options, now time.Time) Verdict {
	e := evaluation{
		snapshot: s, state: s.states[i], patch: s.patchAt(i), product: &s.products[s.states[i].product], options: o, now: now,
	}
	e.installed, e.isInstalled = inv.Find(e.patch.Product)
	e.verdict = Verdict{
		Patch: e.patch.ID, Feed: s.feeds[e.state.feed].Feed, Product: e.patch.Product, From: e.installed.Version, To: e.patch.Version, Snapshot: s.id,
	}
	e.installation(inv)
	e.lifecycle()
	e.platform(inv.Platform)
	e.packageManager()
	e.artifacts()
	e.lines()
	e.feed()
	if o.Refuse != nil {
		if r, ok := o.Refuse(e.verdict, *e.product); !ok {
			e.verdict.Reasons = append(e.verdict.Reasons, r)
		}
	}
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
func (e *evaluation) installation(inv Inventory) {
	if !e.isInstalled {
		if other, has := e.snapshot.elsewhere(int(e.state.product), inv); has {
			e.verdict.add(NotInstalled, other.Channel, e.product.Channel, "%s is installed, and the asset does not use its channel %q; it uses %q.",
				e.product.Name, e.product.Channel, other.Channel)
			return
		}
	}
	e.verdict.Reasons = append(e.verdict.Reasons, upgrade(e.installed, e.isInstalled, e.product.Name, e.patch.Version))
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
	if !known && len(e.product.Lines) > 0 {
		if e.options.KnownLines {
			e.verdict.add(LineNotKnown, e.patch.Version.String(), "", "The strict policy blocks %s of %s, which is on no known line.", e.patch.Version, name)
		}
		e.verdict.add(NoLine, e.patch.Version.String(), "", "%s is on none of the lines of %s, so nothing is known of its end of life.", e.patch.Version, name)
	}
	toEnded := known && to.Ended(e.now)
	if toEnded {
		have, on := to.end(e.now)
		e.verdict.add(EOLVersion, have, instant(e.now), "Line %s of %s, to which %s belongs, reached its end of life%s.", to.Prefix, name, e.patch.Version, on)
	}
	if !e.isInstalled {
		return
	}
	from, known := e.installedAs().LineOf(e.installed.Version)
	if !known || !from.Ended(e.now) {
		return
	}
	have, on := from.end(e.now)
	switch {
	case e.options.StrictLines:
		e.verdict.add(EOLVersion, have, instant(e.now), "The installed line %s of %s reached its end of life%s, and the strict policy blocks it.", from.Prefix, name, on)
	case !toEnded && e.upgrades():
		e.verdict.add(LeavesEOL, have, instant(e.now), "The upgrade leaves line %s of %s, which reached its end of life%s.", from.Prefix, name, on)
	}
}

// installedAs is the product that is installed, which may be of another channel than the patch's.
func (e *evaluation) installedAs() *Product {
	if i, known := e.snapshot.productIndex(e.installed.Product); known {
		return &e.snapshot.products[i]
	}
	return e.product
}

// end is when a line that has ended did so, as a value and in words.
func (l Line) end(now time.Time) (have, on string) {
	if !past(l.EOL, now) {
		return "", ", on a date that is not known"
	}
	return instant(l.EOL), " on " + instant(l.EOL)
}

// feed notes how fresh the catalog's knowledge of the patch is (CAT-1, CAT-2).
func (e *evaluation) feed() {
	h := e.snapshot.feeds[e.state.feed]
	if h.unread(e.now) {
		e.verdict.add(FeedStale, instant(h.LastGood), instant(e.now), "Feed %s was last read on %s, at least %d hours ago.", h.Feed, instant(h.LastGood), int(StaleAfter.Hours()))
	}
	if h.old(e.now) {
		e.verdict.add(FeedStale, instant(h.Dated), instant(e.now), "Feed %s was read, but its source dates from %s, which is older than the %v that the feed's configuration allows.",
			h.Feed, instant(h.Dated), h.MaxAge)
	}
	if !h.Healthy {
		e.verdict.add(FeedFailing, instant(h.Since), instant(e.now), "Feed %s fails since %s: %s", h.Feed, instant(h.Since), h.Err)
	}
}

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }
