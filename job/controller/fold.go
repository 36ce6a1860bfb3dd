package controller

import (
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// reportsRecord is how far an asset's reports are accepted, and what was odd about them.
type reportsRecord struct {
	Acknowledged job.Sequence `json:"acknowledged"`
	AnomalyCount int          `json:"anomalyCount,omitempty"`
	Anomalies    []Anomaly    `json:"anomalies,omitempty"` // the newest MaxAnomalies, oldest first
	Refused      *Refusal     `json:"refused,omitempty"`
}

// Anomaly is something an asset said that makes no sense.
type Anomaly struct {
	At       time.Time    `json:"at"`                 // when it came
	Sequence job.Sequence `json:"sequence,omitempty"` // of the report; zero: not in a report
	Order    job.OrderID  `json:"order,omitempty"`
	Text     string       `json:"text"`
}

// Refusal tells of a manifest that an asset refused (MAN-5).
type Refusal struct {
	At   time.Time `json:"at"` // when the report came
	Text string    `json:"text"`
}

func (r *reportsRecord) anomaly(a Anomaly) {
	r.AnomalyCount++
	r.Anomalies = append(r.Anomalies[max(0, len(r.Anomalies)+1-MaxAnomalies):len(r.Anomalies):len(r.Anomalies)], a)
}

// fresh says whether some of the reports can be accepted now.
func fresh(reports []job.Report, acknowledged job.Sequence) bool {
	n := len(reports) // numbered without gaps
	return n > 0 && reports[n-1].Sequence > acknowledged
}

// fold accepts the reports behind the acknowledged one (MAN-6) and folds each into its order.
func (c *Controller) fold(w Writer, in manifest.CheckIn, to *reportsRecord, now time.Time) error {
	if !fresh(in.Reports, to.Acknowledged) {
		return nil
	}
	for _, rep := range in.Reports {
		if rep.Sequence <= to.Acknowledged {
			continue
		}
		if lost := to.Acknowledged + 1; rep.Sequence > lost {
			// An agent forgets only what was acknowledged: the store was put back. Waiting would be for ever.
			to.anomaly(Anomaly{At: now, Sequence: rep.Sequence, Text: fmt.Sprintf("reports %d to %d are not known here any more", lost, rep.Sequence-1)})
		}
		to.Acknowledged = rep.Sequence
		if rep.Refused != "" && rep.Progress == 0 && rep.Result == 0 && rep.TooLate == 0 {
			to.Refused = &Refusal{At: now, Text: problem.Clip(rep.Refused, MaxText)}
			continue
		}
		odd, err := c.foldOrder(w, in.Asset, rep, now)
		if err != nil {
			return fmt.Errorf("report %d of asset %s: %w", rep.Sequence, in.Asset, err)
		}
		if odd != "" {
			to.anomaly(Anomaly{At: now, Sequence: rep.Sequence, Order: job.OrderID(problem.Clip(string(rep.Order), 3*job.MaxID)), Text: problem.Clip(odd, MaxText)})
		}
	}
	return nil
}

// foldOrder folds one report into its order. Odd says why it makes no sense and was not folded; empty: it was.
func (c *Controller) foldOrder(w Writer, asset job.AssetID, rep job.Report, now time.Time) (odd string, err error) {
	run := rep.Order.Run()
	if _, err := runKey(run); err != nil || rep.Order.Asset() != asset {
		return "it names no order of this asset", nil
	}
	o, found, err := load[orderRecord](w, tableOrders, key(string(run), string(asset)))
	if err != nil {
		return "", err
	}
	if o.Again && !o.Retracted && rep.Result == job.Withdrawn {
		o.Again = false // of the withdrawal before
		return "", saveOrder(w, run, o)
	}
	if odd := senseless(rep, o, found); odd != "" {
		return odd, nil
	}
	o.At, o.Text, o.Reboots = reportTime(rep.At, now), problem.Clip(rep.Text, MaxText), max(o.Reboots, min(rep.Reboots, 1000))
	switch {
	case rep.Progress != 0:
		o.Progress = rep.Progress
		if stage := stageOf(rep.Progress); o.Stage != 0 || rep.Progress != job.Downloading && rep.Progress != job.Downloaded {
			o.Stage = max(o.Stage, stage)
		} // else an early download: the execution has not started (JOB-23)
		return "", saveOrder(w, run, o)
	case rep.TooLate != 0:
		o.TooLate, o.Stage = rep.TooLate, max(o.Stage, rep.TooLate)
		if err := unmark(w, tableCancels, string(run), string(asset)); err != nil {
			return "", err
		}
		return "", saveOrder(w, run, o)
	}
	if odd, err := foldOutcomes(w, run, o, rep); odd != "" || err != nil {
		return odd, err
	}
	switch rep.Result {
	case job.PendingReboot:
		o.Result, o.Stage = rep.Result, max(o.Stage, job.StageReboot)
		if err := mark(w, tableReboots, string(asset), string(run)); err != nil {
			return "", err
		}
		return "", saveOrder(w, run, o)
	case job.PendingVerification:
		o.Result, o.Stage = rep.Result, max(o.Stage, job.StageDeploy)
		if err := unmark(w, tableReboots, string(asset), string(run)); err != nil {
			return "", err
		}
		return "", saveOrder(w, run, o)
	default:
		if rep.Result != job.Withdrawn && rep.Result != job.Cancelled {
			o.Stage = job.StageDone
		}
		if err := finish(w, run, o, rep.Result, now, false); err != nil {
			return "", err
		}
		o.Result, o.Ended = rep.Result, now
		if !o.succeeded() {
			return "", nil
		}
		m, err := c.maker(w, now)
		if err != nil {
			return "", err
		}
		return "", m.passed(run, asset)
	}
}

// senseless says what is wrong with a report given what is known of its order.
func senseless(rep job.Report, o orderRecord, found bool) string {
	said := 0
	for _, set := range []bool{rep.Progress != 0, rep.Result != 0, rep.TooLate != 0, rep.Refused != ""} {
		if set {
			said++
		}
	}
	switch {
	case said != 1:
		return fmt.Sprintf("it says %d things; want one", said)
	case !found || o.Waiting:
		return "there is no such order"
	case o.ended():
		return fmt.Sprintf("the order had ended (%v)", o.Result)
	case !known(rep.Progress) || !known(rep.Result) || !known(rep.TooLate):
		return "it uses a word that is not known"
	case rep.TooLate != 0 && !o.Cancelled:
		return "it says too late for a cancel, and none was asked for"
	case rep.TooLate == job.StageDownload:
		return "it says too late for a cancel in the download stage (JOB-3)"
	case rep.Result == job.Cancelled && !o.Cancelled:
		return "it says Cancelled, and no cancel was asked for"
	case rep.Result == job.Cancelled && (o.TooLate != 0 || o.Stage >= job.StageDeploy):
		return "it says Cancelled after the deploy stage began (JOB-4)"
	case rep.Result == job.Withdrawn && !o.Retracted:
		return "it says Withdrawn, and the order was not"
	default:
		return ""
	}
}

func known[E interface{ MarshalText() ([]byte, error) }](e E) bool {
	_, err := e.MarshalText()
	return err == nil
}

// stageOf is the stage that has begun when an asset reports a progress step; zero: none.
func stageOf(p job.Progress) job.Stage {
	switch p {
	case job.Started, job.Downloading, job.Downloaded, job.Resumed:
		return job.StageDownload
	case job.Deploying:
		return job.StageDeploy
	case job.Rebooting:
		return job.StageReboot
	default: // Received, Blocked
		return 0
	}
}

// reportTime is when an asset says something happened, if that can be: reports are made before they come.
func reportTime(at, now time.Time) time.Time {
	if at.Year() < 1970 || at.After(now) {
		return now
	}
	return instant(at)
}
