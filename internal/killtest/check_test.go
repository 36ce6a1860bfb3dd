package killtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/examples/agent/home"
	"github.com/patchpolicy/patchpolicy/examples/quickstart/folder"
	"github.com/patchpolicy/patchpolicy/examples/server/serve"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/sqlstore"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/runner/boltstate"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// verdict collects what is wrong with a finished world.
type verdict struct {
	w        *world
	journal  []job.Report
	problems []string
}

func (v *verdict) bad(format string, args ...any) {
	v.problems = append(v.problems, fmt.Sprintf(format, args...))
}

// must notes an error of a check itself: what cannot be read was not kept.
func (v *verdict) must(what string, err error) {
	if err != nil {
		v.bad("%s: %v", what, err)
	}
}

// check reads the files of a world whose processes are dead. It returns
// everything that is wrong.
func (w *world) check() []string {
	v := &verdict{w: w, problems: slices.Clone(w.broken)}
	var err error
	v.journal, err = journal(w.dir)
	v.must("the agent's journal", err)
	for i, r := range v.journal {
		if r.Sequence != job.Sequence(i+1) {
			v.bad("the agent's journal has report %d in place %d (MAN-6)", r.Sequence, i+1)
		}
	}
	v.calls()
	v.commits()
	v.copies()
	v.agentState()
	v.installs()
	v.downloads()
	v.records()
	return v.problems
}

// calls checks that each number belongs to one report, whatever was killed when
// it was sent, and that what was acknowledged stays so (invariant 8).
func (v *verdict) calls() {
	calls, err := readJSON[call](callsFile(v.w.dir))
	v.must("the log of calls", err)
	for _, c := range calls {
		if c.Acknowledged < c.Floor {
			v.bad("the server acknowledged report %d, and later only %d: it lost what it had acknowledged", c.Floor, c.Acknowledged)
		}
		if c.Acknowledged > job.Sequence(len(v.journal)) {
			v.bad("the server acknowledged report %d; the agent made %d", c.Acknowledged, len(v.journal))
		}
		for n, said := range c.Sent {
			if n == 0 || int(n) > len(v.journal) || digest(v.journal[n-1]) != said {
				v.bad("report %d was sent with another content than the journal has", n)
			}
		}
	}
}

// commits checks that each process finds the state that was committed, or a
// later one, and that no revision falls (invariant 9).
func (v *verdict) commits() {
	marks, err := readJSON[mark](commitsFile(v.w.dir))
	v.must("the log of commits", err)
	var last mark
	boots := map[string]bool{}
	durable := map[string]bool{sum(nil): true} // what the next process may find: the last finished commit, or a later one that had begun
	for _, m := range marks {
		if m.What == loaded && !durable[m.Digest] {
			v.bad("the agent found another state than it had committed: it lost what it had committed")
		}
		if m.What != begun {
			clear(durable)
		}
		durable[m.Digest] = true
		if m.What == begun {
			continue
		}
		if m.Revision < last.Revision {
			v.bad("the agent's manifest revision fell from %d to %d", last.Revision, m.Revision)
		}
		if m.Sequence < last.Sequence {
			v.bad("the agent's last report was %d, and then %d: it lost what it had committed", last.Sequence, m.Sequence)
		}
		if m.Boot != "" {
			boots[m.Boot] = true
		}
		last = m
	}
	if len(boots) > 2 {
		v.bad("the asset booted %d times: one job needed a reboot (invariant 4)", len(boots))
	}
}

// copies checks that every copy of the agent's file that opened holds exactly
// what some commit wrote.
func (v *verdict) copies() {
	marks, err := readJSON[mark](commitsFile(v.w.dir))
	v.must("the log of commits", err)
	known := map[string]bool{}
	for _, m := range marks {
		known[m.Digest] = true
	}
	for _, c := range v.w.copied {
		if !known[c] {
			v.bad("a copy of the agent's file holds a state that no commit wrote")
		}
	}
}

// agentState checks that nothing is left to do.
func (v *verdict) agentState() {
	s, err := loadAgent(home.Home(v.w.dir).StateFile())
	v.must("the agent's state", err)
	if err != nil {
		return
	}
	if s.Sequence != job.Sequence(len(v.journal)) {
		v.bad("the agent's state says that it made %d reports, its journal has %d", s.Sequence, len(v.journal))
	}
	if len(s.Queue)+len(s.Executions) > 0 {
		v.bad("the agent has %d orders queued and %d under way", len(s.Queue), len(s.Executions))
	}
}

// loadAgent opens an agent's file as the agent does.
func loadAgent(path string) (s agent.State, err error) {
	b, err := loadBytes(path)
	if err != nil || b == nil {
		return s, err
	}
	return s, s.UnmarshalBinary(b)
}

// loadBytes returns what was committed to an agent's file; nil: nothing was.
func loadBytes(path string) ([]byte, error) {
	state, err := boltstate.Open(path)
	if err != nil {
		return nil, err
	}
	b, _, err := state.Load(context.Background())
	return b, errors.Join(err, state.Close())
}

// installs checks the disk's own log.
func (v *verdict) installs() {
	log, err := lines(diskLog(v.w.dir))
	v.must("the disk's log", err)
	begun, ended, acts := map[string]int{}, map[string]int{}, map[string]int{}
	rebooted := false
	for _, line := range log {
		f := strings.Fields(line)
		switch {
		case f[0] == "begin" && len(f) == 4:
			begun[f[1]]++
			if f[2] != older.String() {
				v.bad("%s: an install that was done is repeated: %s is installed already", f[1], f[2])
			}
			if begun[f[1]] > execution.MaxAttempts {
				v.bad("%s is installed for the %dth time (invariant 8)", f[1], begun[f[1]])
			}
			if rebooted && (f[1] == "kernel" || f[1] == "driver") {
				v.bad("%s is installed after the reboot of its job (invariant 4)", f[1])
			}
		case f[0] == "end" && len(f) == 3:
			ended[f[1]]++
		case f[0] == "act":
			if acts[f[1]]++; acts[f[1]] > 1 {
				v.bad("action %q ran twice (JOB-17)", f[1])
			}
		case f[0] == "reboot":
			rebooted = true
		default:
			v.bad("the disk's log has the line %q", line)
		}
	}
	again := 0
	for _, n := range begun {
		again += n - 1
	}
	if kills := v.w.agent.killed(); again > kills {
		v.bad("%d installs were begun again, and the agent was killed %d times", again, kills)
	}
	platform, err := folder.Open(folder.Config{Dir: diskDir(v.w.dir)})
	v.must("the disk", err)
	if err != nil {
		return
	}
	inventory, err := platform.Inventory(context.Background())
	v.must("the inventory", err)
	for _, o := range offers {
		now, found := inventory.Find(o.product)
		result := v.result(o.job)
		outcome := v.outcome(o)
		done := outcome.Status == job.Succeeded
		switch {
		case !found:
			v.bad("%s is gone", o.product)
		case done != (now.Version == newer) && !o.present:
			v.bad("%s is reported as %v, and the disk has %s", o.product, outcome.Status, now.Version)
		case done && begun[string(o.product)] == 0:
			v.bad("%s is reported as succeeded, and nothing installed it", o.product)
		}
		if (result.Result == job.Cancelled || result.Result == job.Withdrawn) && begun[string(o.product)] > 0 {
			v.bad("%s is %v, and %s was installed (invariants 2 and 3)", o.job, result.Result, o.product)
		}
		if (o.tampered || o.present) && begun[string(o.product)] > 0 {
			v.bad("%s was installed and must not be", o.product)
		}
	}
}

// downloads checks that nothing verified is downloaded again (invariant 8). An
// interrupted download may be.
func (v *verdict) downloads() {
	points, err := lines(pointsFile(v.w.dir, agentRole))
	v.must("the agent's points", err)
	begun, ended := 0, 0
	for _, p := range points {
		p = strings.TrimPrefix(p, died)
		if strings.HasPrefix(p, "download:before") {
			begun++
		}
		if strings.HasPrefix(p, "download:after") {
			ended++
		}
	}
	wanted := 0
	for _, times := range v.w.vendor.asked {
		wanted += min(times, 1)
	}
	if again := v.w.vendor.requests() - wanted; again > begun-ended {
		v.bad("%d files were asked for again, and %d downloads were interrupted", again, begun-ended)
	}
}

// result returns the final result of a job's order in the agent's journal;
// zero: none.
func (v *verdict) result(id job.ID) (found job.Report) {
	order := job.MakeOrderID(v.w.runs[id], asset)
	for _, r := range v.journal {
		if r.Order == order && r.Result != 0 && r.Result != job.PendingReboot && r.Result != job.PendingVerification {
			if found.Result != 0 {
				v.bad("%s has the results %v and %v", id, found.Result, r.Result)
			}
			found = r
		}
	}
	return found
}

// outcome returns the outcome of an offer in the agent's journal; zero: none.
func (v *verdict) outcome(o offer) job.PatchOutcome {
	for _, p := range v.result(o.job).Patches {
		if p.Patch == o.patch() {
			return p
		}
	}
	return job.PatchOutcome{}
}

// openServer opens a server's database as the server does.
func openServer(files serve.Files, path string) (*controller.Controller, *sqlstore.Store, error) {
	keys, err := files.ReadKeys()
	if err != nil {
		return nil, nil, err
	}
	store, err := sqlstore.OpenSQLite(context.Background(), path)
	if err != nil {
		return nil, nil, err
	}
	ctl, err := controller.New(store, controllerConfig(keys))
	if err != nil {
		return nil, nil, errors.Join(err, store.Close())
	}
	return ctl, store, nil
}

// acknowledged returns the last report that a server has accepted from the
// asset. It asks like an agent that has nothing new.
func acknowledged(ctl *controller.Controller, held manifest.Revision) (job.Sequence, error) {
	now := time.Now()
	answer, err := ctl.CheckIn(context.Background(), manifest.CheckIn{Asset: asset, Held: held, Made: 1 << 40, At: now}, now) // as if it had made every report that the server has
	return answer.Acknowledged, err
}
