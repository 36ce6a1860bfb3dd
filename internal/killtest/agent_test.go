package killtest

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/patchpolicy/patchpolicy/examples/agent/home"
	"github.com/patchpolicy/patchpolicy/examples/quickstart/folder"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/runner"
	"github.com/patchpolicy/patchpolicy/job/runner/boltstate"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/manifest/agenthttp"
)

// How often the agent calls: a world takes a second.
const (
	every = 250 * time.Millisecond
	retry = 15 * time.Millisecond
)

// runAgent is the agent's process: wired as in examples/agent, with a folder as
// its disk.
func runAgent(s spec) error {
	h := home.Home(s.Dir)
	id, key, err := h.Load()
	if err != nil {
		return err
	}
	p, err := openPoints(s)
	if err != nil {
		return err
	}
	journal, err := h.OpenJournal()
	if err != nil {
		return err
	}
	commits, err := appendTo(commitsFile(s.Dir))
	if err != nil {
		return err
	}
	link, err := openLink(s.Dir)
	if err != nil {
		return err
	}
	log, err := appendTo(diskLog(s.Dir))
	if err != nil {
		return err
	}
	client, err := agenthttp.NewClient(agenthttp.Config{Server: id.Server, Asset: id.Asset, Key: key, Trust: id.Trust})
	if err != nil {
		return err
	}
	trust, err := manifest.OpenTrust(id.Trust)
	if err != nil {
		return err
	}
	if err := byHand(h.StateFile(), s.Dir); err != nil {
		return err
	}
	ctx, down := context.WithCancel(context.Background())
	platform, err := folder.Open(folder.Config{Dir: diskDir(s.Dir), Restart: down})
	if err != nil {
		return err
	}
	state, err := boltstate.Open(h.StateFile())
	if err != nil {
		return err
	}
	kept := &watchedState{State: state, points: p, log: commits, fault: s.Fault}
	link.Server = client
	err = runner.Run(ctx, runner.Config{
		Agent: agent.Config{Asset: id.Asset, Trust: trust, Every: every, Retry: retry},
		State: kept, Platform: &disk{platform, log, p, kept.where}, Server: link, Verifier: integrity.Chain(),
		Stage: h.Stage(), Poll: every, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Trace: func(point string) {
			if point != "commit:before" && point != "commit:after" { // kept notes those, with their state
				p.pass(point + " " + kept.where())
			}
		},
		Observe: func(s agent.State) {
			if err := journal.Add(s.Reports); err != nil {
				panic(err)
			}
		},
	})
	if err != nil {
		return err
	}
	os.Exit(exitReboot) // only a reboot ends ctx
	return nil
}

// byHand reboots an asset whose agent was killed after it asked for a reboot
// and before the reboot came. The agent would ask again in a minute; a person
// is faster (RBT-8).
func byHand(state, dir string) error {
	s, err := loadAgent(state)
	if err != nil {
		return err
	}
	platform, err := folder.Open(folder.Config{Dir: diskDir(dir), Restart: func() {}})
	if err != nil {
		return err
	}
	now, err := platform.Status(context.Background())
	for _, x := range s.Executions {
		if err == nil && x.Phase == execution.PhaseReboot && x.BootID == now.BootID {
			err = platform.Reboot(context.Background())
		}
	}
	return err
}

func commitsFile(dir string) string { return filepath.Join(dir, "agent.commits") }
func callsFile(dir string) string   { return filepath.Join(dir, "agent.calls") }

// mark is a line of the log of commits: a state was loaded, its commit begins,
// or it was committed.
type mark struct {
	What     string
	Digest   string
	Revision manifest.Revision
	Sequence job.Sequence
	Boot     string
}

// What a mark says of a state.
const (
	loaded    = "loaded"
	begun     = "begun"
	committed = "committed"
)

// watchedState is a state store that notes what was loaded and committed.
type watchedState struct {
	runner.State
	points *points
	log    *os.File
	fault  string
	before []byte // with a planted fault: acknowledged and not committed
	now    atomic.Value
}

// where describes what the agent does: the step of an order, and whether it has
// something to report.
func (w *watchedState) where() string {
	if s, ok := w.now.Load().(string); ok {
		return s
	}
	return "start"
}

func (w *watchedState) Load(ctx context.Context) (b, ended []byte, err error) {
	b, ended, err = w.State.Load(ctx)
	if err == nil {
		err = w.note(b, loaded)
	}
	return b, ended, err
}

func (w *watchedState) Commit(ctx context.Context, b, ended []byte) error {
	var s agent.State
	if err := s.UnmarshalBinary(b); err != nil {
		return err
	}
	w.now.Store(doing(s))
	if err := w.note(b, begun); err != nil {
		return err
	}
	w.points.pass("commit:before " + w.where())
	if err := w.keep(ctx, b, ended, s); err != nil {
		return err
	}
	if err := w.note(b, committed); err != nil {
		return err
	}
	w.points.pass("commit:after " + w.where())
	return nil
}

// keep commits. With a planted fault it commits later, or not at all.
func (w *watchedState) keep(ctx context.Context, b, ended []byte, s agent.State) error {
	switch w.fault {
	case faultLate:
		b, w.before = w.before, b
	case faultDeploy:
		if len(s.Executions) > 0 && s.Executions[0].Stage == job.StageDeploy {
			return nil
		}
	case faultReports:
		if len(s.Reports) > 0 {
			return nil
		}
	}
	if b == nil {
		return nil
	}
	return w.State.Commit(ctx, b, ended)
}

func (w *watchedState) note(b []byte, what string) error {
	var s agent.State
	if b != nil {
		if err := s.UnmarshalBinary(b); err != nil {
			return err
		}
	}
	line, err := json.Marshal(mark{what, sum(b), s.Revision, s.Sequence, s.Clock.BootID})
	if err == nil {
		_, err = fmt.Fprintf(w.log, "%s\n", line)
	}
	return err
}

// doing names the step that a state is in.
func doing(s agent.State) string {
	text := "idle"
	switch {
	case len(s.Executions) > 0:
		x := s.Executions[0]
		text = fmt.Sprintf("%s %s", x.Order.Job, x.Phase)
	case s.Calls.LastCall.Order != "":
		text = "last call"
	case len(s.Queue) > 0:
		text = "queue"
	}
	if len(s.Reports) > 0 {
		text += ", to report"
	}
	return text
}

// call is one answered check-in, as the agent saw it.
type call struct {
	Sent         map[job.Sequence]string // digests of the reports, by number
	Floor        job.Sequence            // acknowledged before it began
	Acknowledged job.Sequence
	Held         manifest.Revision
}

// watchedLink notes what the server acknowledged, before the agent receives it.
type watchedLink struct {
	runner.Server
	log   *os.File
	mu    sync.Mutex
	floor job.Sequence
}

// openLink continues with what earlier processes noted.
func openLink(dir string) (*watchedLink, error) {
	before, err := readJSON[call](callsFile(dir))
	if err != nil {
		return nil, err
	}
	w := &watchedLink{}
	for _, c := range before {
		w.floor = max(w.floor, c.Acknowledged)
	}
	w.log, err = appendTo(callsFile(dir))
	return w, err
}

func (w *watchedLink) CheckIn(ctx context.Context, in manifest.CheckIn) (manifest.Answer, error) {
	w.mu.Lock()
	c := call{Sent: map[job.Sequence]string{}, Floor: w.floor, Held: in.Held}
	w.mu.Unlock()
	for _, r := range in.Reports {
		c.Sent[r.Sequence] = digest(r)
	}
	answer, err := w.Server.CheckIn(ctx, in)
	if err != nil {
		return answer, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.floor, c.Acknowledged = max(w.floor, answer.Acknowledged), answer.Acknowledged
	line, err := json.Marshal(c)
	if err == nil {
		_, err = fmt.Fprintf(w.log, "%s\n", line)
	}
	return answer, err
}

func digest(r job.Report) string {
	b, err := json.Marshal(r)
	if err != nil {
		return err.Error()
	}
	return sum(b)
}

func sum(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }
