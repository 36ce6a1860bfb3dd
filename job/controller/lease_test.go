package controller_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Of several servers, one leads: the first to ask, until it is silent or steps
// down, or another claims it. Each leadership has a higher number.
func TestOneServerLeads(t *testing.T) {
	stores(t, func(f *fixture) {
		second, err := controller.New(f.store, config())
		require.NoError(f, err)
		a, b := &controller.Candidate{Name: "a"}, &controller.Candidate{Name: "b"}
		lead := func(c *controller.Controller, who *controller.Candidate, claim bool) controller.Fence {
			fence, err := c.Lead(ctx, who, claim, f.now)
			require.NoError(f, err)
			return fence
		}
		require.EqualValues(f, 1, lead(f.Controller, a, false))
		for range 5 { // a is alive
			f.pass(time.Second)
			require.Zero(f, lead(second, b, false))
			require.EqualValues(f, 1, lead(f.Controller, a, false))
		}
		require.Zero(f, lead(second, b, false)) // the last beat that b sees
		f.pass(controller.Patience - 1)
		require.Zero(f, lead(second, b, false))
		f.pass(1)
		require.EqualValues(f, 2, lead(second, b, false), "a was silent for too long")
		require.Zero(f, lead(f.Controller, a, false))
		require.EqualValues(f, 3, lead(f.Controller, a, true), "a claims it")
		require.Zero(f, lead(second, b, false))
		require.NoError(f, f.StepDown(ctx, b, f.now), "b does not lead")
		require.Zero(f, lead(second, b, false))
		require.NoError(f, f.StepDown(ctx, a, f.now))
		require.EqualValues(f, 4, lead(second, b, false))
	})
}

// What a server writes that no longer leads is refused, in whatever it is in the
// middle of.
func TestFenced(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		f.enrol("pc", "all")
		a, b := &controller.Candidate{Name: "a"}, &controller.Candidate{Name: "b"}
		first, err := f.Lead(ctx, a, false, f.now)
		require.NoError(f, err)
		fenced := controller.Fenced(ctx, first)
		_, err = f.Tick(fenced, f.now)
		require.NoError(f, err)
		later := controller.Deferred(ctx)
		_, err = f.SaveJob(later, definition("update", "editor-2.0.0"), f.now)
		require.NoError(f, err)
		run, err := f.EnableJob(later, "update", f.now)
		require.NoError(f, err)
		next, err := f.Lead(ctx, b, true, f.now)
		require.NoError(f, err)
		before := dump(f)
		_, err = f.Tick(fenced, f.now)
		require.ErrorIs(f, err, controller.ErrOvertaken)
		_, err = f.Sync(fenced, nil, f.now)
		require.ErrorIs(f, err, controller.ErrOvertaken)
		require.Equal(f, before, dump(f))
		_, err = f.Tick(controller.Fenced(ctx, next), f.now)
		require.NoError(f, err)
		require.NotZero(f, f.asset(run, "pc"))
		require.NoError(f, f.StepDown(ctx, b, f.now))
		_, err = f.Sync(controller.Fenced(ctx, next), nil, f.now)
		require.ErrorIs(f, err, controller.ErrOvertaken, "nobody leads")
	})
}

// Many servers that ask at once agree on one.
func TestOneOfManyLeads(t *testing.T) {
	stores(t, func(f *fixture) {
		var group sync.WaitGroup
		var lock sync.Mutex
		leads := map[controller.Fence][]string{}
		for i := range 8 {
			group.Go(func() {
				who := &controller.Candidate{Name: fmt.Sprint(i)}
				for range 5 {
					fence, err := f.Lead(context.Background(), who, i < 3, f.now)
					lock.Lock()
					if err != nil {
						leads[0] = append(leads[0], err.Error())
					} else if fence > 0 {
						leads[fence] = append(leads[fence], who.Name)
					}
					lock.Unlock()
				}
			})
		}
		group.Wait()
		require.NotEmpty(f, leads)
		require.Empty(f, leads[0])
		for fence, names := range leads {
			for _, name := range names {
				require.Equal(f, names[0], name, "leadership %d has two servers", fence)
			}
		}
	})
}

// An administrator's act on a server that does not lead marks its runs and is
// published. The one that leads does the rest (JOB-3, JOB-6).
func TestDeferred_JOB6(t *testing.T) {
	stores(t, func(f *fixture) {
		f.sync(patch("editor", "2.0.0"))
		f.enrol("pc", "all")
		changes := func() uint64 {
			n, err := f.Changes(ctx)
			require.NoError(f, err)
			return n
		}
		was := changes()
		later := controller.Deferred(ctx)
		_, err := f.SaveJob(later, definition("update", "editor-2.0.0"), f.now)
		require.NoError(f, err)
		run, err := f.EnableJob(later, "update", f.now)
		require.NoError(f, err)
		require.Greater(f, changes(), was)
		counts := func() (n int) {
			list, err := f.RunAssets(ctx, run, "", 10)
			require.NoError(f, err)
			return len(list)
		}
		require.Zero(f, counts(), "no order is made yet")
		_, err = f.Tick(later, f.now)
		require.NoError(f, err)
		require.Zero(f, counts())
		_, err = f.Tick(ctx, f.now)
		require.NoError(f, err)
		require.Equal(f, 1, counts())
	})
}

// A server that runs while another, of a later release or with newer keys, takes
// up the same store learns that it has to end (MAN-11, MAN-13).
func TestChangesEndAnOutdatedServer_MAN13(t *testing.T) {
	store := memstore.New(memstore.Options{})
	old, err := controller.New(store, trusted(t, 1))
	require.NoError(t, err)
	require.NoError(t, old.CheckTrust(ctx))
	_, err = old.Changes(ctx)
	require.NoError(t, err)
	next, err := controller.New(store, trusted(t, 2))
	require.NoError(t, err)
	require.NoError(t, next.CheckTrust(ctx))
	_, err = old.Changes(ctx)
	var outdated *controller.TrustError
	require.ErrorAs(t, err, &outdated)
	_, err = next.Changes(ctx)
	require.NoError(t, err)

	require.NoError(t, store.Update(ctx, func(w controller.Writer) error { return w.Put("meta", "format\x00\x01", []byte("2")) }))
	_, err = next.Changes(ctx)
	var newer *manifest.NewerFormat
	require.ErrorAs(t, err, &newer, "although this server has used the store before")
}
