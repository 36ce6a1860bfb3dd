package agent

import (
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/execution"
)

// Early is the download of a queued order's files before its start (JOB-23).
// The files are judged in the download stage, which does not download again
// what is staged.
type Early struct {
	Order   job.OrderID `json:"order"`
	At      time.Time   `json:"at"`                // UTC: when it begins
	Next    int         `json:"next,omitempty"`    // index of the patch to download next
	Waiting bool        `json:"waiting,omitempty"` // its download is under way
}

// planEarly chooses when to download a received order's files, between now and
// its start, so that not all of a fleet downloads at once (JOB-23).
func (m *machine) planEarly(id job.OrderID) {
	i := slices.IndexFunc(m.s.Queue, func(o job.Order) bool { return o.ID == id })
	if i < 0 || !m.s.Queue[i].Early || m.obstacle(m.s.Queue[i]).Text != "" {
		return
	}
	at := m.now.UTC
	if lead := m.s.Queue[i].Start.Sub(at); lead > 0 {
		at = at.Add(spread(lead, string(id)))
	}
	m.s.Early = append(m.s.Early, Early{Order: id, At: at})
}

// downloadEarly begins the next early download. Only one runs at a time, and
// none while another order runs, or while its own could not start (MAN-5,
// INT-10).
func (m *machine) downloadEarly() {
	if slices.ContainsFunc(m.s.Early, func(e Early) bool { return e.Waiting }) {
		return
	}
	for i := range m.s.Early {
		e := &m.s.Early[i]
		q := slices.IndexFunc(m.s.Queue, func(o job.Order) bool { return o.ID == e.Order })
		if q < 0 || e.At.After(m.now.UTC) || e.Next >= len(m.s.Queue[q].Patches) || m.blocked(m.s.Queue[q]) != "" || m.obstacle(m.s.Queue[q]).Text != "" {
			continue
		}
		e.Waiting = true
		m.do(DownloadEarly{Order: e.Order, Index: e.Next, Patch: m.s.Queue[q].Patches[e.Next]})
		return
	}
}

// step goes on with the next patch. A failed download is tried
// again, and reported, in the download stage.
func (ev DownloadedEarly) step(m *machine) {
	for i := range m.s.Early {
		if e := &m.s.Early[i]; e.Order == ev.Order && e.Waiting && e.Next == ev.Index {
			e.Waiting = false
			e.Next++
		}
	}
}

// dropEarly deletes the early downloads of an order that ended or changed.
func (m *machine) dropEarly(id job.OrderID) {
	kept := slices.DeleteFunc(m.s.Early, func(e Early) bool { return e.Order == id })
	if len(kept) < len(m.s.Early) {
		m.do(Execute{Order: id, Effect: execution.Discard{Index: -1}})
	}
	m.s.Early = kept
}
