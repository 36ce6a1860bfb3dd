package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog/version"
)

// slowly is a snapshot that is evaluated step by step, without an index and
// with nothing remembered: what the fast code must equal, byte for byte.
type slowly struct{ *Snapshot }

func (s slowly) patchIndex(id PatchID) (int, bool) {
	return slices.BinarySearchFunc(s.patches, id, func(p listedPatch, id PatchID) int { return cmp.Compare(p.ID, id) })
}

func (s slowly) productIndex(id ProductID) (int, bool) {
	return slices.BinarySearchFunc(s.products, id, func(p listedProduct, id ProductID) int { return cmp.Compare(p.ID, id) })
}

// patchAt returns the patch with the customer's URLs.
func (s slowly) patchAt(i int) *Patch {
	own := s.patches[i].Patch
	own.Artifacts = slices.Clone(own.Artifacts)
	for _, u := range s.custom {
		for k := range own.Artifacts {
			if a := &own.Artifacts[k]; u.Patch == own.ID && u.Artifact == a.Name && a.Availability == Vendor {
				a.CustomURL = u.URL
			}
		}
	}
	return &own
}

func slowFind(inv Inventory, id ProductID) (Installed, bool) {
	for _, n := range inv.names {
		if n.id == id {
			return inv.installed[n.at], true
		}
	}
	return Installed{}, false
}

func slowSoftware(inv Inventory, id ProductID) ProductID {
	if in, found := slowFind(inv, id); found {
		return in.Product
	}
	return id
}

func slowPlace(c ReasonCode) int {
	for i := range reasonCodes {
		if reasonCodes[i].code == c {
			return i
		}
	}
	return ownCodes
}

func slowReason(code ReasonCode, have, want, format string, args ...any) Reason {
	return Reason{Code: code, Rule: reasonCodes[slowPlace(code)].rule, Have: have, Want: want, Text: fmt.Sprintf(format, args...)}
}

func slowAdd(v *Verdict, code ReasonCode, have, want, format string, args ...any) {
	v.Reasons = append(v.Reasons, slowReason(code, have, want, format, args...))
}

func slowWith(v Verdict, r Reason) Verdict {
	v.Reasons = append(slices.Clone(v.Reasons), r)
	slowSettle(&v)
	return v
}

func slowSettle(v *Verdict) {
	v.Deployable = !slices.ContainsFunc(v.Reasons, func(r Reason) bool { return slowPlace(r.Code) <= ownCodes })
	if !v.Deployable {
		v.Reasons = slices.DeleteFunc(v.Reasons, func(r Reason) bool { return r.Code == Upgrade })
	}
	slices.SortStableFunc(v.Reasons, func(a, b Reason) int { return slowPlace(a.Code) - slowPlace(b.Code) })
}

func (s slowly) evaluateID(id PatchID, inv Inventory, o Options, now time.Time) Verdict {
	i, found := s.patchIndex(id)
	if !found {
		v := Verdict{Patch: id, Snapshot: s.ID()}
		slowAdd(&v, UnknownPatch, "", "", "Patch %s is not in the catalog.", id)
		return v
	}
	return s.evaluate(i, inv, o, now)
}

func (s slowly) evaluate(i int, inv Inventory, o Options, now time.Time) Verdict {
	e := slowEvaluation{
		snapshot: s, listed: &s.patches[i], patch: s.patchAt(i), product: &s.products[s.patches[i].product].Product, options: o, now: now,
	}
	e.installed, e.isInstalled = slowFind(inv, e.patch.Product)
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
	slowSettle(&e.verdict)
	return e.verdict
}

type slowEvaluation struct {
	snapshot    slowly
	listed      *listedPatch
	patch       *Patch // with the customer's URLs
	product     *Product
	installed   Installed
	isInstalled bool
	options     Options
	now         time.Time
	verdict     Verdict
}

func (e *slowEvaluation) installation(inv Inventory) {
	if !e.isInstalled {
		if other, has := e.snapshot.elsewhere(int(e.listed.product), inv); has {
			slowAdd(&e.verdict, NotInstalled, other.Channel, e.product.Channel, "%s is installed, and the asset does not use its channel %q; it uses %q.",
				e.product.Name, e.product.Channel, other.Channel)
			return
		}
	}
	e.verdict.Reasons = append(e.verdict.Reasons, slowUpgrade(e.installed, e.isInstalled, e.product.Name, e.patch.Version))
}

func (e *slowEvaluation) lifecycle() {
	eol := ""
	if !e.patch.EOL.IsZero() {
		eol = instant(e.patch.EOL)
	}
	switch {
	case e.listed.deprecated && e.patch.Withdrawn:
		slowAdd(&e.verdict, Deprecated, "withdrawn", "", "The vendor withdrew %s.", e.patch.ID)
	case e.listed.deprecated:
		slowAdd(&e.verdict, Deprecated, eol, instant(e.now), "%s reached its end of life and left the catalog.", e.patch.ID)
	case e.patch.EOLMarked && eol == "":
		slowAdd(&e.verdict, EOLMarked, "", "", "The vendor announced the end of life of %s without a date. It can still be deployed.", e.patch.ID)
	case e.patch.EOLMarked:
		slowAdd(&e.verdict, EOLMarked, eol, instant(e.now),
			"The vendor announced the end of life of %s for %s. It can still be deployed until then.", e.patch.ID, eol)
	}
}

func (e *slowEvaluation) platform(have Platform) {
	if want := e.product.Platform; have != want {
		slowAdd(&e.verdict, WrongPlatform, have.String(), want.String(), "The patch is for %s, and the asset runs %s.", want, have)
	}
}

func (e *slowEvaluation) packageManager() {
	if !e.isInstalled {
		return
	}
	name, to, pin := e.product.Name, e.patch.Version.String(), e.installed.PinnedTo
	if e.installed.Held {
		slowAdd(&e.verdict, Held, e.installed.Version.String(), to, "The asset's package manager holds %s at %s.", name, e.installed.Version)
	}
	if pin == "" {
		return
	}
	pinned, err := version.Parse(e.product.Scheme, pin)
	if err != nil {
		slowAdd(&e.verdict, Unorderable, pin, to, "The asset's package manager prefers version %s of %s, which cannot be compared with %s: %v.", pin, name, to, err)
		return
	}
	if newer(e.patch.Version, pinned) {
		slowAdd(&e.verdict, PinnedElsewhere, pin, to, "The asset's package manager prefers version %s of %s to %s.", pin, name, to)
	}
}

func (e *slowEvaluation) artifacts() {
	if len(e.patch.Artifacts) == 0 {
		slowAdd(&e.verdict, NotDownloadable, "", "", "%s has no file to download.", e.patch.ID)
	}
	latestOnly := false
	for _, a := range e.patch.Artifacts {
		latestOnly = latestOnly || a.Availability == LatestOnly
		if a.Availability == Vendor && a.CustomURL == "" {
			slowAdd(&e.verdict, NotDownloadable, "", "", "The vendor does not offer %s for download: supply the file and set a custom URL for it.", a.Name)
		}
		e.reachable(a.Name, a.Source())
		e.reachable(a.Name, a.SignatureURL)
	}
	if newest := e.snapshot.newestVersion(int(e.listed.product)); latestOnly && newer(newest, e.patch.Version) {
		have, want := e.patch.Version.String(), newest.String()
		slowAdd(&e.verdict, VersionNotDownloadable, have, want, "The vendor serves only the newest version of %s, which is %s, not %s.", e.product.Name, want, have)
	}
}

func (e *slowEvaluation) reachable(name, url string) {
	if url != "" && e.options.Unreachable[url] {
		slowAdd(&e.verdict, ArtifactUnreachable, url, "", "%s cannot be reached at %s.", name, url)
	}
}

func (e *slowEvaluation) lines() {
	name := e.product.Name
	to, known := e.product.LineOf(e.patch.Version)
	if !known && len(e.product.Lines) > 0 {
		if e.options.KnownLines {
			slowAdd(&e.verdict, LineNotKnown, e.patch.Version.String(), "",
				"Version %s of %s is on no known line, and the policy blocks such versions.", e.patch.Version, name)
		}
		slowAdd(&e.verdict, NoLine, e.patch.Version.String(), "",
			"Version %s is on none of the known lines of %s, so its end of life is unknown.", e.patch.Version, name)
	}
	toEnded := known && to.Ended(e.now)
	if toEnded {
		have, on := to.end(e.now)
		slowAdd(&e.verdict, EOLVersion, have, instant(e.now), "Line %s of %s, to which %s belongs, reached its end of life%s.", to.Prefix, name, e.patch.Version, on)
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
		slowAdd(&e.verdict, EOLVersion, have, instant(e.now),
			"The installed version is on line %s of %s, which reached its end of life%s, and the policy blocks upgrades from such a line.", from.Prefix, name, on)
	case !toEnded && newer(e.patch.Version, e.installed.Version):
		slowAdd(&e.verdict, LeavesEOL, have, instant(e.now), "The upgrade leaves line %s of %s, which reached its end of life%s.", from.Prefix, name, on)
	}
}

func (e *slowEvaluation) feed() {
	h := e.snapshot.feeds[e.listed.feed]
	if h.unread(e.now) {
		slowAdd(&e.verdict, FeedStale, instant(h.LastGood), instant(e.now),
			"Feed %s was last read successfully on %s, %d hours ago or more.", h.Feed, instant(h.LastGood), int(StaleAfter.Hours()))
	}
	if h.old(e.now) {
		slowAdd(&e.verdict, FeedStale, instant(h.Dated), instant(e.now),
			"The source of feed %s is dated %s, which is older than the %v that the feed's configuration allows.",
			h.Feed, instant(h.Dated), h.MaxAge)
	}
	if !h.Healthy {
		slowAdd(&e.verdict, FeedFailing, instant(h.Since), instant(e.now), "Feed %s has failed since %s: %s", h.Feed, instant(h.Since), h.Err)
	}
}

func slowUpgrade(found Installed, installed bool, name string, to version.Version) Reason {
	from := found.Version
	switch order, orderable := to.Compare(from); {
	case !installed:
		return slowReason(NotInstalled, "", to.String(), "%s is not installed, and nothing is installed for the first time.", name)
	case !orderable:
		return slowReason(Unorderable, from.String(), to.String(), "The installed version %s of %s (%s) cannot be ordered with %s (%s).",
			from, name, from.Scheme(), to, to.Scheme())
	case order == 0:
		return slowReason(AlreadyInstalled, from.String(), to.String(), "%s is already at version %s.", name, from)
	case order < 0:
		return slowReason(NewerInstalled, from.String(), to.String(), "The installed version %s of %s is newer than %s, and nothing is downgraded.", from, name, to)
	default:
		return slowReason(Upgrade, from.String(), to.String(), "%s can be upgraded from %s to %s.", name, from, to)
	}
}
