package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/runner/internal/staging"
)

// Run checks the settings and drives the agent until ctx ends, and then returns nil. It returns an error when the settings
// are not valid, the saved state cannot be read or a new one not saved, the platform cannot say its status, or the staging
// folder cannot be used.
func Run(ctx context.Context, c Config) error {
	if err := c.validate(); err != nil {
		return err
	}
	l := &loop{
		cfg:    c.withDefaults(),
		events: make(chan agent.Event, eventBuffer),
		seen:   make(chan Status),
		fetch:  map[job.OrderID]*lane{},
	}
	if err := l.load(ctx); err != nil {
		return err
	}
	defer l.stage.Close()
	return l.run(ctx)
}

// load gets what the loop needs.
func (l *loop) load(ctx context.Context) (err error) {
	l.cfg.Trace("load:before")
	var ended []byte
	if l.saved, ended, err = l.cfg.State.Load(ctx); err == nil && l.saved != nil {
		err = l.state.UnmarshalBinary(l.saved)
	}
	if err == nil && ended != nil {
		err = l.state.UnmarshalEnded(ended)
	}
	if err != nil {
		return fmt.Errorf("the agent's saved state could not be read, so the agent did not start: %w", err)
	}
	l.cfg.Trace("load:after")
	if l.status, err = l.askStatus(ctx); err != nil {
		return fmt.Errorf("runner: the platform cannot tell its status, so the agent did not start: %w", err)
	}
	if l.status.BootID == "" {
		return errors.New("runner: the platform tells no boot identity, so the agent did not start")
	}
	l.stage, err = staging.Open(l.cfg.Stage, staging.Config{HTTP: l.cfg.HTTP, Verifier: l.cfg.Verifier, Stall: stall, Tries: tries,
		Local: l.cfg.LocalFiles, Pace: staging.Pace{Rate: l.cfg.MinRate, Most: l.cfg.DownloadTime}})
	return err
}

// loop is one Run. Its fields belong to Run's goroutine unless their type says otherwise.
type loop struct {
	cfg    Config
	life   context.Context // until Run's helpers stop
	stage  *staging.Store
	state  agent.State
	saved  []byte // as committed
	status Status
	fresh  bool // status was asked for since the executions came up
	told   map[job.OrderID]Status
	wake   time.Duration

	events  chan agent.Event
	seen    chan Status           // unbuffered
	looking bool                  // the platform is asked for its status
	asked   time.Duration         // since when, on the clock's Up
	work    *lane                 // what the platform does
	prompt  *lane                 // what it shows
	fetch   map[job.OrderID]*lane // downloads and discards: orders do not wait for each other's
	cutCall context.CancelFunc    // of the last check-in; nil: none yet
	helpers sync.WaitGroup

	platform  sync.Mutex                // its methods are called one at a time
	taking    sync.Mutex                // held by the check-in that takes an inventory; locked before platform
	inventory atomic.Pointer[inventory] // the last one, for the check-ins; nil: none, or something changed since
}

// run is the loop.
func (l *loop) run(ctx context.Context) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	l.life = inner
	if err := l.stage.Keep(l.orders()); err != nil {
		l.cfg.Logger.Warn("staged files that nothing needs any more could not be deleted", "error", err)
	}
	l.work, l.prompt = l.lane(), l.lane()
	poll := time.NewTicker(l.cfg.Poll)
	defer poll.Stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var ev agent.Event = agent.Started{}
	for {
		if err := l.take(inner, ev); err != nil {
			cancel()
			return l.finish(err)
		}
		if ev = l.unsaid(); ev != nil {
			continue
		}
		timer.Reset(min(l.wake, maxSleep))
		for ev == nil {
			select {
			case <-ctx.Done():
				cancel()
				return l.finish(nil)
			case ev = <-l.events:
			case <-timer.C:
				ev = agent.Tick{}
			case <-poll.C:
				l.look()
				ev = l.unsaid()
			case s := <-l.seen:
				l.looked(s)
				ev = l.unsaid()
			}
		}
	}
}

func (l *loop) lane() *lane {
	return &lane{ctx: l.life, helpers: &l.helpers, trace: l.cfg.Trace}
}

// fetching is the lane of one order's files.
func (l *loop) fetching(o job.OrderID) *lane {
	for id, old := range l.fetch {
		if id != o && old.idle() {
			delete(l.fetch, id)
		}
	}
	if l.fetch[o] == nil {
		l.fetch[o] = l.lane()
	}
	return l.fetch[o]
}

// take is one step: the state becomes durable before anything that follows from it is done.
func (l *loop) take(ctx context.Context, ev agent.Event) error {
	if ctx.Err() != nil { // the loop saw the event before it saw the stop
		return l.last(ev)
	}
	out, err := l.commit(ctx, l.cfg.Agent, ev)
	if err != nil {
		return err
	}
	l.wake = max(out.Wake, time.Millisecond)
	l.attend()
	for _, e := range out.Effects {
		l.carryOut(ctx, e)
	}
	return nil
}

// commit steps and saves. An agent that stops does not take a step that would begin an action or an install: what was not
// begun would count as cut off (JOB-17), and the next start asks again for what led there.
func (l *loop) commit(ctx context.Context, c agent.Config, ev agent.Event) (agent.Out, error) {
	state, out := agent.Step(c, l.state, ev, l.moment())
	if c.Stopping && slices.ContainsFunc(out.Effects, changesAsset) {
		return agent.Out{}, nil
	}
	var ended []byte
	b, err := state.MarshalBinary()
	if err == nil && !slices.Equal(state.Ended, l.state.Ended) {
		ended, err = state.MarshalEnded()
	}
	changed := l.saved == nil || ended != nil || !bytes.Equal(b, l.saved)
	if err == nil && changed {
		l.cfg.Trace("commit:before")
		// A commit that has begun is finished whatever becomes of ctx: half a stop is worse than a late one.
		err = l.cfg.State.Commit(context.WithoutCancel(ctx), b, ended)
	}
	if err != nil {
		return out, fmt.Errorf("the agent's state could not be saved, so the agent stopped before acting on it (free disk space or repair the state file, then start it again): %w", err)
	}
	if changed {
		l.cfg.Trace("commit:after")
		l.saved = b
	}
	l.state = state
	l.cfg.Observe(state)
	return out, nil
}

// finish ends a Run whose context ended, by err or from outside: helpers are waited for, an install's real result with them. Unless err is
// set, what they return is committed, and no other change of the asset is begun.
func (l *loop) finish(err error) error {
	idle := make(chan struct{})
	go func() { l.helpers.Wait(); close(idle) }()
	for wait := idle; wait != nil || len(l.events) > 0; {
		select {
		case ev := <-l.events:
			if err == nil {
				err = l.last(ev)
			}
		case <-wait:
			wait = nil
		}
	}
	return err
}

// last takes an event without carrying anything out afterwards. What an action or an installer returned is kept and leads to nothing, for
// it cannot be found out later.
func (l *loop) last(ev agent.Event) error {
	c := l.cfg.Agent
	c.Stopping = true
	_, err := l.commit(context.Background(), c, ev)
	return err
}

// changesAsset says whether an effect runs something on the asset.
func changesAsset(e agent.Effect) bool {
	if x, ok := e.(agent.Execute); ok {
		switch x.Effect.(type) {
		case execution.RunAction, execution.Install, execution.Reboot:
			return true
		}
	}
	return false
}

// send hands the loop a result. At a stop it still does: the loop listens until every helper ended.
func (l *loop) send(ev agent.Event) { l.events <- ev }

func (l *loop) moment() agent.Moment {
	c := l.cfg.Clock()
	return agent.Moment{Wall: c.Wall, BootID: l.status.BootID, Up: c.Up}
}

// orders lists whose staged files are kept.
func (l *loop) orders() []job.OrderID {
	var ids []job.OrderID
	for _, e := range l.state.Executions {
		ids = append(ids, e.Order.ID)
	}
	for _, o := range l.state.Queue {
		ids = append(ids, o.ID)
	}
	return ids
}
