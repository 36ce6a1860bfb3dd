package job

import (
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// Identities. An ID and an AssetID are what ValidID accepts; the other two are made of them.
type (
	ID      string // of a job
	AssetID string // of an asset
	RunID   string // of one occurrence of a job: the ID, "@" and the start as 20060102T150405Z, or a local one without the Z
	OrderID string // of a run on one asset: the RunID, "/" and the AssetID
)

// ValidID says why s cannot be the identity of a job or an asset; nil if it can. The error is an *Invalid.
// Identities go into file names, keys and URLs: letters, digits and . _ - + ~ only,
// not beginning with a dot, 1 to MaxID bytes.
func ValidID(s string) error {
	var l problem.List
	checkID(&l, "", s)
	return l.Err("identity")
}

// Formats of the two kinds of run ids.
const (
	instantStamp = "20060102T150405Z"
	localStamp   = "20060102T150405"
)

// MakeRunID names the run of a job that starts at an instant. Definition.Run names any run.
func MakeRunID(id ID, start time.Time) RunID {
	return RunID(string(id) + "@" + start.UTC().Format(instantStamp))
}

// MakeOrderID names the order of a run on an asset.
func MakeOrderID(run RunID, asset AssetID) OrderID {
	return OrderID(string(run) + "/" + string(asset))
}

// Job returns the job that the run belongs to: what is before the first "@". It is empty when there is none.
func (r RunID) Job() ID {
	id, _, ok := strings.Cut(string(r), "@")
	if !ok {
		return ""
	}
	return ID(id)
}

// Run returns the run that the order belongs to: what is before the first "/". It is empty when there is none.
func (o OrderID) Run() RunID {
	run, _, ok := strings.Cut(string(o), "/")
	if !ok {
		return ""
	}
	return RunID(run)
}

// Asset returns the asset that the order is for: what is after the first "/". It is empty when there is none.
func (o OrderID) Asset() AssetID {
	_, asset, _ := strings.Cut(string(o), "/")
	return AssetID(asset)
}

// checkRun checks that a run belongs to a job, and that it can begin at start: a run named by an instant begins there or
// within the longest spread. One named by a local time says nothing without the zone.
func checkRun(l *problem.List, field string, run RunID, id ID, start time.Time) {
	stamp, ok := strings.CutPrefix(string(run), string(id)+"@")
	if !ok {
		l.Add(field, string(run), "is no run of this job; want the job, \"@\" and the start, as %s", MakeRunID(id, start))
		return
	}
	if t, err := time.Parse(localStamp, stamp); err == nil && t.Format(localStamp) == stamp {
		return
	}
	t, err := time.Parse(instantStamp, stamp)
	if err != nil || t.Format(instantStamp) != stamp {
		l.Add(field, string(run), "has no start that can be read; want the job, \"@\" and the start, as %s", MakeRunID(id, start))
		return
	}
	if late := start.Truncate(time.Second).Sub(t); late < 0 || late >= schedule.MaxSpread {
		l.Add(field, string(run), "is not the run of this job and start; want %s, or a start less than %v before",
			MakeRunID(id, start), schedule.MaxSpread)
	}
}
