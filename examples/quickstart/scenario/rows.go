package scenario

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/examples/quickstart/show"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// rows compares all results with the expectations.
func (p *Play) rows(ctx context.Context) ([]show.Row, error) {
	var rows []show.Row
	list, err := p.admin.runAssets(ctx, p.runs[main])
	if err != nil {
		return nil, err
	}
	for _, c := range p.Cases {
		i := slices.IndexFunc(list, func(a controller.RunAsset) bool { return a.Asset == c.Asset })
		if i < 0 {
			rows = append(rows, show.Row{Asset: string(c.Asset), Unlike: "the job runs on this asset"})
			continue
		}
		of, err := p.caseRows(ctx, c, list[i])
		if err != nil {
			return nil, err
		}
		rows = append(rows, of...)
	}
	for _, c := range p.Cancels {
		list, err := p.admin.runAssets(ctx, p.runs[c.Job])
		if err != nil {
			return nil, err
		}
		if len(list) == 0 {
			rows = append(rows, show.Row{Asset: string(c.Asset), Unlike: "job " + string(c.Job) + " runs on this asset"})
			continue
		}
		row, err := p.cancelRow(ctx, c, list[0])
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// caseRows returns the rows of one asset: one per patch, and one for its
// reboots if it has any or should have.
func (p *Play) caseRows(ctx context.Context, c Case, have controller.RunAsset) ([]show.Row, error) {
	inventory, err := p.assets[c.Asset].Disk().Inventory(ctx)
	if err != nil {
		return nil, err
	}
	var rows []show.Row
	for _, o := range c.Offers {
		i := slices.IndexFunc(have.Patches, func(out job.PatchOutcome) bool { return out.Patch == o.Release.ID() })
		if i < 0 {
			rows = append(rows, show.Row{Asset: string(c.Asset), Patch: string(o.Release.Product), Unlike: "the patch is reported"})
			continue
		}
		rows = append(rows, offerRow(c, o, have, have.Patches[i], installedVersion(inventory, o.Release.Product)))
	}
	if others := p.others(c, have); len(others) > 0 {
		rows = append(rows, show.Row{Asset: string(c.Asset), Patch: strings.Join(others, ", "), Unlike: "nothing else happens here (CAT-3)"})
	}
	journal, err := p.assets[c.Asset].Disk().Journal()
	if err != nil {
		return nil, err
	}
	if row, any := rebootRow(c, have, journal); any {
		rows = append(rows, row)
	}
	return rows, nil
}

// installedVersion returns the version of a product on a disk; empty: it is not
// installed.
func installedVersion(inventory catalog.Inventory, product catalog.ProductID) string {
	installed, _ := inventory.Find(product)
	return installed.Version.String()
}

// offerRow compares the result of one patch.
func offerRow(c Case, o Offer, have controller.RunAsset, out job.PatchOutcome, now string) show.Row {
	row := show.Row{
		Asset: string(c.Asset), Patch: string(o.Release.Product), From: out.From.String(), To: out.To.String(),
		Result: have.Result.String(), Reason: out.Text, Rule: out.Rule,
	}
	if out.Status == job.Succeeded {
		row.To = out.Now.String() // the installed version (CAT-7)
	}
	if out.Code != 0 {
		row.Code = strconv.Itoa(int(out.Code)) + " " + out.Code.String()
	}
	row.Unlike = differences(
		difference{"result", have.Result, c.Result}, difference{"patch", out.Status, o.Want.Status},
		difference{"code", out.Code, o.Want.Code}, difference{"rule", out.Rule, o.Want.Rule},
		difference{"from", out.From.String(), o.Have}, difference{"on the disk", now, o.Want.Now},
	)
	return row
}

type difference struct {
	what       string
	have, want any
}

// differences says what each thing that differs should be.
func differences(list ...difference) string {
	var texts []string
	for _, d := range list {
		if d.have != d.want {
			texts = append(texts, fmt.Sprintf("%s is %v, not %v", d.what, quote(d.want), quote(d.have)))
		}
	}
	return strings.Join(texts, "; ")
}

func quote(v any) string {
	if s := fmt.Sprint(v); s != "" {
		return s
	}
	return "nothing"
}

// others returns the patches that were not offered to an asset and were more
// than left out.
func (p *Play) others(c Case, have controller.RunAsset) (list []string) {
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

// cancelRow compares the result of a cancelled job.
func (p *Play) cancelRow(ctx context.Context, c Cancel, have controller.RunAsset) (show.Row, error) {
	inventory, err := p.assets[c.Asset].Disk().Inventory(ctx)
	if err != nil {
		return show.Row{}, err
	}
	tried, now := p.tried[c.Job], installedVersion(inventory, c.Release.Product)
	row := show.Row{
		Asset: string(c.Asset), Patch: string(c.Release.Product), From: c.Have, To: c.Release.Version, Result: have.Result.String(),
		Reason: fmt.Sprintf("Cancel %s. Then the asset reported %v; it has %s %s.", tried, have.Result, c.Release.Product, now),
		Rule:   "JOB-3",
	}
	done := ledger.CancelDone
	if c.TooLate != 0 {
		done = 0 // a refused cancel changes nothing
	}
	row.Unlike = differences(difference{"stage of the refusal", tried.asset.Stage, c.TooLate}, difference{"cancel", have.Cancel, done},
		difference{"result", have.Result, c.Result}, difference{"on the disk", now, c.Now})
	return row, nil
}
