package job

import "time"

func (p *problems) schedule(s Schedule) {
	switch s.Kind {
	case OnDemand:
		if !s.At.IsZero() {
			p.add("schedule.at", s.At.Format(time.RFC3339), "an on-demand job starts when it is enabled; leave the time out (JOB-20)")
		}
	case Once:
		if s.At.IsZero() {
			p.add("schedule.at", "", "a job that runs once needs a start (JOB-20)")
		} else if s.At.Year() < 1970 || s.At.Year() > 9999 {
			p.add("schedule.at", s.At.String(), "is no year between 1970 and 9999 (JOB-20)")
		}
	default:
		p.add("schedule.kind", s.Kind.String(), "is no kind of schedule; use \"on demand\" or \"once\" (JOB-20)")
	}
}

// Next returns the first start after the instant after, of a job enabled at enabled; ok is false when there is none (JOB-9).
// Starts are UTC, in whole seconds.
func (s Schedule) Next(enabled, after time.Time) (start time.Time, ok bool) {
	switch s.Kind {
	case OnDemand:
		start = enabled
	case Once:
		start = s.At
	default:
		return time.Time{}, false
	}
	start = start.UTC().Truncate(time.Second)
	return start, start.After(after)
}

// MakeRunID names the run of a job that starts at start.
func MakeRunID(id ID, start time.Time) RunID {
	return RunID(string(id) + "@" + start.UTC().Format("20060102T150405Z"))
}

// MakeOrderID names the order of a run on an asset.
func MakeOrderID(run RunID, asset AssetID) OrderID {
	return OrderID(string(run) + "/" + string(asset))
}
