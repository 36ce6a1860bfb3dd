package execution_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// host is the asset. A real one asks its package manager, downloads files and
// runs installers.
type host struct {
	now       schedule.At
	boot      int
	installed catalog.Installed
	disk      []byte // the last commit
}

func (h *host) bootID() string { return fmt.Sprintf("boot %d", h.boot) }

// commit makes the state and the reports durable together.
func (h *host) commit(state execution.State, reports []job.Report) (err error) {
	if h.disk, err = json.Marshal(state); err != nil {
		return err
	}
	for _, r := range reports {
		switch {
		case r.Progress != 0:
			fmt.Println("report:", r.Progress)
		case r.Result != 0:
			fmt.Printf("report: %v, %s is %v\n", r.Result, r.Patches[0].Name, r.Patches[0].Status)
		}
	}
	return nil
}

// carryOut does what an effect says, and returns the event that answers it;
// nil: nothing answers it.
func (h *host) carryOut(effect execution.Effect) execution.Event {
	fmt.Printf("  %T\n", effect)
	switch e := effect.(type) {
	case execution.TakeInventory:
		inventory, err := catalog.NewInventory(catalog.Linux, []catalog.Installed{h.installed})
		if err != nil {
			return execution.InventoryTaken{ID: e.ID, Err: err.Error()}
		}
		return execution.InventoryTaken{ID: e.ID, Inventory: inventory, Sessions: reboot.Nobody}
	case execution.Download:
		var files []execution.Evidence
		for _, f := range e.Patch.Files { // the digests and the signature of what was downloaded
			files = append(files, execution.Evidence{Digests: f.Expect.Digests, Signature: integrity.Signature{Status: integrity.Absent}})
		}
		return execution.Downloaded{ID: e.ID, Files: files}
	case execution.Preflight:
		return execution.PreflightDone{ID: e.ID}
	case execution.LastCall: // ask the server: is the order cancelled?
		return execution.LastCallDone(e)
	case execution.Install:
		var results []execution.InstallResult
		for _, p := range e.Patches {
			h.installed.Version = p.Patch.Version
			results = append(results, execution.InstallResult{Index: p.Index})
		}
		return execution.Installed{ID: e.ID, Results: results}
	case execution.RunAction:
		return execution.ActionDone{ID: e.ID}
	case execution.Reboot: // the agent starts again with the last commit
		h.boot++
		return execution.Restarted{BootID: h.bootID()}
	default: // execution.Prompt, execution.Discard
		return nil
	}
}

// The main loop of a driver: step, commit, carry out the effects, and bring
// their results back as events.
func Example() {
	from, err := version.Parse(version.Semver, "1.0.0")
	if err != nil {
		fmt.Println(err)
		return
	}
	to, err := version.Parse(version.Semver, "2.0.0")
	if err != nil {
		fmt.Println(err)
		return
	}
	digest, err := integrity.ParseDigest("sha256:0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0")
	if err != nil {
		fmt.Println(err)
		return
	}
	start := time.Date(2026, time.March, 2, 6, 0, 0, 0, time.UTC)
	run := job.MakeRunID("nightly", start)
	order := job.Order{ // in production it comes from job.Definition.Plan
		ID: job.MakeOrderID(run, "web-1"), Job: "nightly", Run: run, Start: start,
		Patches: []job.OrderPatch{{
			Patch: "curl-2.0.0", Product: "curl", Name: "curl", Version: to, Reboot: true,
			Files: []job.File{{Name: "curl.pkg", URL: "https://vendor.example/curl.pkg", Expect: integrity.Expectation{Digests: []integrity.Digest{digest}}}},
		}},
		Reboot: reboot.Policy{Countdown: 10 * time.Minute},
	}

	h := &host{now: schedule.At{UTC: start, Steady: 1}, installed: catalog.Installed{Product: "curl", Version: from}}
	var state execution.State
	events := []execution.Event{execution.Begin{Order: order, BootID: h.bootID(), Sessions: reboot.Nobody}}
	for len(events) > 0 {
		next, out := execution.Step(execution.Config{}, state, events[0], h.now)
		if err := h.commit(next, out.Reports); err != nil {
			fmt.Println(err)
			return
		}
		state, events = next, events[1:]
		for _, effect := range out.Effects { // in this order, and only after the commit
			if answer := h.carryOut(effect); answer != nil {
				events = append(events, answer)
			}
		}
		if len(events) == 0 && out.Wake > 0 { // nothing to do until then
			fmt.Println("waits", out.Wake)
			h.now.UTC, h.now.Steady = h.now.UTC.Add(out.Wake), h.now.Steady.Add(out.Wake)
			events = append(events, execution.Tick{})
		}
	}
	// Output:
	// report: Started
	//   execution.TakeInventory
	// report: Downloading
	//   execution.Download
	//   execution.Preflight
	// report: Downloaded
	//   execution.LastCall
	// report: Deploying
	//   execution.Install
	//   execution.TakeInventory
	// report: PendingReboot, curl is installed
	//   execution.Prompt
	// waits 10m0s
	// report: Rebooting
	//   execution.Prompt
	//   execution.Reboot
	// report: Resumed
	//   execution.TakeInventory
	// report: Completed, curl is succeeded
	//   execution.Discard
}
