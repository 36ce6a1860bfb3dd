package controller_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// counting is a store that counts the round trips of reading, and notes which tables were read.
type counting struct {
	controller.Store
	reads  int
	bodies int // that were written
	tables map[controller.Table]int
}

func (s *counting) count(tables ...controller.Table) {
	s.reads++
	for _, t := range tables {
		s.tables[t]++
	}
}

func (s *counting) View(ctx context.Context, fn func(controller.Reader) error) error {
	return s.Store.View(ctx, func(r controller.Reader) error { return fn(countingReader{r, s}) })
}

func (s *counting) Update(ctx context.Context, fn func(controller.Writer) error) error {
	return s.Store.Update(ctx, func(w controller.Writer) error { return fn(countingWriter{countingReader{w, s}, w}) })
}

type countingReader struct {
	controller.Reader
	s *counting
}

func (r countingReader) Get(table controller.Table, key string) ([]byte, error) {
	r.s.count(table)
	return r.Reader.Get(table, key)
}

func (r countingReader) GetMany(keys []controller.Key) ([][]byte, error) {
	var tables []controller.Table
	for _, k := range keys {
		tables = append(tables, k.Table)
	}
	r.s.count(tables...)
	return r.Reader.GetMany(keys)
}

func (r countingReader) Scan(table controller.Table, from, to string, limit int) ([]controller.Record, error) {
	r.s.count(table)
	return r.Reader.Scan(table, from, to, limit)
}

type countingWriter struct {
	countingReader
	w controller.Writer
}

func (w countingWriter) Put(table controller.Table, key string, value []byte) error {
	if table == "bodies" {
		w.s.bodies++
	}
	return w.w.Put(table, key, value)
}
func (w countingWriter) Delete(table controller.Table, key string) error {
	return w.w.Delete(table, key)
}

// during counts the reads of what is done.
func (s *counting) during(do func()) int {
	s.reads, s.bodies = 0, 0
	clear(s.tables)
	do()
	return s.reads
}

// A call costs a fixed number of reads, whatever the number of orders, of
// patches in them, and of reports. A database is a millisecond away, so this is
// what a call waits for.
func TestCallCostsAFixedNumberOfReads(t *testing.T) {
	type size struct{ orders, patches, reports int }
	type world struct {
		*fixture
		a       *agent
		runs    []job.RunID
		patches []catalog.PatchID
		reports int
	}
	lost := func(w world) {
		_, err := w.CheckIn(ctx, w.a.request(w.now), w.now)
		require.NoError(w, err)
	}
	say := func(w world, r job.Report, patches bool) {
		for i := range w.reports {
			r.Order, r.At, r.Patches = job.MakeOrderID(w.runs[i%len(w.runs)], "a"), w.now, nil
			for _, p := range w.patches {
				if patches {
					r.Patches = append(r.Patches, outcome(p, job.PatchFailed, job.InstallerFailed))
				}
			}
			w.a.report(r)
		}
	}
	each := func(w world, r job.Result) {
		for _, run := range w.runs {
			w.a.report(job.Report{Order: job.MakeOrderID(run, "a"), At: w.now, Result: r})
		}
	}
	withdraw := func(w world) {
		for _, run := range w.runs {
			require.NoError(w, w.DisableJob(ctx, run.Job(), w.now))
		}
	}
	for _, c := range []struct {
		name  string
		reads int
		waits bool // the inventory comes only with the call
		setup func(world)
	}{
		{"nothing new", 1, false, func(w world) { w.call(w.a); w.call(w.a) }},
		{"a manifest", 6, false, func(world) {}},
		{"the manifest again", 4, false, lost},
		{"reports on the way", 2, false, func(w world) { w.call(w.a); say(w, job.Report{Progress: job.Started}, false) }},
		{"results with patches", 9, false, func(w world) { w.call(w.a); say(w, job.Report{Result: job.PendingReboot}, true) }},
		{"every order succeeded", 5, false, func(w world) { w.call(w.a); each(w, job.Completed) }},
		{"every order failed", 4, false, func(w world) { w.call(w.a); each(w, job.Failed) }},
		{"every order was withdrawn", 4, false, func(w world) { w.call(w.a); withdraw(w); each(w, job.Withdrawn) }},
		{"no order was ever held", 4, false, func(w world) { lost(w); withdraw(w); w.call(w.a) }},
		{"every order is made", 9, true, func(world) {}},
		{"another inventory", 6, true, func(w world) { w.call(w.a); w.a.install("x", "1.0.0") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			sizes := []size{{1, 1, 1}, {50, 1, 1}, {1, 200, 1}, {1, 1, 100}, {50, 10, 100}}
			if testing.Short() {
				sizes = []size{{12, 3, 12}} // more of each than any call may read
			}
			for _, n := range sizes {
				s := &counting{Store: memstore.New(memstore.Options{}), tables: map[controller.Table]int{}}
				w := world{fixture: newFixture(t, s), reports: n.reports}
				b := catalog.Batch{Feed: "feed", At: w.now}
				var installed []string
				for i := range n.patches {
					name := fmt.Sprintf("p%03d", i)
					p := patch(name, "2.0.0")
					b.Patches, w.patches, installed = append(b.Patches, p), append(w.patches, p.ID), append(installed, name, "1.0.0")
					b.Products = append(b.Products, catalog.Product{ID: catalog.ProductID(name), Name: name, Platform: catalog.Linux, Scheme: p.Version.Scheme()})
				}
				_, err := w.Sync(ctx, []catalog.Batch{b}, w.now)
				require.NoError(w, err)
				w.a = w.enrolOnly("a", "all")
				if w.a.install(installed...); !c.waits {
					w.call(w.a)
				}
				for i := range n.orders {
					w.runs = append(w.runs, w.enable(definition(job.ID(fmt.Sprintf("j%03d", i)), w.patches...)))
				}
				c.setup(w)
				in := w.a.request(w.now)
				if c.waits {
					in.Inventory = &w.a.inventory
				}
				require.LessOrEqual(w, s.during(func() {
					_, err := w.CheckIn(ctx, in, w.now)
					require.NoError(w, err)
				}), c.reads, "%+v: %v", n, s.tables)
			}
		})
	}
}

// A transaction of a pass costs a fixed number of reads, however many assets it is about.
func TestPassCostsAFixedNumberOfReads(t *testing.T) {
	daily := schedule.Schedule{Kind: schedule.Daily, Time: schedule.Clock(23, 0), Zone: schedule.AssetZone}
	for _, c := range []struct {
		name string
		do   func(*fixture, job.Definition) error
	}{
		{"make", func(f *fixture, _ job.Definition) error { _, err := f.RunJob(ctx, "j", f.now); return err }},
		{"make again", func(f *fixture, d job.Definition) error {
			d.Name = "other"
			_, err := f.SaveJob(ctx, d, f.now)
			return err
		}},
		{"nothing to do, and a job waits for a share", func(f *fixture, _ job.Definition) error { _, err := f.RunJob(ctx, "k", f.now); return err }},
		{"withdraw", func(f *fixture, _ job.Definition) error { return f.DisableJob(ctx, "j", f.now) }},
		{"make where each goes by its own clock", func(f *fixture, d job.Definition) error {
			d.Schedule = daily
			_, err := f.SaveJob(ctx, d, f.now)
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			reads := map[int]int{}
			for _, n := range []int{1, 50} {
				s := &counting{Store: memstore.New(memstore.Options{}), tables: map[controller.Table]int{}}
				f := newFixture(t, s)
				f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
				enrolMany(f, n)
				for _, a := range f.agents {
					a.zone = "Pacific/Kiritimati"
					f.call(a)
				}
				d := definition("j", "editor-2.0.0")
				f.enable(d)
				f.enable(definition("k", "player-2.0.0")) // which none has
				f.follows("next", job.After{Job: "k", Share: 100, Delay: time.Hour})
				reads[n] = s.during(func() { require.NoError(t, c.do(f, d)) })
				require.LessOrEqual(t, s.bodies, 1, "what assets share is written once")
			}
			require.Equal(t, reads[1], reads[50])
		})
	}
}

// What does not concern an order costs nothing: for one that has begun, another
// inventory reads no run, and a patch list of which nothing is left out stores
// no outcomes.
func TestNothingIsKeptOrReadInVain(t *testing.T) {
	s := &counting{Store: memstore.New(memstore.Options{}), tables: map[controller.Table]int{}}
	f := newFixture(t, s)
	a, _, order := f.ordered("now")
	require.Empty(t, dump(f)["outcomes"])
	a.report(job.Report{Order: order, Progress: job.Started})
	f.call(a)
	a.install("editor", "1.0.0", "other", "1.0.0")
	in := a.request(f.now)
	in.Inventory = &a.inventory
	s.during(func() {
		_, err := f.CheckIn(ctx, in, f.now)
		require.NoError(t, err)
	})
	require.NotZero(t, s.tables["queue"])
	require.Zero(t, s.tables["runs"])
}

// A manifest is chosen by the rows of the queue alone: they carry what it needs
// to know of each order.
func TestManifestIsChosenByTheQueue_MAN4(t *testing.T) {
	s := &counting{Store: memstore.New(memstore.Options{}), tables: map[controller.Table]int{}}
	f := newFixture(t, s)
	f.sync(patch("editor", "2.0.0"))
	a := f.enrol("a", "all")
	for i, id := range []job.ID{"late", "early", "marked"} {
		d := definition(id, "editor-2.0.0")
		d.Schedule = schedule.Schedule{Kind: schedule.Once, At: start.Add(time.Duration(3-i) * 30 * time.Minute)}
		f.enable(d)
	}
	f.call(a)
	_, err := f.CancelRun(ctx, a.orders[0].Run, f.now)
	require.NoError(f, err)
	answer, err := f.CheckIn(ctx, a.request(f.now), f.now)
	require.NoError(f, err)
	s.during(func() { f.call(a) })
	require.Zero(f, s.tables["orders"], "%v", s.tables)
	require.NotEmpty(f, answer.Manifest)
	var have []string
	for _, o := range a.orders {
		have = append(have, fmt.Sprintf("%s %s %v", o.Job, o.Start.Format("15:04"), o.Cancelled))
	}
	require.Equal(f, []string{"marked 12:30 true", "early 13:00 false", "late 13:30 false"}, have)
}
