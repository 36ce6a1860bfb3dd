package runner

import (
	"context"
	"slices"
	"sync"

	"github.com/patchpolicy/patchpolicy/job/runner/internal/staging"
)

// task is one effect to carry out.
type task struct {
	name string      // for Trace
	key  staging.Key // of a download: what a Discard cancels
	run  func(ctx context.Context)
}

// lane carries out tasks one at a time, on a goroutine that lives while there
// are tasks. Adding a task never blocks, so the loop cannot deadlock with what
// it waits for. What the machine asks for at a time bounds the queue.
type lane struct {
	ctx     context.Context
	helpers *sync.WaitGroup
	trace   func(string)

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
		l.helpers.Go(l.work)
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

// idle reports whether the lane has nothing to do.
func (l *lane) idle() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.working
}

// work carries out the queue. When ctx ends, it waits for the running task and
// drops the others.
func (l *lane) work() {
	for {
		t, ctx, ok := l.next()
		if !ok {
			return
		}
		l.trace(t.name + ":before")
		t.run(ctx)
		l.cut()
	}
}

func (l *lane) next() (task, context.Context, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 || l.ctx.Err() != nil {
		l.queue, l.working = nil, false
		return task{}, nil, false
	}
	t := l.queue[0]
	l.queue = l.queue[1:]
	ctx, cancel := context.WithCancel(l.ctx)
	l.current, l.cut = t.key, cancel
	return t, ctx, true
}
