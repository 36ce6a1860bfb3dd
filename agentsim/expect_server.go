package agentsim

import (
	"context"
	"fmt"
	"slices"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/ledger"
)

// expectAssets compares a list of assets that the server shows.
func (p *player) expectAssets(m *match) {
	ctx := context.Background()
	if open := map[string]func(context.Context, int) ([]controller.Open, error){
		"waiting for reboot": p.w.server.c.PendingReboots, "waiting for cancel": p.w.server.c.PendingCancels,
	}[m.w[0]]; open != nil {
		list, err := open(ctx, controller.MaxPage)
		list = slices.CompactFunc(list, func(a, b controller.Open) bool { return m.w[0] == "waiting for reboot" && a.Asset == b.Asset })
		if m.err = err; err == nil {
			compareAll(m, 1, list, func(o controller.Open) string { return string(o.Asset) }, "nobody")
		}
		return
	}
	if m.w[0] == "stuck" {
		list, err := p.w.server.c.Stuck(ctx, controller.MaxPage, p.w.now)
		if m.err = err; err == nil {
			compareAll(m, 1, list, func(o controller.StuckOrder) string { return string(o.Asset) }, "nobody")
		}
		return
	}
	list, err := p.w.server.c.Assets(ctx, "", controller.MaxPage, p.w.now)
	list = slices.DeleteFunc(list, func(s controller.AssetStatus) bool {
		return !map[string]bool{"silent": s.Silent, "behind": s.Behind, "refusing": s.Refused != nil, "cloned": s.Cloned != nil, "clock off": s.OffsetTooFar}[m.w[0]]
	})
	if m.err = err; err == nil {
		compareAll(m, 1, list, func(s controller.AssetStatus) string { return string(s.ID) }, "nobody")
	}
}

// row is what the server shows of a job on an asset; zero: nothing.
func (p *player) row(m *match) (row controller.RunAsset) {
	if m.err = errOther; p.w.assets[job.AssetID(m.w[0])] != nil {
		row, _, m.err = p.w.server.row(job.AssetID(m.w[0]), job.ID(m.w[1]))
	}
	return row
}

// standing is what the server shows of a run on an asset: the answer to a cancel, else the result, else the progress.
func standing(row controller.RunAsset) string {
	switch {
	case row.TooLate != 0 && row.Cancel == ledger.CancelTooLate:
		return fmt.Sprintf("%s(%s)", row.Cancel, row.TooLate)
	case row.Cancel != 0:
		return row.Cancel.String()
	case row.Result != 0:
		return row.Result.String()
	case row.Progress != 0:
		return row.Progress.String()
	}
	return "nothing"
}

// expectFailures counts the list of failed installs (RPT-2).
func (p *player) expectFailures(m *match) {
	filter := controller.FailureFilter{Asset: job.AssetID(m.w[1]), Patch: catalog.PatchID(m.w[2]), From: m.at[0], To: m.at[1], Limit: controller.MaxPage}
	if m.w[3] != "" {
		if filter.Code, m.err = job.ParseCode(m.w[3]); m.err != nil {
			return
		}
	}
	n, err := p.w.server.failures(filter)
	if m.err = err; err == nil {
		m.compare(0, fmt.Sprint(n))
	}
}
