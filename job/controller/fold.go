package controller

import (
	"fmt"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// reportsRecord is how far an asset's reports are accepted, and what was odd
// about them.
type reportsRecord struct {
	Acknowledged job.Sequence `json:"acknowledged"`
	AnomalyCount int          `json:"anomalyCount,omitempty"`
	Noted        int          `json:"noted,omitempty"`     // of them, those that an administrator has acknowledged
	Anomalies    []Anomaly    `json:"anomalies,omitempty"` // the newest MaxAnomalies, oldest first
	Refused      *Refusal     `json:"refused,omitempty"`
}

// Anomaly is an impossible claim of an asset.
type Anomaly struct {
	At       time.Time    `json:"at"`                 // when it came
	Sequence job.Sequence `json:"sequence,omitempty"` // of the report; zero: not in a report
	Order    job.OrderID  `json:"order,omitempty"`
	Rule     string       `json:"rule,omitempty"` // that it concerns; empty: an earlier release recorded it
	Text     string       `json:"text"`
}

// Refusal is a manifest that an asset refused (MAN-5).
type Refusal struct {
	At   time.Time `json:"at"` // when the report came
	Text string    `json:"text"`
}

func (r *reportsRecord) anomaly(a Anomaly) {
	r.AnomalyCount++
	r.Anomalies = append(r.Anomalies[max(0, len(r.Anomalies)+1-MaxAnomalies):len(r.Anomalies):len(r.Anomalies)], a)
}

// fresh reports whether some of the reports can be accepted now.
func fresh(reports []job.Report, acknowledged job.Sequence) bool {
	n := len(reports) // numbered without gaps
	return n > 0 && reports[n-1].Sequence > acknowledged
}

// maxGap is the highest report number that is taken without the one before it:
// beyond it there is no room to go on (MAN-12).
const maxGap = manifest.MaxNumber / 4

// fold accepts the reports after the acknowledged one (MAN-6) and takes each
// into its order. Former is the key of a removed asset that calls; empty: the
// asset of that name calls.
func (t *tx) fold(in manifest.CheckIn, former string, live bool, to *reportsRecord) {
	reports := slices.Clone(in.Reports)
	reports = slices.DeleteFunc(reports, func(r job.Report) bool { return r.Sequence <= to.Acknowledged })
	foreign := t.foreign(in.Asset, reports)
	for i, rep := range reports {
		if lost := to.Acknowledged + 1; rep.Sequence > lost && rep.Sequence > maxGap {
			to.anomaly(Anomaly{At: t.now, Sequence: rep.Sequence, Rule: "MAN-12", Text: fmt.Sprintf("is far above report %d: it is refused, because the numbers would soon be used up", to.Acknowledged)})
			break
		} else if rep.Sequence > lost {
			// An agent forgets only what was acknowledged: the store was put
			// back. Waiting would be for ever.
			to.anomaly(Anomaly{At: t.now, Sequence: rep.Sequence, Rule: "MAN-6", Text: fmt.Sprintf("reports %d to %d are no longer known to the server", lost, rep.Sequence-1)})
		}
		to.Acknowledged = rep.Sequence
		if rep.Refused != "" && rep.Progress == 0 && rep.Result == 0 && rep.TooLate == 0 {
			to.Refused = &Refusal{At: t.now, Text: problem.Clip(rep.Refused, ledger.MaxText)}
			continue
		}
		odd := "it names no order of this asset"
		if ours(in.Asset, rep) {
			odd = t.step(t.entry(rep.Order.Run(), in.Asset), ledger.Reported{Report: rep, Foreign: foreign[i], Former: former, Live: live})
		}
		if odd != "" {
			to.anomaly(Anomaly{
				At: t.now, Sequence: rep.Sequence, Order: job.OrderID(problem.Clip(string(rep.Order), 3*job.MaxID)), Rule: "JOB-24", Text: problem.Clip(odd, ledger.MaxText),
			})
		}
	}
}

// ours reports whether a report is on an order that the asset can have.
func ours(asset job.AssetID, rep job.Report) bool {
	_, err := runKey(rep.Order.Run())
	return err == nil && rep.Order.Asset() == asset
}

// foreign finds, for each report, the first patch it names that no order of its
// run ever had; empty: there is none. An order may have been made again, or
// trimmed, while the asset executed it as it was: then the patches of the run
// count. What folding the reports needs is read here, in two round trips.
func (t *tx) foreign(asset job.AssetID, reports []job.Report) []catalog.PatchID {
	var keys []Key
	var ids []job.OrderID
	for _, rep := range reports {
		if ours(asset, rep) {
			e := entryKey(rep.Order.Run(), asset)
			keys, ids = append(keys, e, Key{tableContents, e.Key}, Key{tableOutcomes, e.Key}, tallyKey(rep.Order.Run(), asset)), append(ids, rep.Order)
		}
	}
	t.fetch(keys...)
	orders := map[job.OrderID]job.Order{}
	for _, o := range t.frozen(ids...) {
		orders[o.ID] = o
	}
	var unsure []Key // patches that are not in the order as it is now
	of := make([][]catalog.PatchID, len(reports))
	held := func(run job.RunID, p catalog.PatchID) Key { return Key{tableRunPatches, key(string(run), string(p))} }
	for i, rep := range reports {
		if !ours(asset, rep) {
			continue
		}
		ordered := map[catalog.PatchID]bool{}
		for _, p := range orders[rep.Order].Patches {
			ordered[p.Patch] = true
		}
		for _, p := range rep.Patches {
			if ordered[p.Patch] {
				continue
			}
			of[i] = append(of[i], p.Patch)
			if k := held(rep.Order.Run(), p.Patch); CheckKey(k.Table, k.Key) == nil {
				unsure = append(unsure, k)
			}
		}
	}
	t.fetch(unsure...)
	found := make([]catalog.PatchID, len(reports))
	for i, rep := range reports {
		never := func(p catalog.PatchID) bool { return t.have[held(rep.Order.Run(), p)] == nil }
		if n := slices.IndexFunc(of[i], never); n >= 0 {
			found[i] = of[i][n]
		}
	}
	return found
}

// failedInstalls is the counter of RPT-1.
const failedInstalls = "failedInstalls"
