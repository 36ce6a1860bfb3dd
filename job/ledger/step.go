package ledger

import (
	"fmt"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
)

// Out is what to carry out in the transaction that stores the new entry, in
// this order.
type Out struct {
	Revise       bool   // give the asset's manifest the next number: see [Revisions.Revise]
	Without      bool   // with Revise: an order was taken out that the asset may hold
	KeepOutcomes bool   // store what the report says about each patch: see [Outcomes.Report]
	Follow       bool   // start the jobs that run on this asset after this one (JOB-19)
	Recount      bool   // compute again the share of the run's assets that succeeded: this one did, or no longer counts (JOB-19)
	Objection    string // why the report makes no sense, and changed nothing; empty: it does
}

// Step takes the entry one event further. It depends on its arguments only. An
// event that does not concern the entry changes nothing. An entry in a phase or
// stage that this release does not know stays as a later release wrote it
// (MAN-11).
//
// R holds the revisions of the entry's asset before the step. At is the
// server's clock, UTC.
func Step(r Revisions, e Entry, ev Event, at time.Time) (Entry, Out) {
	if ev == nil || e.Phase == enum.Unknown || e.Stage == enum.Unknown {
		return e, Out{}
	}
	m := machine{Entry: e, r: r, at: at}
	ev.step(&m)
	m.Again = m.Again && m.Phase == Gone
	if m.Phase != Open {
		m.Slot = time.Time{}
	}
	_, removed := ev.(AssetRemoved)
	m.out.Recount = m.Succeeded() && !e.Succeeded() || e.Counts() && (removed || !m.Counts())
	return m.Entry, m.out
}

// machine is one step in progress.
type machine struct {
	Entry
	r   Revisions
	at  time.Time
	out Out
}

// held reports whether the asset may hold the order and has not reported its
// end.
func (m *machine) held() bool { return m.Phase != Ended && m.Held(m.r.Sealed) }

func (Awaited) step(m *machine) {
	switch {
	case m.Fixed():
	case (m.Phase == Open || m.Phase == Gone) && m.held():
		m.withdraw()
		m.Again = true
	default:
		m.Entry = Entry{Run: m.Run, Asset: m.Asset, Phase: Waiting}
	}
}

func (ev Made) step(m *machine) {
	if m.Fixed() {
		return
	}
	next := Entry{Run: m.Run, Asset: m.Asset, Phase: Open, Start: ev.Start.UTC().Round(0), Since: m.r.next(), Dropped: ev.Dropped, Grant: ev.Grant}
	if m.held() { // the asset may hold the earlier order
		next.Since, next.Stale = m.Since, m.Phase == Gone || m.Stale
	}
	m.Entry = next
	m.out.Revise = true
}

func (ev MadeEmpty) step(m *machine) {
	switch {
	case m.Fixed():
	case m.held(): // the asset reports what it did with the earlier order
		m.withdraw()
	default:
		m.Entry = Entry{Run: m.Run, Asset: m.Asset, Dropped: ev.Dropped}
		m.endHere(ev.Result, ev.Text)
		m.out.Follow = m.Succeeded()
	}
}

func (ev Trimmed) step(m *machine) {
	switch {
	case !m.Trimmable():
	case ev.Empty:
		m.withdraw()
	default:
		m.out.Revise = true
	}
}

func (Withdrawn) step(m *machine) {
	if !m.Cancelled {
		m.withdraw()
	}
}

func (ev Recalled) step(m *machine) {
	if !m.Cancelled && m.Stage == 0 && (m.Phase == Open || ev.All) {
		m.withdraw()
	}
}

// withdraw takes an order out of the manifest, whatever the server believes
// that the agent has begun: an agent that does not hold it never gets it again,
// and one that started it goes on (JOB-5). If the asset never received it, it
// ends; otherwise the asset reports what it did.
func (m *machine) withdraw() {
	switch {
	case m.Phase != Waiting && m.Phase != Open:
	case !m.Slot.IsZero(): // it has begun, and the manifest is what gives it the slot
	case m.Doubtful: // it stays, and never starts, until the asset has reported its end
	case !m.held():
		m.endHere(job.Withdrawn, "")
	default:
		m.Phase, m.Retracted = Gone, true
		m.out.Revise, m.out.Without = true, true
	}
}

func (CancelAsked) step(m *machine) {
	switch {
	case m.Phase == 0 || m.Phase == Ended || m.Cancelled || m.Stage >= job.StageDeploy:
	case !m.held():
		m.Cancelled = true
		m.endHere(job.Cancelled, "")
	default:
		// A withdrawn order goes back into the manifest, marked: its
		// execution may have started before the withdrawal came.
		m.Cancelled, m.Phase = true, Open
		m.out.Revise = true
	}
}

func (Missed) step(m *machine) {
	if m.Phase == Open && !m.Cancelled && !m.held() {
		m.endHere(job.TimedOut, "a newer run of the job is due")
	}
}

func (ev NeverHeld) step(m *machine) {
	switch {
	case m.Phase != Gone || m.Stage != 0:
	case m.Again:
		m.Entry = Entry{Run: m.Run, Asset: m.Asset, Phase: Waiting}
	default:
		m.endHere(job.Withdrawn, "withdrawn before the asset received it")
		if ev.Unsure || m.r.PutBack { // a later report on the order replaces this
			m.Lost = true
			m.Text = "withdrawn; whether the asset had begun it is no longer known"
		}
	}
}

// step ends an order whose asset was removed. If that asset may hold it, its
// later report replaces the result.
func (ev AssetRemoved) step(m *machine) {
	switch {
	case m.Phase == 0 || m.Phase == Ended:
		return
	case !m.held():
		m.endHere(job.Withdrawn, "the asset was removed")
		return
	case m.Phase == Open:
		m.out.Revise, m.out.Without = true, true
	}
	m.Phase, m.Lost, m.Former, m.Stale, m.Ended = Ended, true, ev.Key, false, m.at
	m.Result, m.Text = job.Withdrawn, "the asset was removed before it reported that it began this"
	if m.Stage != 0 {
		m.Result, m.Text = job.Failed, "the asset was removed before it reported how this ended"
	}
}

// step ends an order that the server knows to have begun: the agent no
// longer knows it, and must not start it again. If the agent does know it,
// because its state was put back, its result replaces this one.
func (StateLost) step(m *machine) {
	if m.Stage == 0 || m.Phase != Open && m.Phase != Gone {
		return
	}
	if m.Phase == Open {
		m.out.Revise = true
	}
	m.Phase, m.Lost, m.Result, m.Ended = Ended, true, job.Failed, m.at
	m.Text = "the agent lost its state; what it did is not known"
}

// found goes on with an order that counted as lost: the agent knows it after
// all, for example because two computers called as the same asset (MAN-9).
func (m *machine) found() {
	m.Phase, m.Lost, m.Result, m.Ended, m.Text, m.Retracted = Gone, false, 0, time.Time{}, "", true
	m.Since = max(m.Since, 1) // it was handed out at some time
	if m.Cancelled {
		m.Phase = Open
		m.out.Revise = true
	}
}

// step marks an order that is known to have begun: the agent may have
// lost it since, and must not start it again.
func (ServerPutBack) step(m *machine) {
	if m.Phase == Gone && m.Stage != 0 || m.Phase == Open && m.Stage != 0 && !m.Doubtful {
		m.Phase, m.Doubtful = Open, true // it never starts, so it may be in the manifest
		m.out.Revise = true
	}
}

// step puts an order that left the manifest back, marked as begun, because the
// manifest says that the asset may go down.
func (ev Slotted) step(m *machine) {
	put := m.Phase == Gone && !ev.Until.IsZero()
	if until := ev.Until.UTC().Round(0); m.Stage == job.StageReboot && (put || m.Phase == Open && !m.Slot.Equal(until)) {
		m.Phase, m.Slot, m.Doubtful = Open, until, m.Doubtful || put
		m.out.Revise = true
	}
}

// endHere ends an order without the asset, which does not hold it.
func (m *machine) endHere(r job.Result, text string) {
	m.Phase, m.Since, m.Result, m.Ended = Ended, 0, r, m.at
	if text != "" {
		m.Text = problem.Clip(text, MaxText)
	}
}

func (ev Reported) step(m *machine) {
	rep := ev.Report
	if rep.TooLate == enum.Unknown { // whatever stage it is, the deploy stage has begun
		rep.TooLate = max(m.Stage, job.StageDeploy)
		ev.Report = rep
	}
	lost := m.Lost && (!final(rep.Result) || rep.Result == job.Withdrawn)
	switch {
	case ev.Former != m.Former:
		m.out.Objection = "it is about an order of another computer with this name"
		return
	case m.Stale && !m.Retracted && rep.Result == job.Withdrawn:
		m.Stale = false // it is about the withdrawal before the order was made again
		return
	case m.Again && m.Stage != 0 && rep.Result == job.Withdrawn: // from a copy that did not begin it (MAN-9)
		return
	case lost && (!ev.Live || final(rep.Result) || m.Former != "" || m.Stage >= job.StageDone): // only its end says more
		return
	}
	if m.out.Objection = m.objection(ev); m.out.Objection != "" {
		return
	}
	if lost {
		m.found()
	}
	m.At, m.Text, m.Reboots = reportTime(rep.At, m.at), problem.Clip(rep.Text, MaxText), max(m.Reboots, min(rep.Reboots, maxReboots))
	stage, asked := m.Stage, rep.Progress == job.Rebooting && m.Progress != job.Rebooting
	switch {
	case rep.Progress != 0:
		m.Progress = rep.Progress
		if rep.Progress == job.Deploying && m.Result == job.PendingVerification { // it goes on after a recheck (JOB-17)
			m.Result = 0
		}
		// Before the execution starts, downloads are early and no stage
		// has begun (JOB-23).
		if early := m.Stage == 0 && (rep.Progress == job.Downloading || rep.Progress == job.Downloaded); !early {
			m.Stage = max(m.Stage, stageOf(rep.Progress))
		}
	case rep.TooLate != 0:
		m.TooLate, m.Stage = rep.TooLate, max(m.Stage, rep.TooLate)
	case rep.Result == job.PendingReboot:
		m.Result, m.Stage = rep.Result, max(m.Stage, job.StageReboot)
		m.out.KeepOutcomes = true
	case rep.Result == job.PendingVerification:
		m.Result, m.Stage = rep.Result, max(m.Stage, job.StageDeploy)
		m.out.KeepOutcomes = true
	case rep.Result == enum.Unknown: // it ended; a later report with a known result replaces this (MAN-11)
		m.end(job.Failed)
		m.Lost = m.Phase == Ended
	default:
		m.end(rep.Result)
	}
	switch {
	case m.Phase == Ended:
		m.Began = time.Time{}
	case m.Stage != stage || asked:
		m.Began = m.At
	}
}

// end takes in the final result.
func (m *machine) end(r job.Result) {
	if r == job.Withdrawn && m.Again {
		m.Entry = Entry{Run: m.Run, Asset: m.Asset, Phase: Waiting}
		return
	}
	if m.Phase == Open {
		m.out.Revise = true
	}
	if r != job.Withdrawn && r != job.Cancelled {
		m.Stage = job.StageDone
	}
	m.Phase, m.Lost, m.Result, m.Ended = Ended, false, r, m.at
	m.out.KeepOutcomes, m.out.Follow = true, m.Succeeded()
}

// objection says what is wrong with a report, given what is known about the
// order; empty: nothing.
func (m *machine) objection(ev Reported) string {
	rep, said := ev.Report, 0
	for _, set := range []bool{rep.Progress != 0, rep.Result != 0, rep.TooLate != 0, rep.Refused != ""} {
		if set {
			said++
		}
	}
	switch {
	case said != 1:
		return fmt.Sprintf("it says %d things; want one", said)
	case m.Phase == 0 || m.Phase == Waiting:
		return "there is no such order"
	case m.Phase == Ended && !m.Lost:
		return fmt.Sprintf("the order had ended (%v)", m.Result)
	case rep.Refused != "" || !known(rep.Progress) || !known(rep.Result) || !known(rep.TooLate):
		return "it uses a word that is not known"
	case rep.TooLate != 0 && !m.Cancelled:
		return "it says too late for a cancel, and none was asked for"
	case rep.TooLate == job.StageDownload || rep.TooLate == job.StageDone:
		return fmt.Sprintf("it says too late for a cancel in the stage %v (JOB-3)", rep.TooLate)
	case rep.Result == job.Cancelled && !m.Cancelled && !rep.Again && !m.r.PutBack: // a restored server may have forgotten the cancel
		return "it says Cancelled, and no cancel was asked for"
	case rep.Result == job.Cancelled && (m.TooLate != 0 || m.Stage >= job.StageDeploy):
		return "it says Cancelled after the deploy stage began (JOB-4)"
	case rep.Result == job.Withdrawn && !m.Retracted:
		return "it says Withdrawn, and the order was not"
	case rep.Result != 0 && ev.Foreign != "":
		return fmt.Sprintf("it names patch %q, which the order does not", problem.Clip(string(ev.Foreign), MaxName))
	case rep.Result != 0:
		return badOutcome(rep.Patches)
	default:
		return ""
	}
}

// known reports whether a value can be written and read; [enum.Unknown] can.
func known[E interface{ MarshalText() ([]byte, error) }](e E) bool {
	_, err := e.MarshalText()
	return err == nil
}

// stageOf returns the stage that has begun when an asset reports a progress
// step; zero: none.
func stageOf(p job.Progress) job.Stage {
	switch p {
	case job.Started, job.Downloading, job.Downloaded, job.Resumed:
		return job.StageDownload
	case job.Deploying:
		return job.StageDeploy
	case job.Rebooting:
		return job.StageReboot
	default: // Received, Blocked, and unknown steps
		return 0
	}
}

// reportTime returns when an asset says that something happened, or now if that
// cannot be: reports are made before they arrive.
func reportTime(at, now time.Time) time.Time {
	at = at.UTC()
	if at.Year() < 1970 || at.After(now) {
		return now
	}
	return at.Truncate(time.Microsecond)
}
