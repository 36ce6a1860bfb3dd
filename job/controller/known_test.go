package controller_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/memstore"
	"github.com/patchpolicy/patchpolicy/job/controller/sqlstore"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// aloneFixture is a controller that answers quiet calls from memory.
func aloneFixture(t *testing.T, s controller.Store) *fixture {
	c := config()
	c.Alone = true
	return fixtureOf(t, s, c)
}

// A controller that answers quiet calls from memory gives the same answers as
// one that asks its store, whatever happens in between.
func TestKnownCallsAreAnsweredAlike_MAN5_MAN6(t *testing.T) {
	seeds := uint64(40)
	if testing.Short() {
		seeds = 4
	}
	reads, kept := 0, 0
	for seed := range seeds {
		alone := &counting{Store: memstore.New(memstore.Options{}), tables: map[controller.Table]int{}}
		both := []*fixture{aloneFixture(t, alone), newFixture(t, memstore.New(memstore.Options{}))}
		enrolled = 0
		for _, f := range both {
			enrolled = 0
			f.sync(patch("editor", "2.0.0"), patch("player", "2.0.0"))
			for i := range 3 {
				f.enrol(job.AssetID(fmt.Sprintf("a%d", i)), "all")
			}
		}
		r := rand.New(rand.NewPCG(seed, 1))
		old := [2][]manifest.CheckIn{}
		for step := range 250 {
			kind, who, wait, n := r.IntN(20), job.AssetID(fmt.Sprintf("a%d", r.IntN(3))), r.IntN(3), r.IntN(1000)
			var said [2]string
			for i, f := range both {
				f.pass([]time.Duration{time.Second, time.Minute, time.Hour}[wait])
				a, id := f.agents[who], job.ID(fmt.Sprintf("j%d", n%5))
				var err error
				var answer manifest.Answer
				before := alone.reads
				switch kind {
				case 0:
					_, err = f.SaveJob(ctx, definition(id, "editor-2.0.0"), f.now)
					_, err2 := f.EnableJob(ctx, id, f.now)
					err = fmt.Errorf("%w %w", err, err2)
				case 1:
					_, err = f.CancelJob(ctx, id, f.now)
				case 2:
					err = f.DisableJob(ctx, id, f.now)
				case 3:
					err = f.TagAsset(ctx, who, []string{"all", fmt.Sprint("t", n%2)}[:1+n%2], f.now)
				case 4:
					_, err = f.Tick(ctx, f.now)
				case 5:
					if len(old[i]) > 0 { // again, or late
						answer, err = f.CheckIn(ctx, old[i][n%len(old[i])], f.now)
					}
				case 6:
					a.boot = fmt.Sprint("boot-", n%4)
				case 7:
					a.install("editor", fmt.Sprintf("1.0.%d", n%3))
				case 8:
					if len(a.orders) > 0 {
						a.report(job.Report{Order: a.orders[0].ID, Progress: job.Started, At: f.now})
					}
				case 9:
					if n%4 == 0 {
						err = f.RemoveAsset(ctx, who, f.now)
						enrolled = 10 + n
						f.enrol(who, "all")
					}
				default:
					in := a.request(f.now)
					if n%50 == 0 {
						in.Held++
					}
					old[i] = append(old[i], in)
					if answer, err = f.CheckIn(ctx, in, f.now); err == nil && answer.WantInventory {
						in.Inventory = &a.inventory
						answer, err = f.CheckIn(ctx, in, f.now)
					}
					a.unsent = slices.DeleteFunc(a.unsent, func(r job.Report) bool { return r.Sequence <= answer.Acknowledged })
					if err == nil && answer.Manifest != nil && in.Held == a.held {
						a.take(f, answer)
					}
					if i == 0 {
						if reads++; alone.reads == before {
							kept++
						}
					}
				}
				said[i] = fmt.Sprintf("%+v %v", answer, err)
			}
			require.Equal(t, said[1], said[0], "seed %d, step %d, kind %d of %s", seed, step, kind, who)
		}
		for _, f := range both {
			f.pass(time.Hour)
		}
		for i := range 3 {
			id := job.AssetID(fmt.Sprintf("a%d", i))
			a, err := both[0].Asset(ctx, id, both[0].now)
			require.NoError(t, err)
			b, err := both[1].Asset(ctx, id, both[1].now)
			require.NoError(t, err)
			require.Equal(t, b, a, "what queries show")
		}
	}
	t.Logf("%d of %d calls read nothing", kept, reads)
	require.Greater(t, kept*10, reads, "some calls are answered from memory")
}

// hooked calls a function once, after a transaction has read and before it ends.
type hooked struct {
	controller.Store
	then func()
}

func (s *hooked) View(ctx context.Context, fn func(controller.Reader) error) error {
	return s.Store.View(ctx, func(r controller.Reader) error { return fn(hookedReader{r, s}) })
}

type hookedReader struct {
	controller.Reader
	s *hooked
}

func (r hookedReader) GetMany(keys []controller.Key) ([][]byte, error) {
	values, err := r.Reader.GetMany(keys)
	if then := r.s.then; then != nil {
		r.s.then = nil
		then()
	}
	return values, err
}

// What was read before a change was committed is not remembered after it.
func TestKnownCallWhileItChanges_MAN2(t *testing.T) {
	sqlite, err := sqlstore.OpenSQLite(ctx, filepath.Join(t.TempDir(), "s.db"))
	require.NoError(t, err)
	store := &hooked{Store: sqlite}
	f := aloneFixture(t, store)
	f.sync(patch("editor", "2.0.0"))
	a := f.enrol("a", "all")
	f.call(a)
	require.NoError(t, f.TagAsset(ctx, "a", []string{"all", "x"}, f.now)) // it is forgotten
	store.then = func() { f.enable(definition("j", "editor-2.0.0")) }
	f.call(a)
	require.Nil(t, store.then)
	require.Empty(t, a.orders, "this call came before")
	f.call(a)
	require.Len(t, a.orders, 1)
}

// A cancel that is not finished yet reaches an agent that calls (JOB-3).
func TestKnownCallDuringACancel_JOB3(t *testing.T) {
	const many = 1 << 30
	store := &limited{memstore.New(memstore.Options{}), many}
	c := config()
	c.Alone, c.Batch = true, 1
	f := fixtureOf(t, store, c)
	f.sync(patch("editor", "2.0.0"))
	agents := []*agent{f.enrol("a", "all"), f.enrol("b", "all"), f.enrol("c", "all")}
	run := f.enable(definition("j", "editor-2.0.0"))
	for range 5 {
		for _, a := range agents {
			f.call(a)
		}
	}
	store.left = 2
	_, err := f.CancelRun(ctx, run, f.now)
	require.ErrorAs(t, err, new(*controller.UnfinishedError))
	store.left = many
	f.call(agents[2])
	require.True(t, agents[2].orders[0].Cancelled)
}
