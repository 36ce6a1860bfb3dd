package job

import (
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Identities. [ValidID] says what an ID and an AssetID can be; the others are
// built from them.
type (
	ID      string // of a job
	AssetID string // of an asset
	RunID   string // of one occurrence of a job: the ID, "@" and the start as 20060102T150405Z, or a local one without the Z
	OrderID string // of a run on one asset: the RunID, "/" and the AssetID
)

// ValidID says why s cannot be the identity of a job or an asset; nil if it
// can. Identities are used in file names, keys and URLs: 1 to [MaxID] letters,
// digits and . _ - + ~, not beginning with a dot. The error is an *Invalid.
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

// MakeRunID returns the id of a job's run that starts at an instant.
// [Definition.Run] names any run.
func MakeRunID(id ID, start time.Time) RunID {
	return RunID(string(id) + "@" + start.UTC().Format(instantStamp))
}

// MakeOrderID returns the id of a run's order on an asset.
func MakeOrderID(run RunID, asset AssetID) OrderID {
	return OrderID(string(run) + "/" + string(asset))
}

// Job returns the job of the run: the text before the first "@", empty if there
// is none.
func (r RunID) Job() ID {
	id, _, ok := strings.Cut(string(r), "@")
	if !ok {
		return ""
	}
	return ID(id)
}

// Run returns the run of the order: the text before the first "/", empty if
// there is none.
func (o OrderID) Run() RunID {
	run, _, ok := strings.Cut(string(o), "/")
	if !ok {
		return ""
	}
	return RunID(run)
}

// Asset returns the asset of the order: the text after the first "/", empty if
// there is none.
func (o OrderID) Asset() AssetID {
	_, asset, _ := strings.Cut(string(o), "/")
	return AssetID(asset)
}

// checkRun checks that a run belongs to a job and can begin at start. A run
// named by an instant begins there or within the longest spread. A run named by
// a local time needs its zone to say.
func checkRun(l *problem.List, field string, run RunID, id ID, start time.Time) {
	stamp, ok := strings.CutPrefix(string(run), string(id)+"@")
	if !ok {
		l.Add(field, string(run), "is not a run of this job; use the job, \"@\" and the start, as %s", MakeRunID(id, start))
		return
	}
	if t, err := time.Parse(localStamp, stamp); err == nil && t.Format(localStamp) == stamp {
		return
	}
	t, err := time.Parse(instantStamp, stamp)
	if err != nil || t.Format(instantStamp) != stamp {
		l.Add(field, string(run), "has no readable start; use the job, \"@\" and the start, as %s", MakeRunID(id, start))
		return
	}
	if late := start.Truncate(time.Second).Sub(t); late < 0 || late >= MaxStartWait {
		l.Add(field, string(run), "is not the run of this start; use %s, or a start less than %v before it",
			MakeRunID(id, start), MaxStartWait)
	}
}

// Problem is one thing that is wrong with a value. Field says where, as
// "reboot.interval" or "patches.list[3]"; empty: the whole value.
type Problem = problem.Problem

// Invalid is the error of everything in this package that validates or parses.
// It lists every problem, not only the first.
type Invalid = problem.Invalid

func checkID(l *problem.List, field, s string) {
	switch {
	case s == "":
		l.Add(field, "", "is empty; give it a name")
	case len(s) > MaxID:
		l.Add(field, s, "has %d bytes; at most %d are allowed", len(s), MaxID)
	case s[0] == '.':
		l.Add(field, s, "begins with a dot; begin with a letter or a digit")
	default:
		for _, bad := range strings.TrimLeft(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+~") {
			l.Add(field, s, "has the character %q; use letters, digits and . _ - + ~", bad)
			return
		}
	}
}

func checkText(l *problem.List, field, s string) { l.Text(field, s, MaxText) }
