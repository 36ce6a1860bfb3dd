package agent

import (
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
)

// Early is the fetching of a queued order's files before its start (JOB-23). It only fills the staging: whether a file may
// be installed is judged in the download stage, where what is staged already is not fetched again.
type Early struct {
	Order   job.OrderID        `json:"order"`
	At      time.Time          `json:"at"`                // UTC: when it begins
	Next    int                `json:"next,omitempty"`    // index of the patch to fetch next
	Waiting execution.EffectID `json:"waiting,omitempty"` // the download awaited; zero: none
}

// earlyIDs is where the effect ids of early downloads begin, far above those an execution of the same order gives out.
const earlyIDs = 1 << 40

// planEarly chooses when to fetch a received order's files: somewhere between now and its start, so that a fleet does not
// fetch at once (JOB-23).
func (m *machine) planEarly(id job.OrderID) {
	i := slices.IndexFunc(m.s.Queue, func(o job.Order) bool { return o.ID == id })
	if i < 0 || !m.s.Queue[i].Early {
		return
	}
	at := m.now.UTC
	if lead := m.s.Queue[i].Start.Sub(at); lead > 0 {
		at = at.Add(spread(lead, string(id)))
	}
	m.s.Early = append(m.s.Early, Early{Order: id, At: at})
}

// fetchEarly begins the next early download, one at a time, and none while an order is being carried out.
func (m *machine) fetchEarly() {
	if m.occupied() != "" || slices.ContainsFunc(m.s.Early, func(e Early) bool { return e.Waiting != 0 }) {
		return
	}
	for i := range m.s.Early {
		e := &m.s.Early[i]
		q := slices.IndexFunc(m.s.Queue, func(o job.Order) bool { return o.ID == e.Order })
		if q < 0 || e.At.After(m.now.UTC) || e.Next >= len(m.s.Queue[q].Patches) {
			continue
		}
		e.Waiting = earlyIDs + execution.EffectID(e.Next)
		m.out.Effects = append(m.out.Effects, Effect{Order: e.Order, Effect: execution.Download{
			ID: e.Waiting, Index: e.Next, Patch: m.s.Queue[q].Patches[e.Next],
		}})
		return
	}
}

// fetchedEarly goes on with the next patch. A download that failed is left to the download stage, which reports it.
func (m *machine) fetchedEarly(id job.OrderID, effect execution.EffectID) {
	for i := range m.s.Early {
		if e := &m.s.Early[i]; e.Order == id && e.Waiting != 0 && e.Waiting == effect {
			e.Waiting = 0
			e.Next++
		}
	}
}

// dropEarly deletes what was fetched of an order that will not run, or not as it was.
func (m *machine) dropEarly(id job.OrderID) {
	had := slices.ContainsFunc(m.s.Early, func(e Early) bool { return e.Order == id })
	if !had {
		return
	}
	m.s.Early = slices.DeleteFunc(m.s.Early, func(e Early) bool { return e.Order == id })
	m.out.Effects = append(m.out.Effects, Effect{Order: id, Effect: execution.Discard{Index: -1}})
}
