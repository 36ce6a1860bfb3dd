package runner_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/execution"
	"github.com/patchpolicy/patchpolicy/job/runner"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/reboot"
)

const asset job.AssetID = "web-1"

var serverKey = ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", 32)))

func semver(s string) version.Version {
	v, err := version.Parse(version.Semver, s)
	if err != nil {
		panic(err)
	}
	return v
}

// unsigned finds no signature anywhere.
type unsigned struct{}

func (unsigned) Verify(io.ReaderAt, int64, []byte) integrity.Signature {
	return integrity.Signature{Status: integrity.Absent}
}

// memory is a State that can fail.
type memory struct {
	mu    sync.Mutex
	saved []byte
	ended []byte
	fail  error
}

func (m *memory) Load(context.Context) ([]byte, []byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bytes.Clone(m.saved), bytes.Clone(m.ended), m.fail
}

func (m *memory) Commit(_ context.Context, b, ended []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	m.saved = bytes.Clone(b)
	if ended != nil {
		m.ended = bytes.Clone(ended)
	}
	return nil
}

func (m *memory) state(t *testing.T) agent.State {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	var s agent.State
	if m.saved == nil {
		return s
	}
	require.NoError(t, s.UnmarshalBinary(m.saved))
	return s
}

// computer is a Platform in memory: what is installed is the content of the
// files deployed. Its methods notice calls at the same time.
type computer struct {
	mu        sync.Mutex
	installed map[catalog.ProductID]string
	boot      int
	sessions  reboot.Sessions
	mark      bool
	prompts   []string
	shown     []execution.Prompt
	later     bool // what the user answers
	deploys   int
	acts      []string
	limits    []time.Duration // of the installs
	busy      int             // calls under way that must come one at a time
	overlap   bool

	inventoryTakes                                   time.Duration
	inventoryErr, preflightErr, deployErr, statusErr error
	outcomes                                         func([]runner.Staged) []execution.InstallResult // nil: all succeed
	reboots                                          func(*computer) error
	statusHangs                                      func(ctx context.Context)
	duringDeploy                                     func(ctx context.Context)
	duringAct                                        func(ctx context.Context) error
}

func newComputer(installed map[catalog.ProductID]string) *computer {
	return &computer{installed: installed, sessions: reboot.Nobody, boot: 1,
		reboots: func(c *computer) error { c.boot++; c.mark = false; return nil }}
}

func (c *computer) alone() func() {
	c.mu.Lock()
	c.busy++
	c.overlap = c.overlap || c.busy > 1
	c.mu.Unlock()
	return func() { c.mu.Lock(); c.busy--; c.mu.Unlock() }
}

func (c *computer) Inventory(ctx context.Context) (catalog.Inventory, error) {
	defer c.alone()()
	c.mu.Lock()
	takes := c.inventoryTakes
	c.mu.Unlock()
	if takes > 0 {
		select {
		case <-ctx.Done():
			return catalog.Inventory{}, ctx.Err()
		case <-time.After(takes):
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inventoryErr != nil {
		return catalog.Inventory{}, c.inventoryErr
	}
	var all []catalog.Installed
	for id, v := range c.installed {
		all = append(all, catalog.Installed{Product: id, Version: semver(v)})
	}
	return catalog.NewInventory(catalog.Linux, all)
}

func (c *computer) Status(ctx context.Context) (runner.Status, error) {
	c.mu.Lock()
	hangs := c.statusHangs
	c.mu.Unlock()
	if hangs != nil {
		hangs(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return runner.Status{BootID: fmt.Sprint("boot ", c.boot), Sessions: c.sessions, RebootRequired: c.mark}, c.statusErr
}

func (c *computer) Preflight(_ context.Context, patches []runner.Staged) ([]execution.PreflightResult, error) {
	defer c.alone()()
	return nil, c.preflightErr
}

func (c *computer) Install(ctx context.Context, patches []runner.Staged, limit time.Duration) ([]execution.InstallResult, error) {
	defer c.alone()()
	c.limits = append(c.limits, limit)
	if c.duringDeploy != nil {
		c.duringDeploy(ctx)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deploys++
	if c.deployErr != nil {
		return nil, c.deployErr
	}
	if c.outcomes != nil {
		return c.outcomes(patches), nil
	}
	var out []execution.InstallResult
	for _, p := range patches {
		b, err := io.ReadAll(p.Files[0])
		if err != nil {
			return nil, err
		}
		c.installed[p.Patch.Product] = string(b)
		out = append(out, execution.InstallResult{Index: p.Index})
	}
	return out, nil
}

func (c *computer) RunAction(ctx context.Context, a job.Action) (int, string, error) {
	defer c.alone()()
	if c.duringAct != nil {
		if err := c.duringAct(ctx); err != nil {
			return 0, "", err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.acts = append(c.acts, a.Name)
	return 0, "ran " + a.Name + "\n", nil
}

func (c *computer) Prompt(_ context.Context, p execution.Prompt, answer func(execution.PromptAnswered)) error {
	c.mu.Lock()
	c.prompts = append(c.prompts, fmt.Sprintf("%T", p.Kind))
	c.shown = append(c.shown, p)
	later := c.later
	c.mu.Unlock()
	if _, ok := p.Kind.(reboot.ShowPrompt); ok {
		go answer(execution.PromptAnswered{Later: later})
	}
	return nil
}

func (c *computer) Reboot(context.Context) error {
	defer c.alone()()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reboots(c)
}

// server hands out orders and takes reports. When it is down it does not
// answer.
type server struct {
	t        *testing.T
	mu       sync.Mutex
	orders   []job.Order
	revision manifest.Revision
	accepted []job.Report
	digest   string
	calls    []manifest.CheckIn
	down     bool
	refuses  bool
	hang     bool
}

func (s *server) put(orders ...job.Order) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.orders = orders
	s.revision++
}

func (s *server) CheckIn(ctx context.Context, in manifest.CheckIn) (manifest.Answer, error) {
	s.mu.Lock()
	hang := s.hang
	s.mu.Unlock()
	if hang {
		<-ctx.Done()
		return manifest.Answer{}, ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, in)
	if s.refuses {
		return manifest.Answer{}, fmt.Errorf("no asset of that name: %w", manifest.ErrRefused)
	}
	if s.down {
		return manifest.Answer{}, errors.New("connection refused")
	}
	if err := in.Validate(); err != nil {
		return manifest.Answer{}, err
	}
	for _, r := range in.Reports {
		if int(r.Sequence) == len(s.accepted)+1 {
			s.accepted = append(s.accepted, r)
		}
	}
	if in.Inventory != nil {
		s.digest = in.Inventory.Digest()
	}
	a := manifest.Answer{At: time.Now().UTC(), Acknowledged: job.Sequence(len(s.accepted)), WantInventory: in.Digest != s.digest}
	if in.Held < s.revision {
		now := time.Now().UTC()
		sealed, err := manifest.Seal(manifest.Document{Format: manifest.Format, Asset: asset, Revision: s.revision, Issued: now,
			Expires: now.Add(24 * time.Hour), Orders: s.orders}, manifest.NewSigner(serverKey))
		if err != nil {
			return manifest.Answer{}, err
		}
		a.Manifest = sealed
	}
	return a, nil
}

// result is the last result reported for an order, or nil.
func (s *server) result() *job.Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.accepted) - 1; i >= 0; i-- {
		if s.accepted[i].Result != 0 {
			return &s.accepted[i]
		}
	}
	return nil
}

// bench is everything a runner needs.
type bench struct {
	*testing.T
	dir    string
	state  *memory
	pc     *computer
	server *server
	cfg    runner.Config

	mu    sync.Mutex
	trace []string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{T: t, dir: t.TempDir(), state: &memory{}, server: &server{t: t},
		pc: newComputer(map[catalog.ProductID]string{"app": "1.0.0", "lib": "1.0.0"})}
	start := time.Now()
	b.cfg = runner.Config{
		Agent: agent.Config{Asset: asset, Key: manifest.NewVerifier(serverKey.Public().(ed25519.PublicKey)), Every: time.Minute},
		State: b.state, Platform: b.pc, Server: b.server, Verifier: unsigned{}, Stage: filepath.Join(b.dir, "stage"), LocalFiles: b.dir,
		Clock: func() agent.Moment { return agent.Moment{Wall: time.Now().UTC(), Up: time.Since(start)} },
		Trace: func(p string) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.trace = append(b.trace, p)
		},
	}
	return b
}

func (b *bench) traced() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.trace...)
}

// order makes an order that upgrades products to 2.0.0 from file URLs.
func (b *bench) order(id job.ID, products ...catalog.ProductID) job.Order {
	b.Helper()
	start := time.Now().UTC().Truncate(time.Second)
	run := job.MakeRunID(id, start)
	o := job.Order{ID: job.MakeOrderID(run, asset), Job: id, Name: string(id), Run: run, Revision: 1, Start: start, Reboot: reboot.Policy{Countdown: -1}}
	for _, p := range products {
		path := filepath.Join(b.dir, string(p)+"-2.0.0")
		require.NoError(b, os.WriteFile(path, []byte("2.0.0"), 0o600))
		sum := sha256.Sum256([]byte("2.0.0"))
		o.Patches = append(o.Patches, job.OrderPatch{Patch: catalog.PatchID(p + "=2.0.0"), Product: p, Name: string(p), Version: semver("2.0.0"), Transaction: "t",
			Files: []job.File{{Name: string(p), URL: fileURL(path), Size: 5,
				Expect: integrity.Expectation{Digests: []integrity.Digest{{Algorithm: integrity.SHA256, Sum: hex.EncodeToString(sum[:])}}}}}})
	}
	return o
}

func fileURL(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}

// run starts a runner; stop ends it and returns Run's error.
func (b *bench) run() (stop func() error) {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- runner.Run(ctx, b.cfg) }()
	return func() error { cancel(); return <-done }
}

// until waits, on the bubble's clock, for something to come true.
func (b *bench) until(what string, ok func() bool) {
	b.Helper()
	for range 20_000 {
		if ok() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	b.Fatalf("%s did not come; trace %v", what, b.traced())
}

func (b *bench) ended() *job.Report {
	b.Helper()
	b.until("the result", func() bool {
		r := b.server.result()
		return r != nil && r.Result != job.PendingReboot && r.Result != job.PendingVerification
	})
	return b.server.result()
}
