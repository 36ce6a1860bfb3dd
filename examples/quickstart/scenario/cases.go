package scenario

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/examples/quickstart/show"
	"github.com/patchpolicy/patchpolicy/examples/quickstart/vendor"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// Case is one asset: what is installed, what the vendor offers, and the
// expected result.
type Case struct {
	Asset   job.AssetID
	Offers  []Offer
	Result  job.Result // of the asset's order
	Reboots int        // of the asset, after its last installation
}

// Offer is one patch for one product of the asset, and the expected result.
type Offer struct {
	Have    string // the installed version; empty: the product is not installed
	Release vendor.Release
	Tamper  bool   // an attacker changes the file after it was listed
	MovesOn string // version that the vendor serves instead after this one was listed; empty: none

	Status job.PatchStatus
	Code   job.Code
	Rule   string
	Now    string // the installed version at the end; empty: the product is not installed
}

// Cancel is a job for one asset that is cancelled. Its offer expects only Now.
type Cancel struct {
	Asset job.AssetID
	Job   job.ID
	Offer
	In      time.Duration // time from enabling the job to its start; zero: at once
	TooLate job.Stage     // the cancel comes in this stage and is refused; zero: it comes before the start
	Result  job.Result
}

// Cases returns the nine assets.
func Cases() []Case {
	return []Case{
		{Asset: "signed", Result: job.Completed, Offers: []Offer{{
			Have: "1.0.0", Release: vendor.Release{Product: "reader", Version: "1.1.0", Signed: true},
			Status: job.Succeeded, Rule: "INT-1", Now: "1.1.0",
		}}},
		{Asset: "unsigned", Result: job.Completed, Offers: []Offer{{
			Have: "2.0.0", Release: vendor.Release{Product: "editor", Version: "2.1.0"},
			Status: job.Succeeded, Rule: "INT-2", Now: "2.1.0",
		}}},
		{Asset: "bad-signature", Result: job.Failed, Offers: []Offer{{
			Have: "3.0.0", Release: vendor.Release{Product: "player", Version: "3.1.0", Signed: true}, Tamper: true,
			Status: job.PatchFailed, Code: job.FileSignatureFailed, Rule: "INT-1", Now: "3.0.0",
		}}},
		{Asset: "bad-checksum", Result: job.Failed, Offers: []Offer{{
			Have: "4.0.0", Release: vendor.Release{Product: "viewer", Version: "4.1.0"}, Tamper: true,
			Status: job.PatchFailed, Code: job.FileHashValidationFailed, Rule: "INT-2", Now: "4.0.0",
		}}},
		{Asset: "newer", Result: job.NotApplicable, Offers: []Offer{{
			Have: "5.2.0", Release: vendor.Release{Product: "browser", Version: "5.1.0", Signed: true},
			Status: job.LeftOut, Rule: "CAT-3", Now: "5.2.0",
		}}},
		{Asset: "absent", Result: job.NotApplicable, Offers: []Offer{{
			Release: vendor.Release{Product: "office", Version: "6.0.0", Signed: true},
			Status:  job.LeftOut, Rule: "CAT-3",
		}}},
		{Asset: "end-of-life", Result: job.NotApplicable, Offers: []Offer{{
			Have: "7.0.1", Release: vendor.Release{Product: "runtime", Version: "7.0.2", Signed: true, EOL: catalog.EOLInstant(2024, time.June, 30)},
			Status: job.LeftOut, Rule: "CAT-11", Now: "7.0.1",
		}}},
		{Asset: "moved-on", Result: job.Completed, Offers: []Offer{{
			Have: "8.0.0", Release: vendor.Release{Product: "chat", Version: "8.1.0", Signed: true, LatestOnly: true}, MovesOn: "8.2.0",
			Status: job.Succeeded, Rule: "CAT-7", Now: "8.2.0",
		}}},
		{Asset: "reboots-once", Result: job.Completed, Reboots: 1, Offers: []Offer{
			{
				Have: "9.0.0", Release: vendor.Release{Product: "kernel", Version: "9.1.0", Signed: true, Reboot: true, Takes: time.Second / 2},
				Status: job.Succeeded, Rule: "INT-1", Now: "9.1.0",
			}, {
				Have: "1.0.0", Release: vendor.Release{Product: "driver", Version: "1.1.0", Signed: true, Reboot: true, Takes: time.Second / 2},
				Status: job.Succeeded, Rule: "INT-1", Now: "1.1.0",
			}, {
				Have: "2.0.0", Release: vendor.Release{Product: "shell", Version: "2.1.0", Takes: time.Second / 2},
				Status: job.Succeeded, Rule: "INT-2", Now: "2.1.0",
			},
		}},
	}
}

// Cancels returns the two cancels: one in time, and one too late.
func Cancels() []Cancel {
	return []Cancel{
		{Asset: "signed", Job: "in-an-hour", In: time.Hour, Result: job.Cancelled, Offer: Offer{
			Have: "1.0.0", Release: vendor.Release{Product: "fonts", Version: "1.1.0", Signed: true}, Now: "1.0.0",
		}},
		{Asset: "unsigned", Job: "at-once", TooLate: job.StageDeploy, Result: job.Completed, Offer: Offer{
			Have: "1.0.0", Release: vendor.Release{Product: "codecs", Version: "1.1.0", Signed: true}, Now: "1.1.0",
		}},
	}
}

// rows compares all results with the expectations.
func (p *Play) rows(ctx context.Context) (rows []show.Row) {
	for _, c := range p.Cases {
		have := p.result(ctx, main, c.Asset)
		for _, o := range c.Offers {
			i := slices.IndexFunc(have.Patches, func(out job.PatchOutcome) bool { return out.Patch == o.Release.ID() })
			var out job.PatchOutcome // zero if the patch is not reported, which is never as expected
			if i >= 0 {
				out = have.Patches[i]
			}
			rows = append(rows, offerRow(c, o, have, out, p.installed(ctx, c.Asset, o.Release.Product)))
		}
		if others := others(c, have); len(others) > 0 {
			rows = append(rows, show.Row{Asset: string(c.Asset), Patch: strings.Join(others, ", "), Unlike: "nothing else happens here (CAT-3)"})
		}
		journal, err := p.assets[c.Asset].disk.Journal()
		p.fail(err)
		if row, any := rebootRow(c, have, journal); any {
			rows = append(rows, row)
		}
	}
	for _, c := range p.Cancels {
		rows = append(rows, cancelRow(c, p.tried[c.Job], p.result(ctx, c.Job, c.Asset), p.installed(ctx, c.Asset, c.Release.Product)))
	}
	return rows
}

// result returns what the server knows of a job on an asset; zero if the job
// does not run there, which is never as expected.
func (p *Play) result(ctx context.Context, id job.ID, asset job.AssetID) controller.RunAsset {
	for _, a := range p.runAssets(ctx, id) {
		if a.Asset == asset {
			return a
		}
	}
	return controller.RunAsset{}
}

// installed returns the version of a product on an asset's disk; empty: it is
// not installed.
func (p *Play) installed(ctx context.Context, asset job.AssetID, product catalog.ProductID) string {
	inventory, err := p.assets[asset].disk.Inventory(ctx)
	p.fail(err)
	found, _ := inventory.Find(product)
	return found.Version.String()
}

func offerRow(c Case, o Offer, have controller.RunAsset, out job.PatchOutcome, now string) show.Row {
	row := show.Row{
		Asset: string(c.Asset), Patch: string(o.Release.Product), From: out.From.String(), To: out.To.String(),
		Result: have.Result.String(), Reason: out.Text, Rule: out.Rule,
	}
	if out.Status == job.Succeeded {
		row.To = out.Now.String() // the installed version (CAT-7)
	}
	if out.Code != 0 {
		row.Reason = fmt.Sprintf("%d %v: %s", out.Code, out.Code, out.Text)
	}
	row.Unlike = differences(
		difference{"result", have.Result, c.Result}, difference{"patch", out.Status, o.Status},
		difference{"code", out.Code, o.Code}, difference{"rule", out.Rule, o.Rule},
		difference{"from", out.From.String(), o.Have}, difference{"on the disk", now, o.Now},
	)
	return row
}

type difference struct {
	what       string
	have, want any
}

func differences(list ...difference) string {
	var texts []string
	for _, d := range list {
		if d.have != d.want {
			texts = append(texts, fmt.Sprintf("%s is %s, not %s", d.what, cmp.Or(fmt.Sprint(d.want), "nothing"), cmp.Or(fmt.Sprint(d.have), "nothing")))
		}
	}
	return strings.Join(texts, "; ")
}

// others returns the patches that were not offered to an asset and were more
// than left out.
func others(c Case, have controller.RunAsset) (list []string) {
	for _, out := range have.Patches {
		offered := slices.ContainsFunc(c.Offers, func(o Offer) bool { return o.Release.ID() == out.Patch })
		if !offered && (out.Status != job.LeftOut || out.Rule != "CAT-3") {
			list = append(list, string(out.Patch))
		}
	}
	return list
}

// rebootRow compares the reboots in the journal of an asset's disk: how many
// they are, and that no installation follows them.
func rebootRow(c Case, have controller.RunAsset, journal []string) (show.Row, bool) {
	reboots, after := 0, 0 // installations after the first reboot
	for _, line := range journal {
		switch {
		case line == "rebooted":
			reboots++
		case reboots > 0:
			after++
		}
	}
	asked := 0
	for _, o := range c.Offers {
		if o.Release.Reboot {
			asked++
		}
	}
	row := show.Row{
		Asset: string(c.Asset), Patch: "reboot", Result: strconv.Itoa(reboots) + " reboot", Rule: "RBT-1",
		Reason: fmt.Sprintf("%d of %d patches asked for one; %d installed after it.", asked, len(c.Offers), after),
		Unlike: differences(difference{"reboots", reboots, c.Reboots}, difference{"reported reboots", have.Reboots, c.Reboots},
			difference{"installed after it", after, 0}),
	}
	return row, reboots > 0 || row.Unlike != ""
}

func cancelRow(c Cancel, tried attempt, have controller.RunAsset, now string) show.Row {
	done := ledger.CancelDone
	if c.TooLate != 0 {
		done = ledger.CancelTooLate
	}
	return show.Row{
		Asset: string(c.Asset), Patch: string(c.Release.Product), From: c.Have, To: c.Release.Version, Result: have.Result.String(),
		Reason: fmt.Sprintf("Cancel %s. Then the asset reported %v; it has %s %s.", tried.answer, have.Result, c.Release.Product, now),
		Rule:   "JOB-3",
		Unlike: differences(difference{"stage of the refusal", tried.stage, c.TooLate}, difference{"cancel", have.Cancel, done},
			difference{"result", have.Result, c.Result}, difference{"on the disk", now, c.Now}),
	}
}
