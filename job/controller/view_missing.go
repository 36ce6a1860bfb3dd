package controller

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
)

// FleetMissing is what is missing on all assets (RPT-3).
type FleetMissing struct {
	Assets      int            `json:"assets"`                // looked at
	NoInventory int            `json:"noInventory,omitempty"` // of them, not inventoried yet: nothing is known
	Patches     []MissingPatch `json:"patches"`               // missing on most assets first
	CVEs        []MissingCVE   `json:"cves"`                  // that these patches fix, on most assets first
	More        int            `json:"more,omitempty"`        // vulnerabilities that are not listed
}

// MissingPatch counts the assets on which one patch is missing.
type MissingPatch struct {
	Patch      catalog.PatchID   `json:"patch"`
	Product    catalog.ProductID `json:"product"`
	Version    string            `json:"version"`
	Assets     int               `json:"assets"`
	Deployable int               `json:"deployable"`          // of them
	Severity   catalog.Severity  `json:"severity,omitempty"`  // as in MissingOn, the highest
	CVEs       []string          `json:"cves,omitempty"`      // that it fixes on any of them
	Exploited  catalog.Answer    `json:"exploited,omitempty"` // No only if it is No on all of them
	Reasons    []ReasonCount     `json:"reasons"`             // why it is not deployable on the others
}

// MissingCVE counts the assets on which a missing patch would fix a
// vulnerability.
type MissingCVE struct {
	ID         string           `json:"id"`
	Severity   catalog.Severity `json:"severity,omitempty"`  // of its facts; zero: unknown
	Exploited  catalog.Answer   `json:"exploited,omitempty"` // zero: not known (CAT-18)
	Assets     int              `json:"assets"`
	Deployable int              `json:"deployable"` // of them, those on which one of these patches is deployable
}

// MissingOn is a patch that is missing on an asset, with what is known of the
// vulnerabilities that it fixes there (CAT-18).
type MissingOn struct {
	catalog.Verdict
	Severity  catalog.Severity `json:"severity,omitempty"`  // the highest known; zero: none is
	CVEs      []string         `json:"cves,omitempty"`      // as catalog.Snapshot.Fixed has them
	Exploited catalog.Answer   `json:"exploited,omitempty"` // zero: not known
}

// MissingFilter says which missing patches are meant: those that match every
// field. The zero value matches all.
type MissingFilter struct {
	Patch     catalog.PatchID
	CVE       string           // fixes this one
	Severity  catalog.Severity // at least
	Exploited bool             // only if a vulnerability is known to be exploited
}

// risks remembers what upgrades fix: on a fleet the same ones come again and
// again.
type risks struct {
	snapshot *catalog.Snapshot
	now      time.Time
	known    map[[2]string]catalog.Risk // by patch and installed version
}

// of adds to verdicts of a snapshot what is known of them, and leaves out what
// does not match.
func (r *risks) of(s *catalog.Snapshot, verdicts []catalog.Verdict, f MissingFilter) []MissingOn {
	if r.known == nil || r.snapshot != s {
		r.snapshot, r.known = s, map[[2]string]catalog.Risk{}
	}
	list := []MissingOn{}
	for _, v := range verdicts {
		k := [2]string{string(v.Patch), v.From.String()}
		risk, has := r.known[k]
		if !has {
			risk = s.Risk(v, r.now)
			r.known[k] = risk
		}
		if m := (MissingOn{v, risk.Severity, risk.Fixed, risk.Exploited}); (f.Patch == "" || f.Patch == m.Patch) && (f.CVE == "" || slices.Contains(m.CVEs, f.CVE)) &&
			m.Severity >= f.Severity && (!f.Exploited || m.Exploited == catalog.Yes) {
			list = append(list, m)
		}
	}
	return list
}

// MissingRisks lists what [Controller.Missing] returns for an asset and a filter
// matches, with the vulnerabilities (RPT-3). The errors are those of Missing.
func (c *Controller) MissingRisks(ctx context.Context, id job.AssetID, f MissingFilter, now time.Time) ([]MissingOn, error) {
	return view(ctx, c, func(r *reader) []MissingOn {
		var scanner fleetScanner
		known := risks{now: now}
		verdicts := scanner.missing(r, id, now)
		return known.of(scanner.snapshot, verdicts, f)
	})
}

// fleetScanner is the catalog's scanner for the assets that one pass reads one
// by one. It begins again when the catalog or the probes changed meanwhile.
type fleetScanner struct {
	scanner     *catalog.Scanner
	snapshot    *catalog.Snapshot
	unreachable map[string]bool
}

func (f *fleetScanner) missing(r *reader, id job.AssetID, now time.Time) []catalog.Verdict {
	_, inventory := r.knownAsset(id)
	snapshot, unreachable := r.snapshot(), r.unreachable()
	if f.scanner == nil || f.snapshot != snapshot || !maps.Equal(f.unreachable, unreachable) {
		f.scanner = snapshot.Scanner(catalog.Options{Unreachable: unreachable}, now)
		f.snapshot, f.unreachable = snapshot, unreachable
	}
	return f.scanner.Missing(inventory)
}

// MissingFleet counts, patch by patch and vulnerability by vulnerability, what
// [Controller.MissingRisks] returns for every asset.
func (c *Controller) MissingFleet(ctx context.Context, f MissingFilter, now time.Time) (m FleetMissing, err error) {
	var scanner fleetScanner
	known := risks{now: now}
	sum := missingSum{map[catalog.PatchID]*MissingPatch{}, map[catalog.PatchID]reasons{}, map[string]*MissingCVE{}}
	err = c.eachAsset(ctx, now, func(a AssetStatus) error {
		m.Assets++
		verdicts, err := view(ctx, c, func(r *reader) []catalog.Verdict { return scanner.missing(r, a.ID, now) })
		if _, is := errors.AsType[*NotFoundError](err); is {
			m.NoInventory++
			return nil
		}
		if err == nil {
			sum.add(a.ID, known.of(scanner.snapshot, verdicts, f), f)
		}
		return err
	})
	sum.list(&m, known.snapshot, now)
	return m, err
}

// missingSum is what a pass over assets adds up.
type missingSum struct {
	patches map[catalog.PatchID]*MissingPatch
	why     map[catalog.PatchID]reasons
	cves    map[string]*MissingCVE
}

func (s missingSum) add(asset job.AssetID, list []MissingOn, f MissingFilter) {
	fixable := map[string]bool{} // by id: whether a patch that fixes it is deployable
	for _, v := range list {
		p := s.patches[v.Patch]
		if p == nil {
			p = &MissingPatch{Patch: v.Patch, Product: v.Product, Version: v.To.String(), Exploited: v.Exploited}
			s.patches[v.Patch], s.why[v.Patch] = p, reasons{}
		}
		p.Assets++
		p.Severity = max(p.Severity, v.Severity)
		if v.Exploited == catalog.Yes || p.Exploited == catalog.No {
			p.Exploited = v.Exploited
		}
		for _, id := range v.CVEs {
			if f.CVE == "" || f.CVE == id {
				fixable[id] = fixable[id] || v.Deployable
			}
			if at, has := slices.BinarySearch(p.CVEs, id); !has {
				p.CVEs = slices.Insert(p.CVEs, at, id)
			}
		}
		if v.Deployable {
			p.Deployable++
			continue
		}
		for _, r := range v.Reasons {
			s.why[v.Patch].add(asset, v.Patch, r.Rule, r.Text)
		}
	}
	for id, deployable := range fixable {
		if s.cves[id] == nil {
			s.cves[id] = &MissingCVE{ID: id}
		}
		s.cves[id].Assets++
		if deployable {
			s.cves[id].Deployable++
		}
	}
}

func (s missingSum) list(m *FleetMissing, snapshot *catalog.Snapshot, now time.Time) {
	for id, p := range s.patches {
		p.Reasons, _ = s.why[id].list()
	}
	m.Patches = ranked(s.patches, func(a, b MissingPatch) int {
		return cmp.Or(cmp.Compare(b.Assets, a.Assets), cmp.Compare(a.Patch, b.Patch))
	})
	m.CVEs = ranked(s.cves, func(a, b MissingCVE) int {
		return cmp.Or(cmp.Compare(b.Assets, a.Assets), cmp.Compare(a.ID, b.ID))
	})
	if m.More = max(0, len(m.CVEs)-maxReasons); m.More > 0 {
		m.CVEs = m.CVEs[:maxReasons]
	}
	for i := range m.CVEs {
		known, _ := snapshot.Vulnerability(m.CVEs[i].ID, now)
		m.CVEs[i].Severity, m.CVEs[i].Exploited = known.Severity, known.Exploited
	}
}
