package controller

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
)

// outcomesRecord is what became of the patches of one order.
type outcomesRecord struct {
	LeftOut  []job.PatchOutcome         `json:"leftOut,omitempty"`  // never ordered, or taken out again: the server's word
	Reported []job.PatchOutcome         `json:"reported,omitempty"` // the asset's last word
	Failed   map[catalog.PatchID]string `json:"failed,omitempty"`   // counted failures, with their key in tableFailures
}

// Failure is one failed install of one patch (RPT-2).
type Failure struct {
	At    time.Time       `json:"at"` // by the asset's corrected clock, never later than the report's arrival
	Asset job.AssetID     `json:"asset"`
	Job   job.ID          `json:"job"`
	Run   job.RunID       `json:"run"`
	Patch catalog.PatchID `json:"patch"`
	Name  string          `json:"name,omitempty"` // the product's
	From  version.Version `json:"from,omitzero"`
	To    version.Version `json:"to,omitzero"`
	Code  job.Code        `json:"code"`
	Rule  string          `json:"rule,omitempty"`
	Text  string          `json:"text,omitempty"`
}

// saveLeftOut replaces what the server left out of an order.
func saveLeftOut(w Writer, run job.RunID, asset job.AssetID, left []job.PatchOutcome) error {
	k := key(string(run), string(asset))
	rec, found, err := load[outcomesRecord](w, tableOutcomes, k)
	if err != nil || !found && len(left) == 0 {
		return err
	}
	rec.LeftOut = nil
	for _, o := range left[:min(len(left), job.MaxPatches)] {
		rec.LeftOut = append(rec.LeftOut, clipOutcome(o, len(left)))
	}
	return save(w, tableOutcomes, k, rec)
}

// foldOutcomes stores the patches of a result and counts the failed installs (RPT-1).
func foldOutcomes(w Writer, run job.RunID, o orderRecord, rep job.Report) (odd string, err error) {
	k := key(string(run), string(o.Asset))
	rec, _, err := load[outcomesRecord](w, tableOutcomes, k)
	if err != nil {
		return "", err
	}
	content, _, err := load[contentRecord](w, tableContents, k)
	if err != nil {
		return "", err
	}
	// An order may have been made again, or trimmed, while the asset executed it as it was: patches of its run count.
	ordered := make(map[catalog.PatchID]bool, len(content.Patches))
	for _, p := range content.Patches {
		ordered[p.Patch] = true
	}
	seen := make(map[catalog.PatchID]bool, len(rep.Patches))
	rec.Reported = nil
	for _, p := range rep.Patches {
		if !ordered[p.Patch] {
			k := key(string(run), string(p.Patch))
			if CheckKey(tableRunPatches, k) != nil {
				return "it names a patch that is none", nil
			}
			held, err := w.Get(tableRunPatches, k)
			if err != nil {
				return "", err
			}
			if held == nil {
				return fmt.Sprintf("it names patch %q, which the order does not", problem.Clip(string(p.Patch), MaxName)), nil
			}
		}
		if seen[p.Patch] || !known(p.Status) || p.Status == 0 || p.Code != 0 && !p.Code.Known() {
			return fmt.Sprintf("it names patch %q twice, or says something unknown of it", problem.Clip(string(p.Patch), MaxName)), nil
		}
		seen[p.Patch] = true
		rec.Reported = append(rec.Reported, clipOutcome(p, len(rep.Patches)))
	}
	if err := rec.count(w, run, o); err != nil {
		return "", err
	}
	return "", save(w, tableOutcomes, k, rec)
}

// failed says whether an outcome is a failed install in the sense of RPT-1. A cancelled patch was never tried.
func failed(p job.PatchOutcome) bool {
	return p.Status == job.PatchFailed && p.Code != job.CodeCancelled
}

// count brings the account's failures up to the asset's last word: a patch counts once an order, however often it is reported.
func (rec *outcomesRecord) count(w Writer, run job.RunID, o orderRecord) error {
	now := make(map[catalog.PatchID]bool)
	delta := 0
	for _, p := range rec.Reported {
		if !failed(p) {
			continue
		}
		now[p.Patch] = true
		if rec.Failed[p.Patch] != "" {
			continue
		}
		owner, err := runKey(run)
		if err != nil {
			return err
		}
		of, err := parts(owner)
		if err != nil {
			return err
		}
		f := Failure{
			At: o.At, Asset: o.Asset, Job: job.ID(of[0]), Run: run, Patch: p.Patch, Name: p.Name,
			From: p.From, To: p.To, Code: p.Code, Rule: p.Rule, Text: p.Text,
		}
		k := key(fallingTime(o.At), string(o.Asset), string(run), string(p.Patch))
		if err := save(w, tableFailures, k, f); err != nil {
			return err
		}
		if rec.Failed == nil {
			rec.Failed = make(map[catalog.PatchID]string)
		}
		rec.Failed[p.Patch] = k
		delta++
	}
	for patch, k := range rec.Failed { // deletes only: the order does not show
		if now[patch] {
			continue
		}
		if err := w.Delete(tableFailures, k); err != nil {
			return err
		}
		delete(rec.Failed, patch)
		delta--
	}
	if delta == 0 {
		return nil
	}
	return add(w, failedInstalls, o.Asset, delta)
}

// failedInstalls is the counter of RPT-1.
const failedInstalls = "failedInstalls"

// shards spreads a counter over rows, so that the reports of two assets seldom wait for each other.
const shards = 16

func add(w Writer, counter string, asset job.AssetID, delta int) error {
	h := fnv.New32a()
	h.Write([]byte(asset))
	k := key(counter, strconv.Itoa(int(h.Sum32()%shards)))
	n, _, err := load[int](w, tableCounters, k)
	if err != nil {
		return err
	}
	return save(w, tableCounters, k, n+delta)
}

func sum(r Reader, counter string) (total int, err error) {
	err = each(r, tableCounters, key(counter), "", func(rec Record) (bool, error) {
		n, err := decode[int](tableCounters, rec)
		total += n
		return true, err
	})
	return total, err
}

// clipOutcome cuts the free texts of one of n outcomes so that all of them fit into a record.
func clipOutcome(p job.PatchOutcome, n int) job.PatchOutcome {
	most := min(MaxText, MaxValue/8/(n+1))
	p.Name, p.Rule, p.Text = problem.Clip(p.Name, most), problem.Clip(p.Rule, 32), problem.Clip(p.Text, most)
	if p.Check != nil {
		check := *p.Check
		check.Rule, check.Text, check.Clause = problem.Clip(check.Rule, 32), problem.Clip(check.Text, most), problem.Clip(check.Clause, most)
		check.Signature.Signer, check.Signature.Detail = problem.Clip(check.Signature.Signer, most), problem.Clip(check.Signature.Detail, most)
		p.Check = &check
	}
	return p
}
