package manyservers

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // looks into the database
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/jsonfeed"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/examples/server/serve"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/postgrestest"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/sqlstore/postgres"
	"github.com/patchpolicy/patchpolicy/job/rollout"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// The size of the world. A job has an order for every agent.
const (
	agents   = 16
	jobs     = 4
	patience = 5 * time.Minute // much longer than it takes

	rolled = job.ID("job-0") // has a rollout
	budget = 3               // of it
)

// TestServersAreKilled_MAN6_JOB8_ROL3 kills servers while agents work through the
// orders of several jobs. One of them has a rollout, whose budget holds.
func TestServersAreKilled_MAN6_JOB8_ROL3(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: killing real servers takes a while; run without -short")
	}
	jobs := jobs
	if more, err := strconv.Atoi(os.Getenv("MANYSERVERS")); err == nil && more > 0 {
		jobs *= more
	}
	ctx, stop := context.WithTimeout(t.Context(), patience*time.Duration(max(1, jobs/10)))
	defer stop()
	begun := time.Now()
	s := &servers{dir: t.TempDir(), store: postgrestest.Database(t)}
	_, _, err := serve.Init(filepath.Join(s.dir, "server"), 1, 1)
	require.NoError(t, err)
	inventory := writeFeed(t, s, jobs)
	watchRuns(t, s)

	var processes, world errgroup.Group
	for i := range s.at {
		processes.Go(func() error { return s.run(i) })
	}
	defer s.end()
	killing, enough := context.WithCancel(ctx)
	processes.Go(func() error {
		killed := 0 // the newest leadership whose server was killed
		for pause(killing, time.Duration(1000+rand.IntN(3000))*time.Millisecond) == nil {
			leader, fence := s.leader()
			if fence == killed { // nobody leads yet: a server has to live for a while to do so
				s.kill(rand.IntN(len(s.at)))
			} else if rand.IntN(3) == 0 || killed == 0 {
				s.kill(leader)
				killed = fence
			}
		}
		return nil
	})
	admin := newAdmin(t, s)
	var token adminhttp.MadeToken
	require.NoError(t, admin.ask(ctx, http.MethodPost, "tokens", adminhttp.NewToken{Name: "all", Uses: 3 * agents, Tags: []string{"all"}}, &token))
	fleet, at := make([]*agent, agents), atRisk{}
	for i := range fleet {
		fleet[i] = newAgent(i, s, inventory)
		fleet[i].at = &at
		world.Go(func() error {
			if err := fleet[i].enrol(ctx, token.Secret); err != nil {
				return err
			}
			return fleet[i].call(ctx, false)
		})
	}
	require.NoError(t, world.Wait())
	for _, a := range fleet {
		world.Go(func() error { return a.work(ctx, jobs) })
	}
	for i := range jobs {
		world.Go(func() error {
			_ = pause(ctx, time.Duration(i)*time.Second)
			return admin.enable(ctx, i)
		})
	}
	err = world.Wait()
	for err == nil && !s.tookOver() {
		err = pause(ctx, 100*time.Millisecond)
	}
	enough()
	s.end()
	require.NoError(t, errors.Join(err, processes.Wait()))
	t.Logf("%d agents, %d jobs, %d kills, %v", agents, jobs, s.kills, time.Since(begun).Round(time.Second))
	check(t, s, fleet, jobs)
	t.Logf("at most %d agents carried out the order of the rollout at once, of %d", at.most, budget)
	require.LessOrEqual(t, at.most, budget)
	require.Greater(t, at.most, 1, "the count must be able to be wrong")
	checkLeaders(t, s)
}

func product(i int) catalog.ProductID { return catalog.ProductID(fmt.Sprintf("product-%d", i)) }
func jobID(i int) job.ID              { return job.ID(fmt.Sprintf("job-%d", i)) }

// writeFeed lists a patch for each job, and returns the inventory that lacks
// them all.
func writeFeed(t *testing.T, s *servers, jobs int) catalog.Inventory {
	newer, err := version.Parse(version.Semver, "2.0.0")
	require.NoError(t, err)
	var batch catalog.Batch
	var ids []catalog.ProductID
	for i := range jobs {
		id := product(i)
		ids = append(ids, id)
		batch.Products = append(batch.Products, catalog.Product{ID: id, Name: string(id), Platform: catalog.Linux, Scheme: version.Semver})
		batch.Patches = append(batch.Patches, catalog.Patch{
			ID: catalog.PatchID(id) + "-2", Product: id, Version: newer, Published: time.Now().UTC().Add(-time.Hour).Truncate(time.Second),
			Artifacts: []catalog.Artifact{{
				Name: "file", Availability: catalog.Pinned, URL: "http://vendor.example/" + string(id), Size: 1,
				Digests: []integrity.Digest{{Algorithm: integrity.SHA256, Sum: fmt.Sprintf("%064x", i)}},
			}},
		})
	}
	document, err := jsonfeed.Marshal(batch)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(feedFile(s.dir), document, 0o600))
	inventory, err := installed(ids)
	require.NoError(t, err)
	return inventory
}

// admin asks any server.
type admin struct {
	servers *servers
	client  adminhttp.Client
}

func newAdmin(t *testing.T, s *servers) *admin {
	token, err := serve.ReadToken(serve.In(filepath.Join(s.dir, "server")).AdminToken)
	require.NoError(t, err)
	return &admin{s, adminhttp.Client{Token: token, HTTP: &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}}}
}

// ask asks one server after another until one answers.
func (a *admin) ask(ctx context.Context, method, path string, in, out any) error {
	for {
		client := a.client
		client.Server = a.servers.any()
		err := client.Do(ctx, method, path, nil, in, out)
		if refused, is := errors.AsType[*adminhttp.Error](err); err == nil || is && refused.Status < 500 {
			return err
		}
		if pause(ctx, 50*time.Millisecond) != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
	}
}

// enable saves a job with one patch for every agent, and starts it.
func (a *admin) enable(ctx context.Context, i int) error {
	d := job.Definition{
		ID: jobID(i), Name: string(jobID(i)), Platform: catalog.Linux, Assets: job.Assets{IncludeTags: []string{"all"}},
		Patches: job.Patches{List: []catalog.PatchID{catalog.PatchID(product(i)) + "-2"}}, Schedule: schedule.Schedule{Kind: schedule.OnDemand},
	}
	if d.ID == rolled {
		d.Rollout = &rollout.Policy{Budget: rollout.Amount{Count: budget}, Rings: []rollout.RingPolicy{
			{Name: "first", Take: rollout.Amount{Percent: 25}, Gate: rollout.Gate{Results: 4}}, {Name: "rest", Gate: rollout.Gate{Results: 1}},
		}}
	}
	for { // the catalog may not be there yet
		err := a.ask(ctx, http.MethodPut, "jobs/"+string(d.ID), d, nil)
		if err == nil {
			break
		}
		if pause(ctx, 200*time.Millisecond) != nil {
			return fmt.Errorf("save: %w", err)
		}
	}
	return a.ask(ctx, http.MethodPost, "jobs/"+string(d.ID)+"/enable", nil, nil)
}

// check compares what the agents know with what the database has.
func check(t *testing.T, s *servers, fleet []*agent, jobs int) {
	ctx := context.Background()
	store, err := postgres.Open(ctx, s.store)
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	keys, err := serve.In(filepath.Join(s.dir, "server")).ReadKeys()
	require.NoError(t, err)
	c, err := controller.New(store, controller.Config{Signer: keys.Signer, Trust: keys.Trust, Exchange: keys.Exchange})
	require.NoError(t, err)
	failed, results := 0, map[job.AssetID]map[job.OrderID]job.Result{}
	for _, a := range fleet {
		failed += a.failed
		results[a.id] = a.ended
		require.Len(t, a.ended, jobs, a.id)
		status, err := c.Asset(ctx, a.id, time.Now())
		require.NoError(t, err)
		require.Empty(t, status.LastAnomalies, a.id)
		// The next report of the asset is new, and the last is not.
		for _, next := range []job.Sequence{a.sequence, a.sequence + 1} {
			answer, err := c.CheckIn(ctx, manifest.CheckIn{Asset: a.id, At: time.Now(), Made: next, Reports: []job.Report{{
				Sequence: next, At: time.Now(), Refused: "to see whether it is new",
			}}, Digest: a.inventory.Digest(), Call: a.calls + uint64(next)}, time.Now())
			require.NoError(t, err)
			require.Equal(t, next, answer.Acknowledged, "%s made %d reports", a.id, a.sequence)
		}
	}
	orders := 0
	for i := range jobs {
		runs, err := c.Runs(ctx, jobID(i), "", 10)
		require.NoError(t, err)
		require.Len(t, runs, 1, jobID(i))
		list, err := c.RunAssets(ctx, runs[0].ID, "", 1000)
		require.NoError(t, err)
		require.Len(t, list, len(fleet), jobID(i))
		for _, o := range list {
			orders++
			require.Equal(t, results[o.Asset][o.Order], o.Result, "%s on %s", o.Order, o.Asset)
			require.False(t, o.Ended.IsZero())
		}
	}
	require.Equal(t, jobs*len(fleet), orders)
	counted, err := c.FailedInstalls(ctx)
	require.NoError(t, err)
	require.Equal(t, failed, counted, "each failed patch counts once")
	differences, err := c.CheckIndexes(ctx)
	require.NoError(t, err)
	require.Empty(t, differences)
	t.Logf("%d orders, %d failed patches", orders, failed)
}

// watchRuns has the database note who moves a run along, and who leads then.
func watchRuns(t *testing.T, s *servers) {
	store, err := postgres.Open(t.Context(), s.store)
	require.NoError(t, err)
	require.NoError(t, store.Close())
	db, err := sql.Open("pgx", s.store)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	_, err = db.Exec(`CREATE TABLE moved (server TEXT, leader TEXT);
		CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			INSERT INTO moved SELECT current_setting('application_name'),
				(SELECT convert_from(value, 'UTF8') FROM patchpolicy_records WHERE tbl = 'servers' AND key = '\x6c65616465720001');
			RETURN NEW; END $$;
		CREATE TRIGGER note AFTER UPDATE ON patchpolicy_records FOR EACH ROW WHEN (NEW.tbl = 'runs') EXECUTE FUNCTION note()`)
	require.NoError(t, err)
}

var leadership = regexp.MustCompile(`leads=true fence=(\d+)`)

// leader is the server that began the newest leadership, and its number; zero:
// there was none yet.
func (s *servers) leader() (leader, newest int) {
	for i := range s.at {
		log, _ := os.ReadFile(s.log(i))
		for _, m := range leadership.FindAllStringSubmatch(string(log), -1) {
			if fence, err := strconv.Atoi(m[1]); err == nil && fence > newest {
				leader, newest = i, fence
			}
		}
	}
	return leader, newest
}

// tookOver reports whether a server took over from one that was killed.
func (s *servers) tookOver() bool {
	_, newest := s.leader()
	return newest > 1
}

// checkLeaders wants one server in each leadership, and no run moved along by
// another.
func checkLeaders(t *testing.T, s *servers) {
	leads := map[string]string{} // server, by the number of its leadership
	for i := range s.at {
		log, err := os.ReadFile(s.log(i))
		require.NoError(t, err)
		for _, m := range leadership.FindAllStringSubmatch(string(log), -1) {
			require.Empty(t, leads[m[1]], "leadership %s has two servers", m[1])
			leads[m[1]] = fmt.Sprintf("server%d", i)
		}
	}
	db, err := sql.Open("pgx", s.store)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	rows, err := db.Query("SELECT server, leader::json ->> 'fence', count(*) FROM moved GROUP BY 1, 2 ORDER BY 2")
	require.NoError(t, err)
	defer rows.Close()
	moves := 0
	for rows.Next() {
		var server, fence string
		var n int
		require.NoError(t, rows.Scan(&server, &fence, &n))
		require.Equal(t, leads[fence], server, "%s moved runs along in leadership %s", server, fence)
		moves += n
	}
	require.NoError(t, rows.Err())
	require.NotZero(t, moves)
	t.Logf("%d leaderships; runs were moved along %d times", len(leads), moves)
}
