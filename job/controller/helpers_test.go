package controller_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/stretchr/testify/require"
)

// tables are all the tables there are.
var tables = []controller.Table{
	"meta", "snapshot", "assets", "seen", "heard", "reports", "revisions", "inventories", "inventory", "images", "tokens", "jobs", "runs", "due", "work",
	"stopping", "orders", "contents", "sets", "outcomes", "live", "queue", "unheard", "cancels", "reboots", "runpatches", "bodies", "failures", "failed",
	"tallies", "counters", "followers", "tried", "retried", "joins", "shares", "chained", "unreachable",
	"cloned", "removed", "removals", "events",
}

// dump reads the whole store.
func dump(f *fixture) (all map[controller.Table]map[string]string) { return dumpOf(f, f.store) }

func dumpOf(t tester, store controller.Store) (all map[controller.Table]map[string]string) {
	t.Helper()
	require.NoError(t, store.View(ctx, func(r controller.Reader) error {
		all = map[controller.Table]map[string]string{}
		for _, table := range tables {
			records, err := r.Scan(table, "", "", controller.MaxScan)
			if err != nil {
				return err
			}
			all[table] = map[string]string{}
			for _, rec := range records {
				all[table][rec.Key] = string(rec.Value)
			}
		}
		return nil
	}))
	return all
}

var errDied = errors.New("the server died")

// failing is a store whose Updates fail after some.
type failing struct {
	controller.Store
	after int
}

func (s *failing) Update(ctx context.Context, fn func(controller.Writer) error) error {
	if s.after--; s.after < 0 {
		return errDied
	}
	return s.Store.Update(ctx, fn)
}

// enrolMany makes n assets called m0000, m0001 … with editor 1.0.0.
func enrolMany(f *fixture, n int) {
	f.Helper()
	_, err := f.AddToken(ctx, secret, controller.Token{Tags: []string{"all"}, Uses: n}, f.now)
	require.NoError(f, err)
	for i := range n {
		id := job.AssetID(fmt.Sprintf("m%04d", i))
		_, err := f.Enrol(ctx, enrolment(id), f.now)
		require.NoError(f, err)
		a := &agent{id: id, inventory: catalog.Inventory{Platform: catalog.Linux}}
		a.install("editor", "1.0.0")
		f.call(a)
	}
}
