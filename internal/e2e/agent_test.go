package e2e

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
)

// asset is an agent in a folder of its own that keeps a root folder up to date.
type asset struct {
	t     *testing.T
	name  job.AssetID
	root  string
	state string // the agent's folder
	p     *process
}

// enrol makes an asset of a server. Its agent does not run yet.
func enrol(s *server, name job.AssetID, root string) *asset {
	s.t.Helper()
	a := &asset{t: s.t, name: name, root: root, state: filepath.Join(s.t.TempDir(), "agent")}
	token := filepath.Join(s.t.TempDir(), "token")
	require.NoError(s.t, os.WriteFile(token, []byte(s.token()), 0o600))
	output(s.t, program(s.t, "agent"), "enrol", "--server", s.wire.url, "--token-file", token, "--name", string(name), "--state", a.state)
	return a
}

// every is between two calls of an agent.
const every = 200 * time.Millisecond

// start starts the agent, which takes up the state it finds.
func (a *asset) start() {
	a.t.Helper()
	a.p = start(a.t, "agent "+string(a.name), a.state+".log", program(a.t, "agent"), "run", "--state", a.state, "--root", a.root,
		"--check-in-every", every.String())
}

// status is what "agent status" tells.
type status struct {
	Asset   job.AssetID
	Running bool
	State   agent.State
}

func (a *asset) status() (s status) {
	a.t.Helper()
	out := output(a.t, program(a.t, "agent"), "status", "--json", "--state", a.state)
	require.NoError(a.t, json.Unmarshal(out, &s), "%s", out)
	return s
}

// idle waits until the agent has nothing to do and nothing to tell.
func (a *asset) idle() {
	a.t.Helper()
	await(a.t, "the agent to be idle", func() bool {
		s := a.status().State
		return len(s.Queue) == 0 && len(s.Executions) == 0 && len(s.Reports) == 0
	})
}

// journal is every report the agent ever made, numbered without gaps (MAN-6).
func (a *asset) journal() (all []job.Report) {
	a.t.Helper()
	f, err := os.Open(filepath.Join(a.state, "journal.jsonl"))
	require.NoError(a.t, err)
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r job.Report
		require.NoError(a.t, json.Unmarshal(lines.Bytes(), &r), "%s", lines.Text())
		require.Equal(a.t, job.Sequence(len(all)+1), r.Sequence, "the journal has no gaps")
		all = append(all, r)
	}
	require.NoError(a.t, lines.Err())
	return all
}

// result is the one final result that the journal tells of an order.
func (a *asset) result(order job.OrderID) (found job.Report) {
	a.t.Helper()
	for _, r := range a.journal() {
		if r.Order == order && r.Result != 0 && r.Result != job.PendingReboot && r.Result != job.PendingVerification {
			require.Zero(a.t, found.Result, "two results of %s", order)
			found = r
		}
	}
	require.NotZero(a.t, found.Result, "no result of %s", order)
	return found
}

// progress is what the journal tells of an order on the way.
func (a *asset) progress(order job.OrderID) (all []job.Progress) {
	a.t.Helper()
	for _, r := range a.journal() {
		if r.Order == order && r.Progress != 0 {
			all = append(all, r.Progress)
		}
	}
	return all
}
