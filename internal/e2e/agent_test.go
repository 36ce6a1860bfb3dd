package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
)

// asset is an agent in a folder of its own. It keeps a root folder up to date.
type asset struct {
	t     *testing.T
	name  job.AssetID
	root  string
	state string        // the agent's folder
	log   string        // file with its output
	every time.Duration // between two calls
	p     *process
}

// enrol enrols an asset with a server. Its agent does not run yet.
func enrol(s *server, name job.AssetID, root string) *asset {
	s.t.Helper()
	return enrolIn(s, name, root, filepath.Join(s.t.TempDir(), "agent"))
}

// enrolIn is enrol with a folder for the agent.
func enrolIn(s *server, name job.AssetID, root, state string) *asset {
	s.t.Helper()
	a := &asset{t: s.t, name: name, root: root, state: state, log: state + ".log", every: 200 * time.Millisecond}
	token := filepath.Join(s.t.TempDir(), "token")
	require.NoError(s.t, os.WriteFile(token, []byte(s.token()), 0o600))
	output(s.t, program(s.t, "agent"), "enrol", "--server", s.wire.url, "--token-file", token, "--name", string(name), "--state", a.state)
	return a
}

// start starts the agent, which continues with the state it finds.
func (a *asset) start() {
	a.t.Helper()
	a.p = start(a.t, "agent "+string(a.name), a.log, program(a.t, "agent"), "run", "--state", a.state, "--root", a.root,
		"--check-in-every", a.every.String())
}

// halt ends the agent, whatever it does.
func (a *asset) halt() {
	if a.p != nil {
		a.p.kill()
	}
}

// status returns what "agent status" shows.
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

// idle waits until the agent has nothing to do and nothing to report.
func (a *asset) idle() {
	a.t.Helper()
	await(a.t, "the agent to be idle", func() bool {
		s := a.status().State
		return len(s.Queue) == 0 && len(s.Executions) == 0 && len(s.Reports) == 0
	})
}

// journal returns every report that the agent ever made, numbered without gaps
// (MAN-6).
func (a *asset) journal() (all []job.Report) {
	a.t.Helper()
	b, err := os.ReadFile(filepath.Join(a.state, "journal.jsonl"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	require.NoError(a.t, err)
	for line := range bytes.Lines(b) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // it is being written
		}
		var r job.Report
		require.NoError(a.t, json.Unmarshal(line, &r), "%s", line)
		require.Equal(a.t, job.Sequence(len(all)+1), r.Sequence, "the journal has no gaps")
		all = append(all, r)
	}
	return all
}

// result returns the one final result of an order in the journal.
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

// progress returns the progress of an order in the journal.
func (a *asset) progress(order job.OrderID) (all []job.Progress) {
	a.t.Helper()
	for _, r := range a.journal() {
		if r.Order == order && r.Progress != 0 {
			all = append(all, r.Progress)
		}
	}
	return all
}

// stop ends the agent as an administrator does.
func (a *asset) stop() {
	a.t.Helper()
	a.p.stop()
}
