package runner

import (
	"context"
	"slices"
	"sync"

	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/runner/internal/staging"
)

// task is one effect to carry out.
type task struct {
	name string                                // for Trace
	key  staging.Key                           // of a download: what a Discard cancels
	run  func(ctx context.Context) agent.Event // returns the result; nil: none
}

// lane carries out tasks one at a time, on a goroutine that lives while there
// are tasks. Adding a task never blocks, so the loop cannot deadlock with what
// it waits for. What the machine asks for at a time bounds the queue.
type lane struct {
	loop *loop

	mu      sync.Mutex
	queue   []task
	working bool
	current staging.Key        // of the task that runs or ran last
	cut     context.CancelFunc // of its context; only work changes it
}

func (l *lane) add(t task) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue = append(l.queue, t)
	if !l.working {
		l.working = true
		l.loop.helpers.Go(l.work)
	}
}

// cutOff drops the waiting downloads that match and cancels the running one.
func (l *lane) cutOff(k staging.Key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue = slices.DeleteFunc(l.queue, func(t task) bool { return k.Covers(t.key) })
	if k.Covers(l.current) {
		l.cut()
	}
}

func (l *lane) idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.working
}

// work carries out the queue. When Run's helpers must stop, it waits for the
// running task and drops the others.
func (l *lane) work() {
	for {
		t, ctx, ok := l.next()
		if !ok {
			return
		}
		l.loop.cfg.Trace(t.name + ":before")
		ev := t.run(ctx)
		l.loop.cfg.Trace(t.name + ":after")
		if ev != nil {
			l.loop.send(ev)
		}
		l.cut()
	}
}

func (l *lane) next() (task, context.Context, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 || l.loop.life.Err() != nil {
		l.queue, l.working = nil, false
		return task{}, nil, false
	}
	t := l.queue[0]
	l.queue = l.queue[1:]
	ctx, cancel := context.WithCancel(l.loop.life)
	l.current, l.cut = t.key, cancel
	return t, ctx, true
}
