package killtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/examples/agent/home"
	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/reboot"
)

// jobs lists the jobs in the order in which they are enabled; raced is the
// last.
var jobs = []job.ID{later, never, plain, kernel, broken, absent, raced}

func definition(id job.ID) job.Definition {
	d := job.Definition{
		ID: id, Name: string(id), Platform: catalog.Linux, Assets: job.Assets{Include: []job.AssetID{asset}},
		Schedule: schedule.Schedule{Kind: schedule.OnDemand}, Reboot: reboot.Policy{Countdown: -1},
	}
	for _, o := range offers {
		if o.job == id {
			d.Patches.List = append(d.Patches.List, o.patch())
		}
	}
	switch id {
	case plain:
		d.Pre = []job.Action{{Name: "before", Command: []string{"before"}}}
		d.Post = []job.Action{{Name: "after", Command: []string{"after"}}}
	case later, never:
		d.Schedule = schedule.Schedule{Kind: schedule.Once, At: time.Now().UTC().Add(time.Hour).Truncate(time.Second)}
	}
	return d
}

// administrate does what the administrator does, until every order has ended
// and the agent knows that the server knows.
func (w *world) administrate(ctx context.Context) error {
	for _, id := range jobs {
		if id == raced {
			break
		}
		if err := w.enable(ctx, id); err != nil {
			return err
		}
	}
	for _, id := range []job.ID{later, never} {
		err := w.wait(ctx, string(id)+" to be handed out", func() (bool, error) {
			a, err := w.show(ctx, id)
			return a.HandedOut, err
		})
		if err != nil {
			return err
		}
	}
	var report controller.CancelReport
	if err := w.ask(ctx, http.MethodPost, "jobs/"+string(later)+"/cancel", nil, &report); err != nil {
		return err
	}
	if err := w.ask(ctx, http.MethodPost, "jobs/"+string(never)+"/disable", nil, nil); err != nil {
		return err
	}
	if err := w.enable(ctx, raced); err != nil {
		return err
	}
	if err := w.race(ctx); err != nil {
		return err
	}
	return w.ended(ctx)
}

// enable saves a job and enables it. What the server answered before a kill
// holds after it.
func (w *world) enable(ctx context.Context, id job.ID) error {
	d := definition(id)
	err := w.ask(ctx, http.MethodPut, "jobs/"+string(id), d, nil)
	if err != nil {
		return err
	}
	var enabled adminhttp.Enabled
	if err := w.ask(ctx, http.MethodPost, "jobs/"+string(id)+"/enable", nil, &enabled); err != nil {
		return err
	}
	var runs []controller.RunStatus
	if err := w.ask(ctx, http.MethodGet, "jobs/"+string(id)+"/runs", nil, &runs); err != nil {
		return err
	}
	if len(runs) != 1 || enabled.Run != "" && runs[0].ID != enabled.Run {
		return fmt.Errorf("job %s was enabled with run %q, and has the runs %v", id, enabled.Run, runs)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.runs[id] = runs[0].ID
	return nil
}

// race cancels raced at some moment of its life, or after it.
func (w *world) race(ctx context.Context) error {
	stage := job.Stage(w.rnd.IntN(4)) // zero: at once
	err := w.wait(ctx, "raced to reach the point where it is cancelled", func() (bool, error) {
		a, err := w.show(ctx, raced)
		return a.Stage >= stage || !a.Ended.IsZero(), err
	})
	if err != nil {
		return err
	}
	var report controller.CancelReport
	err = w.ask(ctx, http.MethodPost, "jobs/"+string(raced)+"/cancel", nil, &report)
	if refused, is := errors.AsType[*adminhttp.Error](err); is && refused.Status == http.StatusConflict {
		return nil // too late (JOB-3)
	}
	return err
}

// ended waits until every order has ended and the agent knows that its last
// report arrived.
func (w *world) ended(ctx context.Context) error {
	for _, id := range jobs {
		err := w.wait(ctx, "the end of "+string(id), func() (bool, error) {
			a, err := w.show(ctx, id)
			return !a.Ended.IsZero(), err
		})
		if err != nil {
			return err
		}
	}
	return w.wait(ctx, "the last report to be acknowledged", func() (bool, error) {
		reports, err := journal(w.dir)
		if err != nil {
			return false, err
		}
		calls, err := readJSON[call](callsFile(w.dir))
		acknowledged := job.Sequence(0)
		for _, c := range calls {
			acknowledged = max(acknowledged, c.Acknowledged)
		}
		return acknowledged >= job.Sequence(len(reports)), err
	})
}

// journal returns every report that the agent ever made.
func journal(dir string) ([]job.Report, error) {
	return readJSON[job.Report](journalFile(home.Home(dir)))
}

func journalFile(h home.Home) string { return string(h) + "/journal.jsonl" }
