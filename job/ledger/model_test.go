package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// content is what a manifest says of the order: version counts how often it changed.
type content struct {
	present, marked bool
	version         int
}

// request is a call, as the network has it.
type request struct {
	held    manifest.Revision
	reports []job.Report
}

// pair is a server with one order and the honest asset that it is for. The
// network between them loses answers and brings requests again, at any time.
type pair struct {
	t       *testing.T
	history []string

	// The server.
	e            ledger.Entry
	r            ledger.Revisions
	now          time.Time
	version      int
	acknowledged job.Sequence
	sealed       map[manifest.Revision]content
	follows      int

	// The asset.
	held     manifest.Revision
	sequence job.Sequence
	unsent   []job.Report
	queued   bool       // it holds the order, and has not begun it
	stage    job.Stage  // of its execution
	over     job.Result // how the order ended there
	deployed bool
	told     bool // that a cancel came too late

	sent []request
}

func (p *pair) check(ok bool, format string, args ...any) {
	if !ok {
		require.Fail(p.t, fmt.Sprintf(format, args...), "%s\n%+v\n%+v", strings.Join(p.history, "\n"), p.e, p.r)
	}
}

// step brings an event to the server's order.
func (p *pair) step(ev ledger.Event) {
	e, out := ledger.Step(p.r, p.e, ev, p.now)
	p.history = append(p.history, fmt.Sprintf("%T%+v: %s", ev, ev, say(p.e, e, out)))
	if out.Revise {
		p.r = p.r.Revise(out.Without)
	}
	if out.Follow {
		p.follows++
	}
	p.check(out.Objection == "", "the server does not understand an honest asset: %s", out.Objection)
	p.e = e
	p.check(e.Validate() == nil, "%v", e.Validate())
	if e.Phase == ledger.Ended && e.Since == 0 {
		p.check(!p.queued && p.stage == 0 && p.over != job.Completed, "the server ends what the asset has (JOB-5)")
	}
}

// answer is the server's half of a call.
func (p *pair) answer(in request) (ack job.Sequence, rev manifest.Revision, c content) {
	for _, rep := range in.reports {
		if rep.Sequence > p.acknowledged {
			p.acknowledged = rep.Sequence
			p.step(ledger.Reported{Report: rep})
		}
	}
	next, silent, ahead := p.r.Heard(manifest.CheckIn{Held: in.held, Reports: in.reports})
	p.check(!ahead, "the asset holds %d", in.held)
	if p.r = next; silent {
		p.step(ledger.NeverHeld{})
	}
	p.r = p.r.Seal(p.now, manifest.Lifetime)
	c = content{present: p.e.Phase == ledger.Open, marked: p.e.Phase == ledger.Open && p.e.Cancelled}
	if c.present {
		c.version = p.version
	}
	if in.held < p.r.Sealed {
		if was, before := p.sealed[p.r.Sealed]; before {
			p.check(was == c, "revision %d has other contents than before: %+v and %+v (MAN-4)", p.r.Sealed, was, c)
		}
		p.sealed[p.r.Sealed] = c
	}
	return p.acknowledged, p.r.Sealed, c
}

// call is a whole call. Lost: its answer is.
func (p *pair) call(lost bool) {
	in := request{p.held, append([]job.Report(nil), p.unsent...)}
	p.sent = append(p.sent, in)
	p.history = append(p.history, fmt.Sprintf("call: held %d, %d reports, answer lost: %v", in.held, len(in.reports), lost))
	ack, rev, c := p.answer(in)
	if lost {
		return
	}
	for len(p.unsent) > 0 && p.unsent[0].Sequence <= ack {
		p.unsent = p.unsent[1:]
	}
	if rev > p.held {
		p.held = rev
		p.apply(c)
	}
}

func (p *pair) report(rep job.Report) {
	p.sequence++
	rep.Sequence, rep.At = p.sequence, p.now
	p.unsent = append(p.unsent, rep)
}

func (p *pair) end(r job.Result) {
	p.queued, p.stage, p.over = false, 0, r
	p.report(job.Report{Result: r})
}

// apply does what a manifest says (MAN-4, JOB-3, JOB-5).
func (p *pair) apply(c content) {
	switch {
	case p.over != 0 && p.over != job.Withdrawn: // its end is on its way
	case !c.present && p.queued:
		p.end(job.Withdrawn)
	case !c.present:
	case c.marked && p.stage >= job.StageDeploy:
		if !p.told {
			p.told = true
			p.report(job.Report{TooLate: p.stage})
		}
	case c.marked:
		p.end(job.Cancelled)
	case p.stage == 0 && !p.queued:
		p.queued, p.over = true, 0
		p.report(job.Report{Progress: job.Received})
	}
}

// act is one thing that the asset does by itself.
func (p *pair) act(random *rand.Rand) {
	switch {
	case p.queued:
		p.queued, p.stage = false, job.StageDownload
		p.report(job.Report{Progress: job.Started})
	case p.stage == job.StageDownload && random.IntN(4) == 0:
		p.end(job.NotApplicable)
	case p.stage == job.StageDownload:
		p.stage, p.deployed = job.StageDeploy, true
		p.report(job.Report{Progress: job.Deploying})
	case p.stage == job.StageDeploy && random.IntN(2) == 0:
		p.stage = job.StageReboot
		p.report(job.Report{Result: job.PendingReboot})
	case p.stage != 0:
		p.end([]job.Result{job.Completed, job.CompletedWithFailures, job.Failed}[random.IntN(3)])
	default:
		return
	}
	p.history = append(p.history, fmt.Sprintf("the asset: stage %v, ended %v", p.stage, p.over))
}

// settle calls until both sides have heard all.
func (p *pair) settle() {
	for n := 0; len(p.unsent) > 0 || p.held < p.r.Sealed || p.r.Due(p.now) || p.r.Without > 0; n++ {
		p.check(n < 10, "the calls never end")
		p.call(false)
	}
	about := fmt.Sprintf("queued %v, stage %v, ended %v", p.queued, p.stage, p.over)
	switch {
	case p.over != 0 && p.over != job.Withdrawn:
		p.check(p.e.Phase == ledger.Ended && p.e.Result == p.over, "both sides know how it ended (invariant 12): %s", about)
	case p.queued:
		p.check(p.e.Phase == ledger.Open && !p.e.Cancelled && p.e.Stage == 0, "the server knows what the asset has: %s", about)
	case p.stage != 0:
		p.check((p.e.Phase == ledger.Open || p.e.Phase == ledger.Gone) && p.e.Stage == p.stage, "the server knows what the asset does: %s", about)
	default:
		p.check(p.e.Phase == ledger.Ended || p.e.Phase == ledger.Waiting || p.e.Phase == 0, "every order ends (invariant 10): %s", about)
	}
}

// Whatever the administrator does, and whatever the network does to the calls
// of an honest asset, server and asset come to know the same of an order. No
// report is refused, nothing that the asset has is ended behind its back, a
// manifest that is sealed again is the same, and a cancelled or withdrawn order
// did not run (JOB-3, JOB-5, MAN-4, MAN-6).
func TestServerAndAssetAgree_JOB3_JOB5_MAN4_MAN6(t *testing.T) {
	reached := map[string]int{}
	for seed := range uint64(4000) {
		random := rand.New(rand.NewPCG(seed, 1))
		p := &pair{t: t, e: none, now: t0, sealed: map[manifest.Revision]content{}, history: []string{fmt.Sprint("seed ", seed)}}
		p.step(ledger.Made{Start: t0})
		for range 8 + random.IntN(24) {
			p.now = p.now.Add(time.Minute)
			switch random.IntN(16) {
			case 0, 1, 2, 3:
				p.call(false)
			case 4, 5:
				p.call(true)
			case 6:
				if len(p.sent) > 0 {
					in := p.sent[random.IntN(len(p.sent))]
					p.history = append(p.history, fmt.Sprintf("an earlier request comes again: held %d, %d reports", in.held, len(in.reports)))
					p.answer(in)
				}
			case 7, 8:
				p.act(random)
			case 9, 10:
				if !p.e.Fixed() {
					p.version++
				}
				p.step(ledger.Made{Start: t0})
			case 11:
				p.step(ledger.MadeEmpty{Result: job.NotApplicable})
			case 12:
				if p.e.Trimmable() {
					p.version++
				}
				p.step(ledger.Trimmed{Empty: random.IntN(3) == 0})
			case 13:
				p.step(ledger.Withdrawn{})
			case 14:
				if random.IntN(3) == 0 {
					p.step(ledger.CancelAsked{})
				}
			case 15:
				p.step(ledger.Missed{})
			}
		}
		p.settle()
		for p.queued || p.stage != 0 {
			p.act(random)
		}
		p.settle()
		switch p.e.Result {
		case job.Cancelled:
			p.check(!p.deployed, "cancelled, and deployed (JOB-3)")
		case job.Withdrawn:
			p.check(p.sequence == 0 || p.over == job.Withdrawn || p.over == 0, "withdrawn, and ended as %v", p.over)
			p.check(!p.deployed, "withdrawn, and deployed (JOB-5)")
		}
		p.check(p.e.Phase == ledger.Ended, "nothing is left to come")
		p.check(p.follows > 0 == p.e.Succeeded() || p.e.Result != job.Completed, "a job after it starts when it succeeds (JOB-19)")
		reached[fmt.Sprint(p.e.Result, p.e.Since == 0, p.e.Cancelled)]++
	}
	require.Greater(t, len(reached), 12, "%v", reached)
}
