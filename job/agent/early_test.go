package agent

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
)

func TestEarlyDownload_JOB23(t *testing.T) {
	o := orderAt(t, "a", epoch)
	o.Early = true
	o.Patches = append(o.Patches, o.Patches[0])
	o.Patches[1].Patch, o.Patches[1].Product, o.Patches[1].Name = "b-2", "b", "b"

	t.Run("before the start, and not again", func(t *testing.T) {
		w := newWorld(t, o)
		w.installed["b"] = "1.0.0"
		w.until(epoch.Add(-time.Second))
		require.Equal(t, map[string]int{"a": 1, "b": 1}, w.downloads)
		require.Equal(t, []string{"Received"}, w.told(o.ID), "it has not started")
		w.until(epoch.Add(time.Hour))
		require.Equal(t, "Completed", last(w.told(o.ID)))
		require.Empty(t, w.s.Early)
	})
	t.Run("a withdrawal or cancel deletes it", func(t *testing.T) {
		for _, cancelled := range []bool{false, true} {
			w := newWorld(t, o)
			w.until(epoch.Add(-time.Hour / 100))
			require.NotEmpty(t, w.downloads)
			if c := o; cancelled {
				c.Cancelled = true
				w.publish(c)
			} else {
				w.publish()
			}
			w.until(epoch.Add(time.Hour))
			require.Equal(t, []job.OrderID{o.ID}, w.discards)
			require.Zero(t, w.deploys["a"])
		}
	})
	t.Run("a changed order is fetched again", func(t *testing.T) {
		w := newWorld(t, o)
		w.until(epoch.Add(-20 * time.Minute))
		require.NotEmpty(t, w.downloads)
		changed := o
		changed.Patches = changed.Patches[:1]
		w.publish(changed)
		fetched := w.downloads["a"]
		w.until(epoch.Add(-time.Second))
		require.Equal(t, []job.OrderID{o.ID}, w.discards)
		w.until(epoch.Add(time.Minute))
		require.Greater(t, w.downloads["a"], fetched, "by the early download or by the download stage")
		require.Equal(t, "Completed", last(w.told(o.ID)))
	})
	t.Run("spread over the lead", func(t *testing.T) {
		at := map[time.Time]bool{}
		for i := range 20 {
			o := orderAt(t, job.ID(fmt.Sprintf("j%d", i)), epoch)
			o.Early = true
			w := newWorld(t, o)
			w.until(epoch.Add(-5 * time.Hour))
			for _, e := range w.s.Early {
				at[e.At] = true
				require.False(t, e.At.After(epoch))
			}
		}
		require.Greater(t, len(at), 15)
	})
	t.Run("a crash in the middle", func(t *testing.T) {
		for n := 1; n < 20; n++ {
			w := newWorld(t, o)
			w.installed["b"] = "1.0.0"
			w.crashAt = n
			w.until(epoch.Add(time.Hour))
			require.Equal(t, "Completed", last(w.told(o.ID)))
		}
	})
}
