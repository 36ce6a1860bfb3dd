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

// Run checks the settings and runs the agent until ctx ends, then returns nil.
// It returns an error if the settings are not valid, the saved state cannot be
// read, a state cannot be saved, the platform does not report its status, or
// the staging folder cannot be used.
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

// load reads the saved state, the first status and the staging folder.
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
		return fmt.Errorf("runner: the platform does not report its status, so the agent did not start: %w", err)
	}
	if l.status.BootID == "" {
		return errors.New("runner: the platform reports no boot identity, so the agent did not start")
	}
	l.stage, err = staging.Open(l.cfg.Stage, staging.Config{HTTP: l.cfg.HTTP, Verifier: l.cfg.Verifier, Stall: stall, Tries: tries,
		Local: l.cfg.LocalFiles, Pace: staging.Pace{Rate: l.cfg.MinRate, Most: l.cfg.DownloadTime}})
	return err
}

// loop is one Run. Its fields belong to Run's goroutine, except those with
// locks.
type loop struct {
	cfg    Config
	life   context.Context // ends when Run's helpers must stop
	stage  *staging.Store
	state  agent.State
	saved  []byte // as committed
	status Status
	fresh  bool // the status was asked for since executions began
	wake   time.Duration

	events  chan agent.Event
	seen    chan Status           // unbuffered
	looking bool                  // a call of Platform.Status runs
	asked   time.Duration         // since when, on the clock's Up
	work    *lane                 // calls of the platform except Status and Prompt
	prompt  *lane                 // calls of Prompt
	fetch   map[job.OrderID]*lane // downloads and discards, per order
	cutCall context.CancelFunc    // cancels the last check-in; nil: none yet
	helpers sync.WaitGroup

	platform  sync.Mutex                // held for a call of its methods, except Status and Prompt
	taking    sync.Mutex                // held by the check-in that takes an inventory; locked before platform
	inventory atomic.Pointer[inventory] // the last one, for check-ins; nil: none, or something changed since
}

func (l *loop) run(ctx context.Context) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	l.life = inner
	if err := l.stage.Keep(l.orders()); err != nil {
		l.cfg.Logger.Warn("staged files that are no longer needed could not be deleted", "error", err)
	}
	l.work, l.prompt = &lane{loop: l}, &lane{loop: l}
	l.look()
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
		if ev = l.news(); ev != nil {
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
				ev = l.news()
			case s := <-l.seen:
				l.looked(s)
				ev = l.news()
			}
		}
	}
}

func (l *loop) fetching(o job.OrderID) *lane {
	for id, old := range l.fetch {
		if id != o && old.idle() {
			delete(l.fetch, id)
		}
	}
	if l.fetch[o] == nil {
		l.fetch[o] = &lane{loop: l}
	}
	return l.fetch[o]
}

// take handles one event: the state is durable before any effect starts.
func (l *loop) take(ctx context.Context, ev agent.Event) error {
	if ctx.Err() != nil { // the loop received the event before the stop
		return l.last(ev)
	}
	idle := len(l.state.Executions) == 0
	out, err := l.commit(ctx, l.cfg.Agent, ev)
	if err != nil {
		return err
	}
	l.wake = max(out.Wake, time.Millisecond)
	if idle { // of the time before an execution, the status may be old
		l.fresh = false
		l.look()
	}
	for _, e := range out.Effects {
		l.carryOut(ctx, e)
	}
	return nil
}

// commit steps the machine and saves its state. An agent that is stopping does
// not take a step that would start an action or an install: it would count as
// interrupted (JOB-17), and the next start asks again for what led to it.
func (l *loop) commit(ctx context.Context, c agent.Config, ev agent.Event) (agent.Out, error) {
	at := l.cfg.Clock()
	at.BootID = l.status.BootID
	state, out := agent.Step(c, l.state, ev, at)
	for _, e := range out.Effects {
		x, _ := e.(agent.Execute)
		switch x.Effect.(type) {
		case execution.RunAction, execution.Install, execution.Reboot:
			if c.Stopping {
				return agent.Out{}, nil
			}
		}
	}
	var ended []byte
	b, err := state.MarshalBinary()
	if err == nil && !slices.Equal(state.Ended, l.state.Ended) {
		ended, err = state.MarshalEnded()
	}
	changed := l.saved == nil || ended != nil || !bytes.Equal(b, l.saved)
	if err == nil && changed {
		l.cfg.Trace("commit:before")
		// A commit that has begun is finished even if ctx ends.
		err = l.cfg.State.Commit(context.WithoutCancel(ctx), b, ended)
	}
	if err != nil {
		return out, fmt.Errorf("the agent's state could not be saved, so the agent stopped before it acted on it: %w (free disk space or repair the state file, then start the agent again)", err)
	}
	if changed {
		l.cfg.Trace("commit:after")
		l.saved = b
	}
	l.state = state
	l.cfg.Observe(state)
	return out, nil
}

// finish ends a Run, with err or because its context ended. It waits for the
// helpers, including the result of an install that runs. Unless err is set, it
// commits their results; it starts no other change of the asset.
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

// last commits an event without carrying out the effects. The result of an
// action or an install is kept, because it cannot be found out later.
func (l *loop) last(ev agent.Event) error {
	c := l.cfg.Agent
	c.Stopping = true
	_, err := l.commit(context.Background(), c, ev)
	return err
}

// send hands a result to the loop, which listens until every helper has ended.
func (l *loop) send(ev agent.Event) { l.events <- ev }

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
