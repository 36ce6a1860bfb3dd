package killtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/execution"
)

// expected is the result of each job that no kill affects.
var expected = map[job.ID]job.Result{
	plain: job.Completed, kernel: job.Completed, broken: job.CompletedWithFailures, absent: job.NotApplicable, later: job.Cancelled, never: job.Withdrawn,
}

// records checks that the server's records add up to the agent's journal
// (invariants 10 and 12).
func (v *verdict) records() {
	ctx := context.Background()
	files := serverFiles(v.w.dir)
	ctl, store, err := openServer(files, files.DB)
	v.must("the server's database", err)
	if err != nil {
		return
	}
	defer func() { v.must("closing the server's database", store.Close()) }()

	failed := 0
	for _, id := range jobs {
		list, err := ctl.RunAssets(ctx, v.w.runs[id], "", controller.MaxPage)
		v.must("the run of "+string(id), err)
		if len(list) != 1 {
			v.bad("%s has %d assets on the server", id, len(list))
			continue
		}
		v.order(id, list[0])
		for _, p := range v.result(id).Patches {
			if p.Status == job.PatchFailed && p.Code != job.CodeCancelled {
				failed++
			}
		}
		run, err := ctl.Run(ctx, v.w.runs[id])
		v.must("the counts of "+string(id), err)
		if len(run.Results) != 1 || run.Results[0] != (controller.RunResult{Result: list[0].Result, Assets: 1}) || run.NotBegun+run.Executing+run.Waiting > 0 {
			v.bad("%s is counted as %+v", id, run)
		}
	}
	have, err := ctl.FailedInstalls(ctx)
	v.must("the failed installs", err)
	if have != failed {
		v.bad("the server counts %d failed installs, the journal has %d", have, failed)
	}
	status, err := ctl.Asset(ctx, asset, time.Now())
	v.must("the asset", err)
	if status.AnomalyCount > 0 {
		v.bad("the server found %d reports that make no sense: %+v", status.AnomalyCount, status.LastAnomalies)
	}
	cancels, err := ctl.PendingCancels(ctx, controller.MaxPage)
	v.must("the pending cancels", err)
	reboots, err := ctl.PendingReboots(ctx, controller.MaxPage)
	v.must("the pending reboots", err)
	if len(cancels)+len(reboots) > 0 {
		v.bad("the server waits for cancels %v and reboots %v", cancels, reboots)
	}
	n, err := acknowledged(ctl, status.Newest)
	v.must("the acknowledged reports", err)
	if n != job.Sequence(len(v.journal)) {
		v.bad("the server has accepted %d reports, the agent made %d", n, len(v.journal))
	}
}

// order compares one order's records with the journal's result, and that with
// the rules.
func (v *verdict) order(id job.ID, have controller.RunAsset) {
	own := v.result(id)
	if have.Ended.IsZero() {
		v.bad("%s has not ended", id)
	}
	switch {
	case id == absent || own.Result == 0: // the server ends an order that its asset never received
		if have.Result != expected[id] && (id != raced || have.Result != job.Cancelled) {
			v.bad("%s is %v on the server", id, have.Result)
		}
		return
	case own.Result != have.Result || own.Reboots != have.Reboots:
		v.bad("%s is %v with %d reboots on the server, and %v with %d in the journal", id, have.Result, have.Reboots, own.Result, own.Reboots)
	case patches(own.Patches) != patches(have.Patches):
		v.bad("%s: the patches on the server are %s, in the journal %s", id, patches(have.Patches), patches(own.Patches))
	}
	crashed := 0
	for _, p := range own.Patches {
		if p.Code == job.DeployerProcessCrashed {
			crashed++
		}
	}
	kills := v.w.agent.killed()
	if crashed > 0 && kills < execution.MaxAttempts {
		v.bad("%s: %d installs were interrupted twice, and the agent was killed %d times", id, crashed, kills)
	}
	switch {
	case id == raced:
		// Completed, Cancelled, or interrupted twice: the disk's log is
		// checked.
	case crashed > 0:
		if own.Result != job.CompletedWithFailures && own.Result != job.Failed {
			v.bad("%s is %v, and %d installs were interrupted twice", id, own.Result, crashed)
		}
	case id == plain && kills > 0 && own.Result == job.CompletedWithFailures:
		// An action that a kill interrupts counts as failed (JOB-17).
	case own.Result != expected[id]:
		v.bad("%s is %v: want %v", id, own.Result, expected[id])
	}
}

// patches shows what was reported of patches. The agent never received those
// that the server left out.
func patches(all []job.PatchOutcome) string {
	var b bytes.Buffer
	for _, p := range all {
		if p.Status == job.LeftOut || p.Status == job.Pending {
			continue
		}
		text, err := json.Marshal(p)
		fmt.Fprintf(&b, "%s %v\n", text, err)
	}
	return b.String()
}
