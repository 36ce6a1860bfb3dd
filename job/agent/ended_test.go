package agent

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
)

// The server takes an order back and hands it out again before it has heard
// that it ended: it does not run twice.
func TestEndedOrderIsNotStartedBeforeTheServerKnows_JOB24(t *testing.T) {
	o := orderAt(t, "a", epoch)
	w := newWorld(t, o)
	w.until(epoch.Add(-time.Second))
	w.deaf = true // answers come, reports do not get through
	w.until(epoch.Add(time.Minute))
	require.Equal(t, 1, w.deploys["a"])
	w.publish()
	w.until(epoch.Add(time.Hour))
	w.installed["a"] = "1.0.0" // so that a second run would show
	w.publish(o)
	w.until(epoch.Add(2 * time.Hour))
	require.Equal(t, 1, w.deploys["a"])
	w.deaf = false
	w.until(epoch.Add(3 * time.Hour))
	require.Equal(t, "Completed", last(w.told(o.ID)))
}

// A server that was put back hands out what ended long ago: it hears the old
// result, once for each manifest, and nothing runs again. What was withdrawn
// before it began may be handed out again (JOB-24).
func TestEndedOrderIsAnswered_JOB24(t *testing.T) {
	done, marked, late, taken := orderAt(t, "a", epoch), orderAt(t, "b", epoch.Add(time.Hour)), orderAt(t, "c", epoch.Add(2*time.Hour)), orderAt(t, "d", epoch.Add(100*24*time.Hour))
	late.End = late.Start.Add(time.Minute)
	w := newWorld(t, done, marked, late, taken)
	w.until(epoch.Add(30 * time.Minute))
	cancelled := marked
	cancelled.Cancelled = true
	w.publish(done, cancelled, late)
	w.until(epoch.Add(90 * time.Minute))
	w.pass(2 * time.Hour) // the asset is off, and misses the window
	w.at.BootID, w.at.Up = "next", 0
	w.crash()
	w.until(epoch.Add(5 * time.Hour))
	w.publish()
	w.until(epoch.Add(30 * 24 * time.Hour))
	require.Len(t, w.s.Ended, 3)

	deploys := w.deploys["a"]
	w.publish(done, marked, late, taken) // as in last month's backup, where nothing was cancelled
	w.until(epoch.Add(31 * 24 * time.Hour))
	for id, result := range map[job.OrderID]string{done.ID: "Completed", marked.ID: "Cancelled", late.ID: "TimedOut"} {
		told := w.told(id)
		require.Equal(t, []string{result, result}, told[len(told)-2:], id)
	}
	require.Equal(t, deploys, w.deploys["a"])
	require.Zero(t, w.deploys["b"]+w.deploys["c"])
	require.Len(t, w.s.Queue, 1, "the withdrawn one is there again")
	told := len(w.told(done.ID))
	w.until(epoch.Add(32 * 24 * time.Hour))
	require.Len(t, w.told(done.ID), told, "said once")

	w.until(epoch.Add(99 * 24 * time.Hour))
	w.publish(taken)
	w.until(epoch.Add(101 * 24 * time.Hour))
	require.Equal(t, []job.OrderID{taken.ID}, (&machine{s: w.s}).ended(), "the others are forgotten after 90 days, when there is something new to remember")
}

// At most maxEnded orders are remembered, the newest.
func TestNewestEndedOrdersAreKept_JOB24(t *testing.T) {
	m := machine{}
	for i := range maxEnded + 10 {
		m.now.UTC = epoch.Add(time.Duration(i) * time.Second)
		m.remember(job.OrderID(strconv.Itoa(i)), job.Completed)
	}
	require.Len(t, m.s.Ended, maxEnded)
	require.Equal(t, job.OrderID("10"), m.s.Ended[0].Order)
}
