package catalog

import (
	"fmt"
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
	c, v := s.scan(inv, o, now), Verdict{}
	c.byID(&v, id)
	return v
}

// scan evaluates patches for one asset at one time. It remembers what the
// verdicts have in common.
type scan struct {
	snapshot *Snapshot
	inv      Inventory
	options  Options
	now      time.Time
	lookup
	at    string             // now, once it is asked for
	feeds map[int32][]Reason // by index of a feed with a fault: its reasons, once they are asked for
	room  []Reason           // for the first reasons of the next verdicts
}

func (s *Snapshot) scan(inv Inventory, o Options, now time.Time) scan {
	return scan{snapshot: s.orEmpty(), inv: inv, options: o, now: now}
}

// instant returns when the verdicts are made.
func (c *scan) instant() string {
	if c.at == "" {
		c.at = instant(c.now)
	}
	return c.at
}

// reasons returns the room for one verdict, which has one reason most of the
// time. Several verdicts share an allocation, and one that is kept keeps it.
func (c *scan) reasons() []Reason {
	if len(c.room) == 0 {
		c.room = make([]Reason, 1)
	}
	r := c.room[:0:1]
	c.room = c.room[1:]
	return r
}

func (c *scan) byID(v *Verdict, id PatchID) {
	i, found := c.snapshot.patchIndex(id)
	if !found {
		*v = Verdict{Patch: id, Snapshot: c.snapshot.id, Reasons: []Reason{reason(UnknownPatch, "", "", "Patch "+string(id)+" is not in the catalog.")}}
		return
	}
	c.evaluate(v, i, c.inv.find(c.snapshot.patches[i].Product))
}

// evaluate makes v the verdict on the patch at index i. Installed is what it is
// for; nil: it is not installed.
func (c *scan) evaluate(v *Verdict, i int, installed *Installed) {
	s := c.snapshot
	listed := &s.patches[i]
	e := evaluation{scan: c, listed: listed, patch: s.patchAt(i), product: &s.products[listed.product].Product, installed: installed, verdict: v}
	v.Patch, v.Feed, v.Product, v.To, v.Snapshot = listed.ID, s.feeds[listed.feed].Feed, listed.Product, listed.Version, s.id
	v.Reasons = c.reasons()
	if installed != nil {
		v.From = installed.Version
	}
	e.installation()
	e.lifecycle()
	if have, want := c.inv.Platform, e.product.Platform; have != want {
		e.add(WrongPlatform, have.String(), want.String(), "The patch is for "+want.String()+", and the asset runs "+have.String()+".")
	}
	e.packageManager()
	e.artifacts()
	e.lines()
	e.feed()
	if refuse := c.options.Refuse; refuse != nil {
		if r, ok := refuse(*v, *e.product); !ok {
			v.Reasons = append(v.Reasons, r)
		}
	}
	v.settle()
}

type evaluation struct {
	*scan
	listed    *listedPatch
	patch     *Patch // with the customer's URLs
	product   *Product
	installed *Installed // nil: it is not installed
	verdict   *Verdict   // zero at first
}

func (e *evaluation) add(code ReasonCode, have, want, text string) {
	e.verdict.Reasons = append(e.verdict.Reasons, reason(code, have, want, text))
}

// installation compares the patch with what is installed (CAT-3). The Upgrade
// reason stays only if nothing blocks.
func (e *evaluation) installation() {
	if e.installed == nil {
		if other, has := e.snapshot.elsewhere(int(e.listed.product), e.inv); has {
			e.add(NotInstalled, other.Channel, e.product.Channel, fmt.Sprintf("%s is installed, and the asset does not use its channel %q; it uses %q.",
				e.product.Name, e.product.Channel, other.Channel))
			return
		}
	}
	e.verdict.Reasons = append(e.verdict.Reasons, upgrade(e.installed, e.product.Name, e.patch.Version))
}

// lifecycle blocks a deprecated patch (CAT-9) and notes a mark (CAT-10).
func (e *evaluation) lifecycle() {
	if e.listed.plain || !e.listed.deprecated && !e.patch.EOLMarked {
		return
	}
	id, eol := string(e.patch.ID), ""
	if !e.patch.EOL.IsZero() {
		eol = instant(e.patch.EOL)
	}
	switch {
	case e.listed.deprecated && e.patch.Withdrawn:
		e.add(Deprecated, "withdrawn", "", "The vendor withdrew "+id+".")
	case e.listed.deprecated:
		e.add(Deprecated, eol, e.instant(), id+" reached its end of life and left the catalog.")
	case eol == "":
		e.add(EOLMarked, "", "", "The vendor announced the end of life of "+id+" without a date. It can still be deployed.")
	default:
		e.add(EOLMarked, eol, e.instant(), "The vendor announced the end of life of "+id+" for "+eol+". It can still be deployed until then.")
	}
}

// packageManager respects the holds and pins of the asset's package manager
// (CAT-5). A pin that cannot be ordered with the patch blocks as Unorderable
// (CAT-3). What the package manager left unfinished is only noted (JOB-17).
func (e *evaluation) packageManager() {
	if e.installed == nil {
		return
	}
	if how := e.installed.Unfinished; how != "" {
		e.add(Unfinished, how, "", "The asset's package manager left "+e.product.Name+" "+how+". The next install tries to finish that first, "+
			"and fails again while the cause is there.")
	}
	if !e.installed.Held && e.installed.PinnedTo == "" {
		return
	}
	name, from, to, pin := e.product.Name, e.installed.Version.String(), e.patch.Version.String(), e.installed.PinnedTo
	if e.installed.Held {
		e.add(Held, from, to, "The asset's package manager holds "+name+" at "+from+".")
	}
	if pin == "" {
		return
	}
	pinned, err := version.Parse(e.product.Scheme, pin)
	if err != nil {
		e.add(Unorderable, pin, to, fmt.Sprintf("The asset's package manager prefers version %s of %s, which cannot be compared with %s: %v.", pin, name, to, err))
		return
	}
	if newer(e.patch.Version, pinned) {
		e.add(PinnedElsewhere, pin, to, "The asset's package manager prefers version "+pin+" of "+name+" to "+to+".")
	}
}

// artifacts checks whether every file can be fetched (CAT-5, CAT-6, CAT-10).
func (e *evaluation) artifacts() {
	if e.listed.plain && len(e.options.Unreachable) == 0 {
		return
	}
	if len(e.patch.Artifacts) == 0 {
		e.add(NotDownloadable, "", "", string(e.patch.ID)+" has no file to download.")
	}
	latestOnly := false
	for i := range e.patch.Artifacts {
		a := &e.patch.Artifacts[i]
		latestOnly = latestOnly || a.Availability == LatestOnly
		if a.Availability == Vendor && a.CustomURL == "" {
			e.add(NotDownloadable, "", "", "The vendor does not offer "+a.Name+" for download: supply the file and set a custom URL for it.")
		}
		if len(e.options.Unreachable) > 0 {
			e.reachable(a.Name, a.Source())
			e.reachable(a.Name, a.SignatureURL)
		}
	}
	if !latestOnly {
		return
	}
	if newest := e.snapshot.newestVersion(int(e.listed.product)); newer(newest, e.patch.Version) {
		have, want := e.patch.Version.String(), newest.String()
		e.add(VersionNotDownloadable, have, want, "The vendor serves only the newest version of "+e.product.Name+", which is "+want+", not "+have+".")
	}
}

func (e *evaluation) reachable(name, url string) {
	if url != "" && e.options.Unreachable[url] {
		e.add(ArtifactUnreachable, url, "", name+" cannot be reached at "+url+".")
	}
}

// lines checks the end of life of version lines (CAT-11, CAT-12). The patch's
// line decides, and the installed one only with StrictLines.
func (e *evaluation) lines() {
	name, toEnded := e.product.Name, false
	if len(e.product.Lines) > 0 {
		toEnded = e.ownLine()
	}
	if e.installed == nil {
		return
	}
	installedAs := e.product
	if e.installed.Product != installedAs.ID { // its channel differs from the patch's
		if i, known := e.snapshot.productIndex(e.installed.Product); known {
			installedAs = &e.snapshot.products[i].Product
		}
	}
	if len(installedAs.Lines) == 0 {
		return
	}
	from, known := installedAs.LineOf(e.installed.Version)
	if !known || !from.Ended(e.now) {
		return
	}
	have, on := from.end(e.now)
	line := "line " + from.Prefix + " of " + name + ", which reached its end of life" + on
	switch {
	case e.options.StrictLines:
		e.add(EOLVersion, have, e.instant(), "The installed version is on "+line+", and the policy blocks upgrades from such a line.")
	case !toEnded && newer(e.patch.Version, e.installed.Version):
		e.add(LeavesEOL, have, e.instant(), "The upgrade leaves "+line+".")
	}
}

// ownLine checks the patch's own line, and reports whether it has ended.
func (e *evaluation) ownLine() (ended bool) {
	name, to := e.product.Name, e.patch.Version.String()
	line, known := e.product.LineOf(e.patch.Version)
	if !known {
		if e.options.KnownLines {
			e.add(LineNotKnown, to, "", "Version "+to+" of "+name+" is on no known line, and the policy blocks such versions.")
		}
		e.add(NoLine, to, "", "Version "+to+" is on none of the known lines of "+name+", so its end of life is unknown.")
		return false
	}
	if !line.Ended(e.now) {
		return false
	}
	have, on := line.end(e.now)
	e.add(EOLVersion, have, e.instant(), "Line "+line.Prefix+" of "+name+", to which "+to+" belongs, reached its end of life"+on+".")
	return true
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
	h := &e.snapshot.feeds[e.listed.feed]
	unread, old := h.unread(e.now), h.old(e.now)
	if h.Healthy && !unread && !old {
		return
	}
	reasons, has := e.feeds[e.listed.feed]
	if !has {
		if unread {
			reasons = append(reasons, NewReason(FeedStale, instant(h.LastGood), e.instant(),
				"Feed %s was last read successfully on %s, %d hours ago or more.", h.Feed, instant(h.LastGood), int(StaleAfter.Hours())))
		}
		if old {
			reasons = append(reasons, NewReason(FeedStale, instant(h.Dated), e.instant(),
				"The source of feed %s is dated %s, which is older than the %v that the feed's configuration allows.", h.Feed, instant(h.Dated), h.MaxAge))
		}
		if !h.Healthy {
			reasons = append(reasons, NewReason(FeedFailing, instant(h.Since), e.instant(), "Feed %s has failed since %s: %s", h.Feed, instant(h.Since), h.Err))
		}
		if e.feeds == nil {
			e.feeds = make(map[int32][]Reason)
		}
		e.feeds[e.listed.feed] = reasons
	}
	e.verdict.Reasons = append(e.verdict.Reasons, reasons...)
}

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }
