package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/runner/internal/staging"
)

// Runner drives one agent. Make it with New.
type Runner struct {
	cfg  Config
	busy sync.Mutex // held while Run runs
}

// New checks the settings. It touches nothing yet.
func New(c Config) (*Runner, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	return &Runner{cfg: c.withDefaults()}, nil
}

// ErrRunning is what Run returns when the same Runner runs already.
var ErrRunning = errors.New("runner: this runner runs already")

// Run drives the agent until ctx ends, and then returns nil. It returns a *LoadError, a *CommitError, or the error of a platform that cannot
// say its status or of a staging folder that cannot be used. It may be called again afterwards.
func (r *Runner) Run(ctx context.Context) error {
	if !r.busy.TryLock() {
		return ErrRunning
	}
	defer r.busy.Unlock()
	l, err := r.start(ctx)
	if err != nil {
		return err
	}
	defer l.stage.Close()
	return l.run(ctx)
}

// start loads what the loop needs.
func (r *Runner) start(ctx context.Context) (*loop, error) {
	cfg := r.cfg
	cfg.Trace("load:before")
	saved, ended, err := cfg.State.Load(ctx)
	var state agent.State
	if err == nil && saved != nil {
		err = state.UnmarshalBinary(saved)
	}
	if err == nil && ended != nil {
		err = state.UnmarshalEnded(ended)
	}
	if err != nil {
		return nil, &LoadError{err}
	}
	cfg.Trace("load:after")
	status, err := cfg.Platform.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("runner: the platform cannot tell its status, so the agent did not start: %w", err)
	}
	if status.BootID == "" {
		return nil, errors.New("runner: the platform tells no boot identity, so the agent did not start")
	}
	stage, err := staging.Open(cfg.Stage, staging.Config{HTTP: cfg.HTTP, Verifier: cfg.Verifier, Stall: cfg.Stall, Tries: cfg.Tries})
	if err != nil {
		return nil, err
	}
	return &loop{
		cfg:    cfg,
		stage:  stage,
		state:  state,
		saved:  saved,
		status: status,
		events: make(chan agent.Event, eventBuffer),
		watch:  watch{wanted: make(chan bool, 1), seen: make(chan Status)},
		fetch:  map[job.OrderID]*lane{},
	}, nil
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
	wanted bool // the platform's status is
	told   map[job.OrderID]Status
	wake   time.Duration

	events  chan agent.Event
	watch   watch
	work    *lane                 // what the platform does
	prompt  *lane                 // what it shows
	fetch   map[job.OrderID]*lane // downloads and discards: orders do not wait for each other's
	cutCall context.CancelFunc    // of the last check-in; nil: none yet
	helpers sync.WaitGroup

	platform  sync.Mutex // its methods are called one at a time
	taking    sync.Mutex // held by the check-in that takes an inventory; locked before platform
	inventory inventoryCache
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
	l.helpers.Go(func() { l.look(inner) })

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
			case s := <-l.watch.seen:
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
	out, err := l.commit(ctx, l.cfg.Agent, ev, func(agent.Out) bool { return true })
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

// commit steps and, if allowed, saves.
func (l *loop) commit(ctx context.Context, c agent.Config, ev agent.Event, allowed func(agent.Out) bool) (agent.Out, error) {
	state, out := agent.Step(c, l.state, ev, l.moment())
	if !allowed(out) {
		return agent.Out{}, nil
	}
	var ended []byte
	b, err := state.MarshalBinary()
	if err == nil && !slices.Equal(state.Ended, l.state.Ended) {
		ended, err = state.MarshalEnded()
	}
	if err != nil {
		return out, &CommitError{err}
	}
	if !bytes.Equal(b, l.saved) || l.saved == nil || ended != nil {
		l.cfg.Trace("commit:before")
		// A commit that has begun is finished whatever becomes of ctx: half a stop is worse than a late one.
		if err := l.cfg.State.Commit(context.WithoutCancel(ctx), b, ended); err != nil {
			return out, &CommitError{err}
		}
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
		case <-l.watch.seen:
		case <-wait:
			wait = nil
		}
	}
	return err
}

// last takes an event without carrying anything out afterwards. What an action or an installer returned is kept and leads to nothing, for
// it cannot be found out later. Any other step that would begin an action or an install is not taken: what was not begun would count as
// cut off (JOB-17), and the next start asks again for what led there.
func (l *loop) last(ev agent.Event) error {
	c := l.cfg.Agent
	c.Stopping = true
	_, err := l.commit(context.Background(), c, ev, func(out agent.Out) bool {
		for _, e := range out.Effects {
			if x, ok := e.(agent.Execute); ok {
				switch x.Effect.(type) {
				case execution.RunAction, execution.Install, execution.Reboot:
					return false
				}
			}
		}
		return true
	})
	return err
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
