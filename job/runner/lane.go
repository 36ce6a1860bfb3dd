package runner

import (
	"context"
	"sync"

	"github.com/patchpolicy/patchpolicy/job/runner/internal/staging"
)

// task is one effect to carry out.
type task struct {
	name string      // for Trace and the log
	key  staging.Key // of a Download: what a Discard cuts off
	run  func(ctx context.Context)
}

// lane carries tasks out one after the other. Adding never blocks, so the loop cannot deadlock with what it waits for; the queue is bounded
// by what the machine asks for at a time.
type lane struct {
	trace func(string)

	mu      sync.Mutex
	queue   []task
	current staging.Key
	cut     context.CancelFunc // of the task that runs; nil: none
	more    chan struct{}
}

func newLane(trace func(string)) *lane {
	return &lane{trace: trace, more: make(chan struct{}, 1)}
}

func (l *lane) add(t task) {
	l.mu.Lock()
	l.queue = append(l.queue, t)
	l.mu.Unlock()
	select {
	case l.more <- struct{}{}:
	default:
	}
}

// cutOff drops the waiting downloads that match and cancels the running one.
func (l *lane) cutOff(k staging.Key) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := l.queue[:0]
	for _, t := range l.queue {
		if !k.Covers(t.key) {
			kept = append(kept, t)
		}
	}
	clear(l.queue[len(kept):])
	l.queue = kept
	if l.cut != nil && k.Covers(l.current) {
		l.cut()
	}
}

// work carries tasks out until ctx ends. The task that runs then is waited for; those that wait are dropped.
func (l *lane) work(ctx context.Context) {
	for {
		t, taskCtx, ok := l.next(ctx)
		if !ok {
			select {
			case <-ctx.Done():
				return
			case <-l.more:
				continue
			}
		}
		l.trace(t.name + ":before")
		t.run(taskCtx)
		l.done()
	}
}

func (l *lane) next(ctx context.Context) (task, context.Context, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 || ctx.Err() != nil {
		return task{}, nil, false
	}
	t := l.queue[0]
	l.queue = l.queue[1:]
	taskCtx, cancel := context.WithCancel(ctx)
	l.current, l.cut = t.key, cancel
	return t, taskCtx, true
}

func (l *lane) done() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut()
	l.current, l.cut = staging.Key{}, nil
}
