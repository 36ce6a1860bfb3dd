package job

import (
	"fmt"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// After makes a job run after another (JOB-19). Each run of the other job
// starts a run of this job, Delay later. If this job's schedule recurs, the run
// starts at the schedule's next time after that. With PerAsset, all assets that
// have verified the other run by that time take part, and the others at a later
// time. PerAsset with a Delay needs a schedule that recurs, because otherwise
// each asset would need a run of its own.
type After struct {
	Job      ID            `json:"job"`
	Share    int           `json:"share,omitempty"`    // percent of the other run's assets that must have succeeded, 1 to 100
	PerAsset bool          `json:"perAsset,omitempty"` // instead: on each asset after it verified the other run
	Delay    time.Duration `json:"delay,omitempty"`    // whole seconds, at most MaxFollowDelay; zero: none
}

// Needed returns how many of the assets that count must have succeeded.
func (a After) Needed(assets int) int { return (assets*a.Share + 99) / 100 }

// Due reports whether enough of the assets succeeded. If there are no assets,
// it is false.
func (a After) Due(succeeded, assets int) bool {
	return !a.PerAsset && assets > 0 && succeeded >= a.Needed(assets)
}

func checkAfter(l *problem.List, d Definition) {
	a := d.After
	if a == nil {
		return
	}
	checkID(l, "after.job", string(a.Job))
	if a.Job == d.ID {
		l.Add("after.job", string(a.Job), "is this job itself; name another job (JOB-19)")
	}
	if a.PerAsset != (a.Share == 0) || a.Share < 0 || a.Share > 100 {
		l.Add("after.share", fmt.Sprint(a.Share), "give either perAsset or a share from 1 to 100 percent (JOB-19)")
	}
	onDemand := d.Schedule.Kind == schedule.OnDemand
	switch {
	case a.Delay < 0 || a.Delay > MaxFollowDelay || a.Delay%time.Second != 0:
		l.Add("after.delay", a.Delay.String(), "is not between 0s and %v, in whole seconds (JOB-19)", MaxFollowDelay)
	case a.Delay > 0 && a.PerAsset && onDemand:
		l.Add("after.delay", a.Delay.String(), "with perAsset needs a schedule that recurs: each asset starts at its next time after the delay (JOB-19)")
	}
	if d.Schedule.Kind == schedule.Once {
		l.Add("schedule.kind", d.Schedule.Kind.String(), "could be past before the other job succeeds; use \"on demand\" or a schedule that recurs (JOB-19)")
	}
}

// Pair is a patch that needs another and a reboot between them (JOB-14).
type Pair struct {
	Patch catalog.PatchID `json:"patch"`
	Needs catalog.PatchID `json:"needs"`
}

// CoDependent is the error of a job that cannot be enabled: it reboots once, at
// its end, and the pairs need a reboot between them (JOB-14).
// [Definition.Split] makes the chain of jobs instead.
type CoDependent struct {
	Job   ID
	Pairs []Pair
}

func (e *CoDependent) Error() string {
	texts := make([]string, len(e.Pairs))
	for i, p := range e.Pairs {
		texts[i] = fmt.Sprintf("%s needs %s", p.Patch, p.Needs)
	}
	return fmt.Sprintf("job %s cannot hold patches that need a reboot between them (JOB-14): %s; split it into a chain of jobs", e.Job, strings.Join(texts, ", "))
}

// CheckPairs returns a *CoDependent with every pair of listed patches that need
// a reboot between them. A query is not refused: each run leaves the dependent
// patch to a later run.
func (d Definition) CheckPairs(snap *catalog.Snapshot) error {
	if pairs := rebootPairs(snap, d.Patches.List); len(pairs) > 0 {
		return &CoDependent{Job: d.ID, Pairs: pairs}
	}
	return nil
}

// rebootPairs finds the patches of a list that need another of the list and a
// reboot between them, directly or through others of the list. They come in the
// list's order.
func rebootPairs(snap *catalog.Snapshot, list []catalog.PatchID) []Pair {
	type need struct {
		patch  catalog.PatchID
		reboot bool // a reboot is on the path
	}
	in := set(list)
	var pairs []Pair
	for _, id := range list {
		seen := map[need]bool{}
		for next := []need{{patch: id}}; len(next) > 0; next = next[1:] {
			patch, _ := snap.Patch(next[0].patch)
			for _, r := range patch.Requires {
				n := need{r.Patch, next[0].reboot || r.Reboot}
				if _, reaches := snap.Reaches(patch.ID, r.Patch); !reaches || !in[r.Patch] || seen[n] {
					continue
				}
				seen[n] = true
				next = append(next, n)
				if n.reboot {
					pairs = append(pairs, Pair{Patch: id, Needs: r.Patch})
				}
			}
		}
	}
	return pairs
}

// Split returns the chain of jobs that a definition with a list needs (JOB-14).
// Each job holds the patches that can be deployed before one reboot, and runs
// on each asset after that asset verified the job before it. The first keeps
// the id and the schedule. The others have the id with "-2", "-3" …, and are
// Disabled. Pre-actions go to the first, post-actions to the last. A definition
// without such pairs comes back alone. The error is an *Invalid: a new id is
// too long.
func (d Definition) Split(snap *catalog.Snapshot) ([]Definition, error) {
	level := map[catalog.PatchID]int{}
	in := set(d.Patches.List)
	var levelOf func(id catalog.PatchID) int // it ends, because the catalog refuses cycles
	levelOf = func(id catalog.PatchID) int {
		if n, known := level[id]; known {
			return n
		}
		n := 0
		patch, _ := snap.Patch(id)
		for _, r := range patch.Requires {
			if _, reaches := snap.Reaches(id, r.Patch); reaches && in[r.Patch] {
				after := levelOf(r.Patch)
				if r.Reboot {
					after++
				}
				n = max(n, after)
			}
		}
		level[id] = n
		return n
	}
	chain := []Definition{d}
	chain[0].Patches.List = nil
	for _, id := range d.Patches.List {
		n := levelOf(id)
		for len(chain) <= n {
			link := d
			link.ID = ID(fmt.Sprintf("%s-%d", d.ID, len(chain)+1))
			link.State, link.Revision = Disabled, 0
			link.Patches.List, link.Pre = nil, nil
			link.Schedule = schedule.Schedule{Kind: schedule.OnDemand}
			link.After = &After{Job: chain[len(chain)-1].ID, PerAsset: true}
			chain[len(chain)-1].Post = nil
			chain = append(chain, link)
		}
		chain[n].Patches.List = append(chain[n].Patches.List, id)
	}
	for _, link := range chain {
		if err := ValidID(string(link.ID)); err != nil {
			return nil, err
		}
	}
	return chain, nil
}

func set[T comparable](list []T) map[T]bool {
	m := make(map[T]bool, len(list))
	for _, v := range list {
		m[v] = true
	}
	return m
}
