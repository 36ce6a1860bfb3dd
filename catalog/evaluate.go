package catalog

import (
	"time"

	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// Options are the settings of a verdict, besides the catalog and the asset. The
// zero value is the default.
type Options struct {
	StrictLines bool            // the line of the installed version blocks too (CAT-11)
	KnownLines  bool            // block a version that is on none of the product's lines (CAT-11)
	Unreachable map[string]bool // URLs that a probe could not reach (CAT-10)

	// Refuse adds a reason of the caller, such as a baseline or a signer
	// policy. It gets the verdict so far. If it returns ok, the caller has no
	// objection and r is ignored; otherwise r is added. A blocking reason hides
	// no older patch that is allowed (CAT-19). Nil: no reasons are added.
	Refuse func(v Verdict, of Product) (r Reason, ok bool)
}

// Evaluate says whether one patch can be deployed on one asset now, with every
// reason (CAT-15). It looks at this patch alone: a superseded patch is still
// deployable when asked for by itself. For several patches together use
// [Snapshot.EvaluateList]. A patch of a product that an installed one names in
// Also is judged against the installed one (CAT-17). A patch that is not in the
// snapshot is UnknownPatch (CAT-9).
func (s *Snapshot) Evaluate(id PatchID, inv Inventory, o Options, now time.Time) Verdict {
	i, found := s.patchIndex(id)
	if !found {
		v := Verdict{Patch: id, Snapshot: s.ID()}
		v.add(UnknownPatch, "", "", "Patch %s is not in the catalog.", id)
		return v
	}
	return s.evaluate(i, inv, o, now)
}

func (s *Snapshot) evaluate(i int, inv Inventory, o Options, now time.Time) Verdict {
	e := evaluation{
		snapshot: s, listed: &s.patches[i], patch: s.patchAt(i), product: &s.products[s.patches[i].product].Product, options: o, now: now,
	}
	e.installed, e.isInstalled = inv.Find(e.patch.Product)
	e.verdict = Verdict{
		Patch: e.patch.ID, Feed: s.feeds[e.listed.feed].Feed, Product: e.patch.Product, From: e.installed.Version, To: e.patch.Version, Snapshot: s.id,
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

type evaluation struct {
	snapshot    *Snapshot
	listed      *listedPatch
	patch       *Patch // with the customer's URLs
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

// installation compares the patch with what is installed (CAT-3). The Upgrade
// reason stays only if nothing blocks.
func (e *evaluation) installation(inv Inventory) {
	if !e.isInstalled {
		if other, has := e.snapshot.elsewhere(int(e.listed.product), inv); has {
			e.verdict.add(NotInstalled, other.Channel, e.product.Channel, "%s is installed, and the asset does not use its channel %q; it uses %q.",
				e.product.Name, e.product.Channel, other.Channel)
			return
		}
	}
	e.verdict.Reasons = append(e.verdict.Reasons, upgrade(e.installed, e.isInstalled, e.product.Name, e.patch.Version))
}

// lifecycle blocks a deprecated patch (CAT-9) and notes a mark (CAT-10).
func (e *evaluation) lifecycle() {
	eol := ""
	if !e.patch.EOL.IsZero() {
		eol = instant(e.patch.EOL)
	}
	switch {
	case e.listed.deprecated && e.patch.Withdrawn:
		e.verdict.add(Deprecated, "withdrawn", "", "The vendor withdrew %s.", e.patch.ID)
	case e.listed.deprecated:
		e.verdict.add(Deprecated, eol, instant(e.now), "%s reached its end of life and left the catalog.", e.patch.ID)
	case e.patch.EOLMarked && eol == "":
		e.verdict.add(EOLMarked, "", "", "The vendor announced the end of life of %s without a date. It can still be deployed.", e.patch.ID)
	case e.patch.EOLMarked:
		e.verdict.add(EOLMarked, eol, instant(e.now), "The vendor announced the end of life of %s for %s. It can still be deployed until then.", e.patch.ID, eol)
	}
}

func (e *evaluation) platform(have Platform) {
	if want := e.product.Platform; have != want {
		e.verdict.add(WrongPlatform, have.String(), want.String(), "The patch is for %s, and the asset runs %s.", want, have)
	}
}

// packageManager respects the holds and pins of the asset's package manager
// (CAT-5). A pin that cannot be ordered with the patch blocks as Unorderable
// (CAT-3).
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
		e.verdict.add(Unorderable, pin, to, "The asset's package manager prefers version %s of %s, which cannot be compared with %s: %v.", pin, name, to, err)
		return
	}
	if newer(e.patch.Version, pinned) {
		e.verdict.add(PinnedElsewhere, pin, to, "The asset's package manager prefers version %s of %s to %s.", pin, name, to)
	}
}

// artifacts checks whether every file can be fetched (CAT-5, CAT-6, CAT-10).
func (e *evaluation) artifacts() {
	if len(e.patch.Artifacts) == 0 {
		e.verdict.add(NotDownloadable, "", "", "%s has no file to download.", e.patch.ID)
	}
	latestOnly := false
	for _, a := range e.patch.Artifacts {
		latestOnly = latestOnly || a.Availability == LatestOnly
		if a.Availability == Vendor && a.CustomURL == "" {
			e.verdict.add(NotDownloadable, "", "", "The vendor does not offer %s for download: supply the file and set a custom URL for it.", a.Name)
		}
		e.reachable(a.Name, a.Source())
		e.reachable(a.Name, a.SignatureURL)
	}
	if newest := e.snapshot.newestVersion(int(e.listed.product)); latestOnly && newer(newest, e.patch.Version) {
		have, want := e.patch.Version.String(), newest.String()
		e.verdict.add(VersionNotDownloadable, have, want, "The vendor serves only the newest version of %s, which is %s, not %s.", e.product.Name, want, have)
	}
}

func (e *evaluation) reachable(name, url string) {
	if url != "" && e.options.Unreachable[url] {
		e.verdict.add(ArtifactUnreachable, url, "", "%s cannot be reached at %s.", name, url)
	}
}

// lines checks the end of life of version lines (CAT-11, CAT-12). The patch's
// line decides, and the installed one only with StrictLines.
func (e *evaluation) lines() {
	name := e.product.Name
	to, known := e.product.LineOf(e.patch.Version)
	if !known && len(e.product.Lines) > 0 {
		if e.options.KnownLines {
			e.verdict.add(LineNotKnown, e.patch.Version.String(), "", "Version %s of %s is on no known line, and the policy blocks such versions.", e.patch.Version, name)
		}
		e.verdict.add(NoLine, e.patch.Version.String(), "", "Version %s is on none of the known lines of %s, so its end of life is unknown.", e.patch.Version, name)
	}
	toEnded := known && to.Ended(e.now)
	if toEnded {
		have, on := to.end(e.now)
		e.verdict.add(EOLVersion, have, instant(e.now), "Line %s of %s, to which %s belongs, reached its end of life%s.", to.Prefix, name, e.patch.Version, on)
	}
	if !e.isInstalled {
		return
	}
	installedAs := e.product
	if i, known := e.snapshot.productIndex(e.installed.Product); known { // its channel may differ from the patch's
		installedAs = &e.snapshot.products[i].Product
	}
	from, known := installedAs.LineOf(e.installed.Version)
	if !known || !from.Ended(e.now) {
		return
	}
	have, on := from.end(e.now)
	switch {
	case e.options.StrictLines:
		e.verdict.add(EOLVersion, have, instant(e.now), "The installed version is on line %s of %s, which reached its end of life%s, and the policy blocks upgrades from such a line.", from.Prefix, name, on)
	case !toEnded && newer(e.patch.Version, e.installed.Version):
		e.verdict.add(LeavesEOL, have, instant(e.now), "The upgrade leaves line %s of %s, which reached its end of life%s.", from.Prefix, name, on)
	}
}

// end returns when an ended line ended, as a value and in words.
func (l Line) end(now time.Time) (have, on string) {
	if !past(l.EOL, now) {
		return "", ", on an unknown date"
	}
	return instant(l.EOL), " on " + instant(l.EOL)
}

// feed notes how fresh the catalog's knowledge of the patch is (CAT-1, CAT-2).
func (e *evaluation) feed() {
	h := e.snapshot.feeds[e.listed.feed]
	if h.unread(e.now) {
		e.verdict.add(FeedStale, instant(h.LastGood), instant(e.now), "Feed %s was last read successfully on %s, %d hours ago or more.", h.Feed, instant(h.LastGood), int(StaleAfter.Hours()))
	}
	if h.old(e.now) {
		e.verdict.add(FeedStale, instant(h.Dated), instant(e.now), "The source of feed %s is dated %s, which is older than the %v that the feed's configuration allows.",
			h.Feed, instant(h.Dated), h.MaxAge)
	}
	if !h.Healthy {
		e.verdict.add(FeedFailing, instant(h.Since), instant(e.now), "Feed %s has failed since %s: %s", h.Feed, instant(h.Since), h.Err)
	}
}

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }
