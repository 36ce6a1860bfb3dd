package killtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/examples/agent/home"
	"github.com/patchpolicy/patchpolicy/examples/quickstart/folder"
	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/examples/server/serve"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/manifest/agenthttp"
)

// patience is how long a world may take: much longer than any does (invariant
// 10).
const patience = 3 * time.Minute

// look is the time between two looks at what is awaited.
const look = 15 * time.Millisecond

const asset job.AssetID = "pc"

// world is one agent, one server and one administrator, in a folder of their
// own.
type world struct {
	dir    string
	rnd    *rand.Rand // decides when raced is cancelled
	vendor *vendor
	line   *line
	agent  program
	server program
	admin  adminhttp.Client
	runs   map[job.ID]job.RunID // as the server answered

	mu     sync.Mutex
	broken []string // what was wrong while the world ran
	copied []string // digests of the states in copies of the agent's file
	tally  map[string]int
}

// broke notes something wrong.
func (w *world) broke(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = append(w.broken, fmt.Sprintf(format, args...))
}

// count counts events for the test's log.
func (w *world) count(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tally[what]++
}

// newWorld makes a world whose processes do not run yet. Role is the server's.
func newWorld(dir, role string, seed uint64) (w *world, err error) {
	w = &world{dir: dir, rnd: rand.New(rand.NewPCG(seed, 1)), runs: map[job.ID]job.RunID{}, tally: map[string]int{}}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if _, _, err := serve.Init(filepath.Dir(serverFiles(dir).Key), 1, 1); err != nil {
		return nil, err
	}
	token, err := serve.ReadToken(serverFiles(dir).AdminToken)
	if err != nil {
		return nil, err
	}
	if w.vendor, err = newVendor(feedFile(dir)); err != nil {
		return nil, err
	}
	if w.line, err = newLine(); err != nil {
		return nil, err
	}
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	w.admin = adminhttp.Client{Server: w.line.url(), Token: token, HTTP: client}
	pause := func() { time.Sleep(time.Millisecond) }
	w.agent = program{spec: spec{Role: agentRole, Dir: dir}, pause: pause}
	w.server = program{spec: spec{Role: role, Dir: dir}, pause: pause, onStart: w.line.to, onEnd: func() { w.line.to("") }}
	platform, err := folder.Open(folder.Config{Dir: diskDir(dir)})
	if err != nil {
		return nil, err
	}
	for _, o := range offers {
		have := older
		if o.present {
			have = newer
		}
		if err := platform.Setup(o.product, have); err != nil {
			return nil, err
		}
	}
	return w, nil
}

func (w *world) close() {
	w.vendor.server.Close()
	_ = w.line.listener.Close()
}

// play runs a world from the enrolment to the end of every order, while meddle
// disturbs it, and then kills both processes. It returns an error if something
// did not end.
func (w *world) play(meddle func(ctx context.Context)) error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), patience, fmt.Errorf("not over after %v", patience))
	defer cancel()
	ctx, fail := context.WithCancelCause(ctx)
	var all sync.WaitGroup
	keep := func(p *program) {
		all.Go(func() {
			if err := p.run(); err != nil {
				fail(err)
			}
		})
	}
	keep(&w.server)
	err := w.enrol(ctx)
	if err == nil {
		keep(&w.agent)
		meddling, stop := context.WithCancel(ctx)
		all.Go(func() { meddle(meddling) })
		err = w.administrate(ctx)
		stop()
	}
	w.agent.end()
	w.server.end()
	all.Wait()
	if cause := context.Cause(ctx); cause != nil {
		err = errors.Join(cause, err)
	}
	if err != nil {
		return fmt.Errorf("%w\n%s", err, w.last())
	}
	return nil
}

// last shows the state of a world that did not end.
func (w *world) last() string {
	var b strings.Builder
	for _, file := range []string{w.agent.log(), w.server.log(), diskLog(w.dir), journalFile(home.Home(w.dir)), pointsFile(w.dir, agentRole)} {
		fmt.Fprintf(&b, "%s:\n%s\n", filepath.Base(file), tail(file, 3000))
	}
	s, err := loadAgent(home.Home(w.dir).StateFile())
	text, _ := s.MarshalBinary() // it was just read
	fmt.Fprintf(&b, "the agent's state: %v %s\n", err, text)
	return b.String()
}

// ask asks the server until it answers. Everything that an administrator does
// here can be repeated.
func (w *world) ask(ctx context.Context, method, path string, in, out any) error {
	for {
		err := w.admin.Do(ctx, method, path, nil, in, out)
		if _, refused := errors.AsType[*adminhttp.Error](err); err == nil || refused {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
		time.Sleep(look / 3)
	}
}

// wait calls done again and again until it returns true.
func (w *world) wait(ctx context.Context, what string, done func() (bool, error)) error {
	for {
		if over, err := done(); over || err != nil {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("waited for %s", what)
		}
		time.Sleep(look)
	}
}

func (w *world) enrol(ctx context.Context) error {
	var token adminhttp.MadeToken
	if err := w.ask(ctx, http.MethodPost, "tokens", adminhttp.NewToken{Name: "one"}, &token); err != nil {
		return err
	}
	h := home.Home(w.dir)
	key, err := h.MakeKey(false)
	if err != nil {
		return err
	}
	id := home.Identity{Server: w.line.url(), Asset: asset}
	connection := agenthttp.Config{Server: id.Server, Asset: id.Asset, Key: key}
	var enrolled manifest.Enrolled
	err = w.wait(ctx, "the enrolment", func() (bool, error) {
		var err error
		enrolled, id.Trust, err = agenthttp.Enrol(ctx, connection, manifest.Enrolment{Token: token.Secret, Platform: catalog.Linux}, "")
		if _, refused := errors.AsType[*agenthttp.Problem](err); refused {
			return false, err
		}
		return err == nil, nil
	})
	id.Every = enrolled.Every
	return errors.Join(err, h.Save(id))
}

// show returns what the server says of a job's order.
func (w *world) show(ctx context.Context, id job.ID) (a controller.RunAsset, err error) {
	var list []controller.RunAsset
	if err := w.ask(ctx, http.MethodGet, "runs/"+string(w.runs[id])+"/assets", nil, &list); err != nil {
		return a, err
	}
	if len(list) == 1 {
		a = list[0]
	}
	return a, nil
}
