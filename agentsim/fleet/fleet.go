package fleet

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/problem"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/ledger"
	"github.com/patchpolicy/patchpolicy/job/rollout"
)

// Run simulates a fleet. The error is a *job.Invalid of [Config.Validate], a
// [watch.Broken], or the context's.
func Run(ctx context.Context, cfg Config) (Result, error) {
	if err := cfg.Validate(); err != nil {
		return Result{}, err
	}
	cfg = cfg.WithDefaults()
	all := &whole{scene: newScene(), cfg: cfg, tally: newTally(time.Duration(cfg.Days) * day), histories: make([]history, cfg.Agents)}
	if err := all.live(ctx); err != nil {
		return Result{}, err
	}
	return all.result(), nil
}

// whole is a fleet. Its shards run one after the other on each worker.
type whole struct {
	*scene
	cfg       Config
	histories []history

	mu    sync.Mutex
	tally *tally
	done  int
}

// live runs the shards. The first error stops all.
func (f *whole) live(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range f.cfg.workers {
		workers.Go(func() {
			for ctx.Err() == nil {
				first := int(next.Add(1)-1) * f.cfg.shard
				if first >= f.cfg.Agents {
					return
				}
				if err := f.shard(first); err != nil {
					stop(err)
				}
			}
		})
	}
	workers.Wait()
	return context.Cause(ctx)
}

// shard runs the shard that begins with an asset.
func (f *whole) shard(first int) error {
	s := newShard(f.scene, f.cfg, first, min(f.cfg.shard, f.cfg.Agents-first))
	if err := s.live(); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range s.assets {
		f.histories[first+i] = s.assets[i].history
	}
	f.tally.add(s.tally)
	f.done += len(s.assets)
	if f.cfg.Progress != nil {
		f.cfg.Progress(f.done)
	}
	return nil
}

func (f *whole) result() Result {
	r := Result{
		Agents: f.cfg.Agents, Days: f.cfg.Days, Seed: f.cfg.Seed, Failing: max(f.cfg.Failing, 0), Offline: max(f.cfg.Offline, 0), Began: began,
		FailedInstalls: f.tally.failedInstalls,
		Events:         f.tally.Events,
	}
	sum := sha256.New()
	for _, h := range f.histories {
		sum.Write(binary.LittleEndian.AppendUint64(nil, uint64(h)))
	}
	r.History = hex.EncodeToString(sum.Sum(nil))
	r.Run, r.Results, r.Open = runID, []Count{}, f.tally.results[0]
	for _, result := range job.Results() {
		if n := f.tally.results[result]; n > 0 {
			r.Results = append(r.Results, Count{result, n})
		}
	}
	r.Cancel = f.cancel()
	r.Rollout = f.rollout()
	r.Failures = []Failure{}
	for code, n := range f.tally.codes {
		if n > 0 {
			r.Failures = append(r.Failures, Failure{Code: job.Code(code), Name: job.Code(code).String(), Installs: n})
		}
	}
	r.Reboots = f.reboots(r.Rollout)
	r.Rings = f.ringed()
	r.Exposure = exposure(r.Rollout, r.Rings)
	return r
}

func (f *whole) cancel() *Cancel {
	if f.cfg.Cancel < 0 {
		return nil
	}
	now, end := &f.tally.answers, &f.tally.truths
	c := Cancel{
		At: since(Enabled + f.cfg.Cancel), Orders: sum(now[:]), AtOnce: now[ledger.CancelDone], Pending: now[ledger.CancelPending],
		Cancelled: end[ledger.CancelDone], TooLate: end[ledger.CancelTooLate], Ended: end[ledger.CancelEnded], Unknown: end[ledger.CancelPending],
		Bound: bound, Later: f.tally.later,
	}
	c.Median, c.P99, c.Longest = f.tally.reached(500), f.tally.reached(990), f.tally.reached(1000)
	c.Reached = make([]Bin, max(int(c.Bound/time.Minute), int(c.Longest/time.Minute)+1))
	for i := range c.Reached {
		c.Reached[i].From = time.Duration(i) * time.Minute
	}
	for second, n := range f.tally.connected[:int(c.Longest/time.Second)+1] {
		c.Reached[second/60].Assets += n
	}
	return &c
}

func (f *whole) rollout() []Rollout {
	var now [stageCount + 1]int
	now[StageNone] = f.cfg.Agents
	list := []Rollout{}
	for i, m := range f.tally.moves {
		list = append(list, Rollout{At: since(time.Duration(i) * RolloutStep), Stages: append([]int{}, now[1:]...)})
		addAll(now[:], m[:])
	}
	return list
}

func (f *whole) reboots(rollout []Rollout) Reboots {
	r := Reboots{Assets: sum(f.tally.after[:]), PutOff: []int{}}
	waiting := r.Assets
	for i, n := range f.tally.after {
		r.Waiting = append(r.Waiting, Bin{From: time.Duration(i) * deferralStep, Assets: waiting})
		waiting -= n
	}
	for i, n := range f.tally.putOff {
		if n > 0 {
			r.PutOff = f.tally.putOff[:i+1]
		}
	}
	r.Pending = rollout[len(rollout)-1].Stages[StageReboot-1]
	return r
}

// Config says how large a fleet is, and what goes wrong in it. Zero means the
// default.
type Config struct {
	Agents  int             // 1 to MaxAgents; no default
	Days    int             // of virtual time, 1 to MaxDays; default 7
	Seed    uint64          // of all random numbers
	Failing int             // downloads that fail, per thousand; default 10; negative: none
	Offline int             // agents that are away for one to three days, per thousand; default 20; negative: none
	Rollout *rollout.Policy // of the assets of each server, which are 1000 by default; nil: all get their orders at once
	Cancel  time.Duration   // from enabling the job to its cancel; default 12 min; negative: never

	Progress func(done int) // receives how many agents are done; one call at a time; may be nil

	// Tests set these. No history depends on them.
	shard     int                                   // agents per server; all are in memory at once; default 1000
	workers   int                                   // shards that run at the same time; default: one per processor
	everyCall bool                                  // carry out idle check-ins
	keys      *keys                                 // default: cheap
	server    func(*scene, Config, int, int) server // of assets from this number on, and how many; default: newLean
}

// WithDefaults replaces zero by the defaults.
func (c Config) WithDefaults() Config {
	c.Days, c.Failing, c.Offline = cmp.Or(c.Days, 7), cmp.Or(c.Failing, 10), cmp.Or(c.Offline, 20)
	c.Cancel = cmp.Or(c.Cancel, 12*time.Minute)
	c.shard, c.workers = cmp.Or(c.shard, 1000), cmp.Or(c.workers, runtime.GOMAXPROCS(0))
	c.keys = cmp.Or(c.keys, &keys{cheap, cheap})
	if c.server == nil {
		c.server = newLean
	}
	return c
}

// Validate reports everything that is wrong with the settings. The error is a
// *job.Invalid.
func (c Config) Validate() error {
	c = c.WithDefaults()
	var bad problem.List
	between := func(field string, value, low, high int) {
		if value < low || value > high {
			bad.Add(field, fmt.Sprint(value), "is not between %d and %d", low, high)
		}
	}
	between("agents", c.Agents, 1, MaxAgents)
	between("days", c.Days, 1, MaxDays)
	between("failing", max(c.Failing, 0), 0, 1000)
	between("offline", max(c.Offline, 0), 0, 1000)
	if c.Days > 0 && c.Cancel >= time.Duration(c.Days)*day-Enabled {
		bad.Add("cancel", c.Cancel.String(), "is after the last day")
	}
	if c.Rollout != nil {
		bad.Under("rollout", c.Rollout.Validate())
	}
	return bad.Err("fleet")
}
