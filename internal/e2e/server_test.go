package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/schedule"
)

// server is a server in a folder of its own. The tests use its own command
// line.
type server struct {
	t    *testing.T
	dir  string
	apt  string   // its apt configuration
	more []string // further arguments
	p    *process
	addr string
	wire *wire // through which agents reach it

	patience time.Duration // how long a run may take
}

// newServer starts a server whose patches come from an apt configuration.
func newServer(t *testing.T, apt string) *server {
	t.Helper()
	s := &server{t: t, dir: filepath.Join(t.TempDir(), "server"), apt: apt, patience: patience}
	output(t, program(t, "server"), "init", "--dir", s.dir)
	s.wire = newWire(t)
	s.start()
	return s
}

var listening = regexp.MustCompile(`msg=listening addr=(\S+)`)

// start starts the process, which continues with the store it finds.
func (s *server) start() {
	s.t.Helper()
	log := s.dir + ".log"
	before := 0
	if b, err := os.ReadFile(log); err == nil {
		before = len(b)
	}
	s.wire.to("") // until it listens
	s.p = start(s.t, "server", log, program(s.t, "server"), append([]string{"serve", "--dir", s.dir, "--listen", "127.0.0.1:0", "--check-in", "1s",
		"--apt-config", s.apt, "--apt-cache", filepath.Join(s.dir, "apt-cache")}, s.more...)...)
	await(s.t, "the server to listen", func() bool {
		b, err := os.ReadFile(log)
		if err != nil || !s.p.running() {
			s.t.Fatalf("the server did not start: %v\n%s", err, b)
		}
		m := listening.FindSubmatch(b[before:])
		if m != nil {
			s.addr = string(m[1])
		}
		return m != nil
	})
	s.wire.to(s.addr)
}

// ask runs a command of the server and reads its JSON.
func ask[T any](s *server, args ...string) (answer T) {
	s.t.Helper()
	args = append(args, "--json", "--server", "http://"+s.addr, "--admin-token", filepath.Join(s.dir, "admin.token"))
	out := output(s.t, program(s.t, "server"), args...)
	require.NoError(s.t, json.Unmarshal(out, &answer), "%s", out)
	return answer
}

// token makes an enrolment token.
func (s *server) token() string {
	s.t.Helper()
	return ask[adminhttp.MadeToken](s, "token", "create").Secret
}

// sync fetches the feeds now and returns their status.
func (s *server) sync() []controller.FeedStatus {
	s.t.Helper()
	ask[catalog.Changes](s, "sync")
	return ask[[]controller.FeedStatus](s, "report", "feeds")
}

// synced syncs and wants every feed to be healthy.
func (s *server) synced() {
	s.t.Helper()
	feeds := s.sync()
	require.NotEmpty(s.t, feeds)
	for _, f := range feeds {
		require.True(s.t, f.Healthy, "%s: %s", f.Feed, f.Err)
	}
}

// job saves an on-demand job for everything that the asset misses, with
// pre-actions.
func (s *server) job(id job.ID, asset job.AssetID, pre ...job.Action) {
	s.t.Helper()
	d := job.Definition{
		ID: id, Name: "everything missing", Platform: catalog.Linux, Assets: job.Assets{Include: []job.AssetID{asset}},
		Patches: job.Patches{Query: &job.Query{}}, Schedule: schedule.Schedule{Kind: schedule.OnDemand}, State: job.Disabled, Pre: pre,
	}
	data, err := json.Marshal(d)
	require.NoError(s.t, err)
	file := filepath.Join(s.t.TempDir(), "job.json")
	require.NoError(s.t, os.WriteFile(file, data, 0o600))
	ask[job.Definition](s, "job", "create", "-f", file)
}

// enable starts the job now.
func (s *server) enable(id job.ID) job.RunID {
	s.t.Helper()
	run := ask[adminhttp.Enabled](s, "job", "enable", string(id)).Run
	require.NotEmpty(s.t, run)
	return run
}

// show returns the result so far of a run's one asset.
func (s *server) show(run job.RunID) controller.RunAsset {
	s.t.Helper()
	assets := ask[[]controller.RunAsset](s, "run", "show", string(run))
	require.Len(s.t, assets, 1)
	return assets[0]
}

// ended waits for the end of a run.
func (s *server) ended(run job.RunID) (a controller.RunAsset) {
	s.t.Helper()
	awaitFor(s.t, s.patience, "the end of "+string(run), func() bool {
		a = s.show(run)
		return !a.Ended.IsZero()
	})
	return a
}

// knows waits until the server has an asset's inventory.
func (s *server) knows(asset job.AssetID) {
	s.t.Helper()
	await(s.t, "the server to know what is installed", func() bool {
		return slices.ContainsFunc(s.assets(), func(a controller.AssetStatus) bool { return a.ID == asset && !a.InventoryAt.IsZero() })
	})
}

// missing returns the catalog's verdict on everything newer than what the asset
// has.
func (s *server) missing(asset job.AssetID) []catalog.Verdict {
	s.t.Helper()
	return ask[[]catalog.Verdict](s, "report", "missing", string(asset))
}

// assets returns what the server knows of every asset.
func (s *server) assets() []controller.AssetStatus {
	s.t.Helper()
	return ask[[]controller.AssetStatus](s, "asset", "list")
}
