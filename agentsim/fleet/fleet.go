package fleet

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
)

// Run simulates a fleet. The error is a *job.Invalid of [Config.Validate], a
// [watch.Broken], or the context's.
func Run(ctx context.Context, cfg Config) (Result, error) {
	if err := cfg.Validate(); err != nil {
		return Result{}, err
	}
	cfg = cfg.WithDefaults()
	sc, err := newScene()
	if err != nil {
		return Result{}, err
	}
	all := &whole{scene: sc, cfg: cfg, tally: newTally(time.Duration(cfg.Days) * day), histories: make([]history, cfg.Agents)}
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
	run   job.RunID
	done  int
	errs  []error
}

func (f *whole) live(ctx context.Context) error {
	shards := (f.cfg.Agents + f.cfg.Shard - 1) / f.cfg.Shard
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(f.cfg.Workers, shards) {
		group.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= shards || ctx.Err() != nil || !f.shard(i) {
					return
				}
			}
		})
	}
	group.Wait()
	return errors.Join(append(f.errs, ctx.Err())...)
}

// shard runs one shard, and reports whether to go on.
func (f *whole) shard(i int) bool {
	first := i * f.cfg.Shard
	n := min(f.cfg.Shard, f.cfg.Agents-first)
	s, err := newShard(f.scene, f.cfg, first, n)
	if err == nil {
		err = s.live()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		f.errs = append(f.errs, err)
		return false
	}
	for i := range s.assets {
		f.histories[first+i] = s.assets[i].history
	}
	f.tally.add(s.tally)
	f.run = s.run // the same in every shard
	f.done += n
	if f.cfg.Progress != nil {
		f.cfg.Progress(f.done)
	}
	return len(f.errs) == 0
}

func (f *whole) result() Result {
	r := Result{
		Agents: f.cfg.Agents, Days: f.cfg.Days, Seed: f.cfg.Seed, Failing: max(f.cfg.Failing, 0), Offline: max(f.cfg.Offline, 0), Began: began,
		FailedInstalls: f.tally.failedInstalls,
		Events:         Events{Steps: f.tally.steps, CheckIns: f.tally.checkIns, Idle: f.tally.jumped},
	}
	sum := sha256.New()
	for _, h := range f.histories {
		sum.Write(binary.LittleEndian.AppendUint64(nil, uint64(h)))
	}
	r.History = hex.EncodeToString(sum.Sum(nil))
	r.Run, r.Results, r.Open = f.run, []Count{}, f.tally.results[0]
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
	return r
}

func (f *whole) cancel() *Cancel {
	if f.cfg.Cancel < 0 {
		return nil
	}
	c := f.tally.cancel
	c.At, c.Bound, c.Later = since(Enabled+f.cfg.Cancel), bound, f.tally.later
	total := 0
	for second, n := range f.tally.connected {
		total += n
		if n > 0 {
			c.Longest = time.Duration(second) * time.Second
		}
	}
	c.Reached = make([]Bin, max(int(c.Bound/time.Minute), int(c.Longest/time.Minute)+1))
	for i := range c.Reached {
		c.Reached[i].From = time.Duration(i) * time.Minute
	}
	sofar := 0
	for second, n := range f.tally.connected {
		if n == 0 {
			continue
		}
		c.Reached[second/60].Assets += n
		for _, q := range []struct {
			at  *time.Duration
			per int
		}{{&c.Median, 500}, {&c.P99, 990}} {
			if sofar*1000 < total*q.per && (sofar+n)*1000 >= total*q.per {
				*q.at = time.Duration(second) * time.Second
			}
		}
		sofar += n
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
	r := Reboots{Waiting: []Bin{}, PutOff: []int{}}
	for _, n := range f.tally.after {
		r.Assets += n
	}
	waiting := r.Assets
	for i, n := range f.tally.after {
		r.Waiting = append(r.Waiting, Bin{From: time.Duration(i) * deferralStep, Assets: waiting})
		waiting -= n
	}
	for i, n := range f.tally.putOff {
		if n > 0 {
			r.PutOff = slices.Clone(f.tally.putOff[:i+1])
		}
	}
	r.Pending = rollout[len(rollout)-1].Stages[StageReboot-1]
	return r
}
