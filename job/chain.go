package job

import (
	"fmt"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// After makes a job run after another (JOB-19). Each run of the other starts a run of this job: at once and after Delay if its
// own schedule is on demand, and at the next time of a schedule that recurs, counted from then. With PerAsset, all assets
// that verified the other run by then take part in that time's run, and the later ones in a later time's; a Delay then needs
// such a schedule, since otherwise each asset would need a run of its own.
type After struct {
	Job      ID            `json:"job"`
	Share    int           `json:"share,omitempty"`    // percent of the other run's assets that must have succeeded, 1 to 100
	PerAsset bool          `json:"perAsset,omitempty"` // instead: on each asset once that asset verified the other run
	Delay    time.Duration `json:"delay,omitempty"`    // whole seconds, at most MaxFollowDelay; zero: none
}

// Needed is how many of the assets that count must have succeeded.
func (a After) Needed(assets int) int { return (assets*a.Share + 99) / 100 }

// Due reports whether a share of assets that succeeded is enough. No assets are never enough.
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
		l.Add("after.job", string(a.Job), "is the job itself; name another (JOB-19)")
	}
	if a.PerAsset != (a.Share == 0) || a.Share < 0 || a.Share > 100 {
		l.Add("after.share", fmt.Sprint(a.Share), "give either perAsset or a share from 1 to 100 percent (JOB-19)")
	}
	onDemand := d.Schedule.Kind == schedule.OnDemand
	switch {
	case a.Delay < 0 || a.Delay > MaxFollowDelay || a.Delay%time.Second != 0:
		l.Add("after.delay", a.Delay.String(), "is not between 0s and %v, in whole seconds (JOB-19)", MaxFollowDelay)
	case a.Delay > 0 && a.PerAsset && onDemand:
		l.Add("after.delay", a.Delay.String(), "with perAsset needs a schedule that recurs, at whose next time after the delay each asset starts (JOB-19)")
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

// CoDependent is why a job cannot be enabled as it is: it reboots once, at its end, and the pairs need a reboot in the
// middle (JOB-14). Split offers the chain of jobs that does it.
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

// CheckPairs returns a *CoDependent if the definition lists patches that need a reboot between them, naming every pair.
// A query is not refused: each run leaves the dependent patch to a later one.
func (d Definition) CheckPairs(snap *catalog.Snapshot) error {
	if pairs := rebootPairs(snap, d.Patches.List); len(pairs) > 0 {
		return &CoDependent{Job: d.ID, Pairs: pairs}
	}
	return nil
}

// rebootPairs finds the patches of a list that need another of the list and a reboot between, directly or through others
// of the list, in the list's order.
func rebootPairs(snap *catalog.Snapshot, list []catalog.PatchID) []Pair {
	type need struct {
		patch  catalog.PatchID
		reboot bool // there is one on the way
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

// Split makes of a definition with a list the chain of jobs that its patches need (JOB-14): each holds the patches that
// may be deployed before one reboot, and runs on each asset once that asset verified the one before it. The first keeps
// the definition's id and schedule; the others are its id with "-2", "-3" …, all Disabled. Pre-actions go to the first and
// post-actions to the last. A definition without such pairs is returned alone. The error is an *Invalid: a new id is too long.
func (d Definition) Split(snap *catalog.Snapshot) ([]Definition, error) {
	level := map[catalog.PatchID]int{}
	in := set(d.Patches.List)
	var levelOf func(id catalog.PatchID) int // ends, because the catalog refuses cycles
	levelOf = func(id catalog.PatchID) int {
		if n, known := level[id]; known {
			return n
		}
		n := 0
		patch, _ := snap.Patch(id)
		for _, r := range patch.Requires {
			if _, reaches := snap.Reaches(id, r.Patch); reaches && in[r.Patch] {
				n = max(n, levelOf(r.Patch)+toInt(r.Reboot))
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

func toInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
