package fleet

import (
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job/deadline"
)

// Exposure describes how long assets stayed vulnerable, as if the patches fixed
// a vulnerability of the worst kind that became known when the job was enabled.
type Exposure struct {
	Due     time.Time `json:"due"`     // by CISA BOD 26-04 (DUE-1)
	Days    int       `json:"days"`    // without the patches, of all assets together, until the end of the run
	Overdue []Overdue `json:"overdue"` // when it was due; empty if the run ends before
}

// Overdue counts the assets that were overdue for one cause (DUE-5).
type Overdue struct {
	Cause  deadline.Cause `json:"cause"`
	Assets int            `json:"assets"`
}

// causes says why an asset in a stage does not have the patches yet.
var causes = map[RolloutStage]deadline.Cause{
	StageNone: deadline.NotReached, StageQueued: deadline.NoWindow, StageDownload: deadline.NoWindow, StageDeploy: deadline.NoWindow,
	StageReboot: deadline.PendingReboot, StageFailed: deadline.Failed, StageCancelled: deadline.Cancelled,
}

func exposure(rollout []Rollout, rings []Ring) Exposure {
	known := since(Enabled)
	worst := deadline.Facts{Exploited: catalog.Yes, Listed: known, Automatable: catalog.Yes, TotalImpact: catalog.Yes, Published: known}
	e := Exposure{Due: deadline.Decide(deadline.BOD2604(), worst, deadline.Asset{Exposed: catalog.Yes, Missing: known}, known).Due, Overdue: []Overdue{}}
	var left time.Duration
	var late [deadline.NoJob + 1]int
	for _, at := range rollout {
		for stage, cause := range causes {
			n := at.Stages[stage-1]
			if !at.At.Before(known) {
				left += time.Duration(n) * RolloutStep
			}
			if at.At.Equal(e.Due) {
				late[cause] += n
			}
		}
	}
	e.Days = int(left / day)
	for _, r := range rings { // whose turn has not come
		if at := int(e.Due.Sub(known) / RingStep); at < len(r.Counts) && sum(late[:]) > 0 {
			late[deadline.NotReached] -= r.Counts[at].Waiting
			late[deadline.HeldBack] += r.Counts[at].Waiting
		}
	}
	for cause, n := range late {
		if n > 0 {
			e.Overdue = append(e.Overdue, Overdue{deadline.Cause(cause), n})
		}
	}
	return e
}
