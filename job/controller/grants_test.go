package controller_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/job/controller/sqlstore"
	"github.com/patchpolicy/patchpolicy/job/rollout"
)

// A rollout in a store: its state under the run, each member under run
// and asset.
const (
	stateTable  controller.Table = "rollouts"
	memberTable controller.Table = "members"
)

func loadRollout(r controller.Reader) (s rollout.State, err error) {
	text, err := r.Get(stateTable, "run")
	if err == nil {
		err = s.UnmarshalBinary(text)
	}
	return s, err
}

func saveRollout(w controller.Writer, s rollout.State) error {
	text, err := s.MarshalBinary()
	if err == nil {
		err = w.Put(stateTable, "run", text)
	}
	return err
}

func loadMember(r controller.Reader, id string) (m rollout.Member, err error) {
	text, err := r.Get(memberTable, id)
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	return m, err
}

func saveMember(w controller.Writer, m rollout.Member) error {
	text, err := json.Marshal(m)
	if err == nil {
		err = w.Put(memberTable, m.ID, text)
	}
	return err
}

// stepIn is a server's use case: load, step, write, in one transaction.
func stepIn(ctx context.Context, store controller.Store, p rollout.Policy, id string, ev rollout.MemberEvent, at time.Time) (granted bool, err error) {
	err = store.Update(ctx, func(w controller.Writer) error {
		s, err := loadRollout(w)
		if err != nil {
			return err
		}
		m, err := loadMember(w, id)
		if err != nil {
			return err
		}
		next, after, out := rollout.StepMember(p, s, m, ev, at)
		granted = out.Grant
		if err := saveRollout(w, next); err != nil {
			return err
		}
		return saveMember(w, after)
	})
	return granted, err
}

// readThenWrite is the mistake that the test must be able to see: what is
// decided on was read in a transaction of its own.
func readThenWrite(ctx context.Context, store controller.Store, p rollout.Policy, id string, ev rollout.MemberEvent, at time.Time) (granted bool, err error) {
	var s rollout.State
	var m rollout.Member
	err = store.View(ctx, func(r controller.Reader) (err error) {
		if s, err = loadRollout(r); err == nil {
			m, err = loadMember(r, id)
		}
		return err
	})
	if err != nil {
		return false, err
	}
	time.Sleep(time.Microsecond) // as a network between server and database does
	next, after, out := rollout.StepMember(p, s, m, ev, at)
	return out.Grant, store.Update(ctx, func(w controller.Writer) error {
		if err := saveRollout(w, next); err != nil {
			return err
		}
		return saveMember(w, after)
	})
}

const connections = 64

// contend lets 64 connections ask and report at once, over the stores of three
// servers, and returns by how many assets the budget was exceeded at worst. It
// counts what the callers were granted, not what the machine counts.
func contend(t *testing.T, stores []controller.Store, step func(context.Context, controller.Store, rollout.Policy, string, rollout.MemberEvent, time.Time) (bool, error), seed uint64) (over int) {
	budget := 2
	p := rollout.Policy{
		Rings:  []rollout.RingPolicy{{Name: "all", Gate: rollout.Gate{Results: 1, Success: 50}}},
		Budget: rollout.Amount{Count: budget},
	}
	var assets []rollout.Asset
	for i := range 40 {
		assets = append(assets, rollout.Asset{ID: fmt.Sprintf("asset-%02d", i)})
	}
	state := rollout.Begin(p, fmt.Sprint(seed), assets, start)
	require.NoError(t, stores[0].Update(ctx, func(w controller.Writer) error {
		for _, a := range assets {
			if err := saveMember(w, state.Place(p, a)); err != nil {
				return err
			}
		}
		return saveRollout(w, state)
	}))
	var atRisk, worst atomic.Int64
	var group sync.WaitGroup
	errs := make([]error, connections)
	for c := range connections {
		group.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(c)))
			store, id := stores[c%len(stores)], assets[rng.IntN(len(assets))].ID
			for range 2 { // the call comes twice
				granted, err := step(ctx, store, p, id, rollout.Ask{}, start)
				if err != nil {
					errs[c] = err
					return
				}
				if !granted {
					continue
				}
				for n := atRisk.Add(1); ; {
					was := worst.Load()
					if was >= n || worst.CompareAndSwap(was, n) {
						break
					}
				}
				if rng.IntN(4) == 0 {
					continue // it stays pending
				}
				atRisk.Add(-1) // before the report, so it never counts for too long
				for range 2 {
					if _, err := step(ctx, store, p, id, rollout.Ended{Grant: 1, Outcome: rollout.Success}, start); err != nil {
						errs[c] = err
						return
					}
				}
			}
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil { // a state that is damaged cannot be read: this, too, is an over-grant
			t.Logf("%v", err)
			return max(int(worst.Load())-budget, 1)
		}
	}
	require.NoError(t, stores[0].View(ctx, func(r controller.Reader) error { // what is at risk at the end, member by member
		list, err := r.Scan(memberTable, "", "", len(assets))
		n := 0
		for _, rec := range list {
			var m rollout.Member
			require.NoError(t, json.Unmarshal(rec.Value, &m))
			if m.Phase == rollout.Granted {
				n++
			}
		}
		worst.Store(max(worst.Load(), int64(n)))
		return err
	}))
	return max(int(worst.Load())-budget, 0)
}

// Over 64 connections of three servers, no rollout ever has more assets at risk
// than its budget. A server that reads before its transaction breaks that at
// once.
func TestGrantsOfManyConnections_ROL3(t *testing.T) {
	runs := 12
	if text := os.Getenv("ROLLOUT_RUNS"); text != "" {
		var err error
		runs, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	if testing.Short() {
		runs = 2
	}
	open := map[string]func(path string) controller.Store{
		"memstore": func() func(string) controller.Store {
			stores := map[string]controller.Store{} // one store: its callers are the servers
			return func(path string) controller.Store {
				if stores[path] == nil {
					stores[path] = memstore.New(memstore.Options{})
				}
				return stores[path]
			}
		}(),
		"sqlstore": func(path string) controller.Store {
			s, err := sqlstore.OpenSQLite(t.Context(), path)
			require.NoError(t, err)
			return s
		},
	}
	for name, open := range open {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			servers := func(file string) (stores []controller.Store) {
				for range 3 {
					stores = append(stores, open(filepath.Join(dir, file)))
				}
				return stores
			}
			stores := servers("right")
			over := 0
			for run := range runs {
				over += contend(t, stores, stepIn, uint64(run))
			}
			require.Zero(t, over)
			wrong := servers("wrong")
			caught := 0
			for run := 0; run < 20 && caught == 0; run++ {
				caught = contend(t, wrong, readThenWrite, uint64(run))
			}
			require.Positive(t, caught, "the mistake must show")
			fmt.Printf("%s: %d over-grants in %d runs of %d connections; one that reads before its transaction: %d over a budget of 2 in one run\n",
				name, over, runs, connections, caught)
			for _, s := range append(stores, wrong...) {
				_ = s.Close() // a memstore is closed once
			}
		})
	}
}
