// Package scenario is the quickstart's story: nine assets, what the vendor
// offers them, and the results that the rules demand. Play compares them with
// what the real server reports, and with what is on the assets' disks.
package scenario

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/examples/quickstart/folder"
	"github.com/patchpolicy/patchpolicy/examples/quickstart/show"
	"github.com/patchpolicy/patchpolicy/examples/quickstart/vendor"
	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/examples/server/serve"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/reboot"
)

const (
	signer  = "Acme"
	main    = job.ID("monthly") // the job over all nine assets
	checkIn = 400 * time.Millisecond
	look    = 50 * time.Millisecond // between two looks at the server
)

// Play plays the story once.
type Play struct {
	Dir      string // for the server's and the assets' files
	Cases    []Case
	Cancels  []Cancel
	Progress *show.Progress
	Logger   *slog.Logger // the server's

	vendor *vendor.Vendor
	admin  admin
	assets map[job.AssetID]*asset
	runs   map[job.ID]job.RunID
	tried  map[job.ID]attempt
	held   map[catalog.ProductID]chan struct{} // closed when its installation may go on
}

// Run plays the story and returns the table's rows. A row with Unlike did not
// come out as expected; an error says that the story could not be played.
func (p *Play) Run(ctx context.Context) (rows []show.Row, err error) {
	p.assets, p.runs, p.tried = map[job.AssetID]*asset{}, map[job.ID]job.RunID{}, map[job.ID]attempt{}
	p.held = map[catalog.ProductID]chan struct{}{}
	for _, c := range p.Cancels {
		p.held[c.Release.Product] = make(chan struct{})
	}
	if p.vendor, err = vendor.Start(signer, filepath.Join(p.Dir, "vendor")); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.vendor.Close()) }()
	all, ctx := errgroup.WithContext(ctx)
	running, stop := context.WithCancel(ctx)
	all.Go(func() (err error) {
		defer stop() // ends the server and the agents
		if err := p.setUp(ctx, running, all); err != nil {
			return err
		}
		rows, err = p.play(ctx)
		return err
	})
	err = all.Wait()
	return rows, err
}

// setUp publishes the patches, starts the server, installs what the assets have
// and starts their agents. Server and agents run in the group until running
// ends.
func (p *Play) setUp(ctx, running context.Context, all *errgroup.Group) error {
	patches := 0
	for _, o := range p.offers {
		if err := p.vendor.Publish(o.Release); err != nil {
			return err
		}
		patches++
	}
	fingerprint, err := p.serve(ctx, running, all)
	if err != nil {
		return err
	}
	token, err := p.admin.token(ctx, len(p.Cases))
	if err != nil {
		return err
	}
	verifier, err := p.vendor.Verifier()
	if err != nil {
		return err
	}
	for _, c := range p.Cases {
		a := &asset{id: c.Asset, dir: filepath.Join(p.Dir, string(c.Asset)), observe: p.observe}
		a.disk, err = folder.Open(folder.Config{Dir: filepath.Join(a.dir, "disk"), Restart: func() { a.down() }, Hold: p.hold})
		if err != nil {
			return err
		}
		p.assets[a.id] = a
	}
	for id, o := range p.offers {
		if o.Have == "" {
			continue
		}
		v, err := version.Parse(version.Semver, o.Have)
		if err == nil {
			err = p.assets[id].disk.Setup(o.Release.Product, v)
		}
		if err != nil {
			return err
		}
	}
	p.Progress.Say("vendor %s signs and serves %d patches; the server is at %s", signer, patches, p.admin.Server)
	for id, a := range p.assets {
		all.Go(func() error {
			if err := a.run(running, p.admin.Server, token, fingerprint, verifier); err != nil {
				return fmt.Errorf("asset %s: %w", id, err)
			}
			return nil
		})
	}
	return nil
}

// serve makes the server's keys, starts it on a free port of the loopback, and
// waits until its catalog has the vendor's patches. It returns the fingerprint
// of the trust document.
func (p *Play) serve(ctx, running context.Context, all *errgroup.Group) (fingerprint string, err error) {
	files, trust, err := serve.Init(filepath.Join(p.Dir, "server"), 1, 1)
	if err != nil {
		return "", err
	}
	token, err := serve.ReadToken(files.AdminToken)
	if err != nil {
		return "", err
	}
	feed, err := p.vendor.Feed()
	if err != nil {
		return "", err
	}
	listening := make(chan net.Addr, 1)
	all.Go(func() error {
		return serve.Run(running, serve.Config{
			Files: files, Listen: "127.0.0.1:0", SyncEvery: time.Hour, CheckIn: checkIn, Feeds: []catalog.Feed{feed},
			Logger: p.Logger, Listening: func(at net.Addr) { listening <- at },
		})
	})
	select {
	case at := <-listening:
		p.admin = admin{adminhttp.Client{Server: "http://" + at.String(), Token: token, HTTP: http.DefaultClient}}
	case <-ctx.Done():
		return "", fmt.Errorf("waited for the server to start: %w", context.Cause(ctx))
	}
	return manifest.TrustFingerprint(trust[0]), p.admin.sync(ctx)
}

// hold makes the installation of a patch whose job is cancelled wait for the
// server's answer, so that the cancel finds it under way.
func (p *Play) hold(ctx context.Context, product catalog.ProductID) {
	if held, is := p.held[product]; is {
		select {
		case <-held:
		case <-ctx.Done():
		}
	}
}

// offers ranges over what the vendor offers to each asset.
func (p *Play) offers(yield func(job.AssetID, Offer) bool) {
	for _, c := range p.Cases {
		for _, o := range c.Offers {
			if !yield(c.Asset, o) {
				return
			}
		}
	}
	for _, c := range p.Cancels {
		if !yield(c.Asset, c.Offer) {
			return
		}
	}
}

// play goes from the first check-in to the table.
func (p *Play) play(ctx context.Context) ([]show.Row, error) {
	err := p.wait(ctx, "all assets to enrol and to report what is installed", func() (bool, error) {
		list, err := p.admin.assets(ctx)
		list = slices.DeleteFunc(list, func(a controller.AssetStatus) bool { return a.InventoryAt.IsZero() })
		return len(list) == len(p.Cases), err
	})
	if err != nil {
		return nil, err
	}
	p.Progress.Say("%d assets are enrolled", len(p.Cases))
	if err := p.interfere(); err != nil {
		return nil, err
	}
	if err := p.begin(ctx); err != nil {
		return nil, err
	}
	for _, c := range p.Cancels {
		if err := p.cancel(ctx, c); err != nil {
			return nil, err
		}
	}
	err = p.wait(ctx, "every order to end", func() (bool, error) { return p.ended(ctx) })
	if err != nil {
		return nil, err
	}
	return p.rows(ctx)
}

// begin creates the job over all assets.
func (p *Play) begin(ctx context.Context) error {
	d := job.Definition{
		ID: main, Name: "monthly patches", Platform: catalog.Linux,
		Schedule: schedule.Schedule{Kind: schedule.OnDemand}, Reboot: reboot.Policy{Countdown: time.Second},
	}
	for _, c := range p.Cases {
		d.Assets.Include = append(d.Assets.Include, c.Asset)
		for _, o := range c.Offers {
			d.Patches.List = append(d.Patches.List, o.Release.ID())
		}
	}
	run, err := p.admin.begin(ctx, d)
	p.runs[d.ID] = run
	p.Progress.Say("job %s starts on all assets", d.ID)
	return err
}

// interfere does what happens to patches after they are listed and before they
// are downloaded.
func (p *Play) interfere() error {
	for _, o := range p.offers {
		if o.Tamper {
			if err := p.vendor.Tamper(o.Release); err != nil {
				return err
			}
			p.Progress.Say("an attacker changes %s %s on the vendor's server", o.Release.Product, o.Release.Version)
		}
		if o.MovesOn != "" {
			newer := o.Release
			newer.Version = o.MovesOn
			if err := p.vendor.MoveOn(newer); err != nil {
				return err
			}
			p.Progress.Say("the vendor serves %s %s at the address of %s", newer.Product, newer.Version, o.Release.Version)
		}
	}
	return nil
}

// cancel creates a job, waits for the moment its Cancel names, and cancels it.
func (p *Play) cancel(ctx context.Context, c Cancel) error {
	d := job.Definition{
		ID: c.Job, Name: string(c.Job), Platform: catalog.Linux, Schedule: schedule.Schedule{Kind: schedule.OnDemand},
		Assets: job.Assets{Include: []job.AssetID{c.Asset}}, Patches: job.Patches{List: []catalog.PatchID{c.Release.ID()}},
	}
	if c.In > 0 {
		d.Schedule = schedule.Schedule{Kind: schedule.Once, At: time.Now().UTC().Add(c.In).Truncate(time.Second)}
	}
	run, err := p.admin.begin(ctx, d)
	if err != nil {
		return err
	}
	p.runs[c.Job] = run
	err = p.wait(ctx, fmt.Sprintf("job %s to reach the point where it is cancelled", c.Job), func() (bool, error) {
		list, err := p.admin.runAssets(ctx, run)
		return err == nil && len(list) > 0 && list[0].HandedOut && list[0].Stage >= c.TooLate, err
	})
	if err != nil {
		return err
	}
	a, err := p.admin.cancel(ctx, c.Job)
	p.tried[c.Job] = a
	close(p.held[c.Release.Product])
	p.Progress.Say("cancel of job %s: %s", c.Job, a.answer)
	return err
}

// ended reports whether every order has its result, and shows those that have.
func (p *Play) ended(ctx context.Context) (bool, error) {
	all := true
	for id, run := range p.runs {
		list, err := p.admin.runAssets(ctx, run)
		if err != nil {
			return false, err
		}
		for _, a := range list {
			switch {
			case a.Ended.IsZero():
				all = false
			case id == main:
				p.Progress.Step(string(a.Asset), show.Steps, a.Result.String())
			}
		}
	}
	return all, nil
}

// wait polls done until it returns true or an error.
func (p *Play) wait(ctx context.Context, what string, done func() (bool, error)) error {
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		if over, err := done(); over || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited for %s: %w", what, context.Cause(ctx))
		case <-ticker.C:
		}
	}
}

// observe shows how far an asset is with its order of the main job.
func (p *Play) observe(id job.AssetID, s agent.State) {
	for _, o := range s.Queue {
		if o.Job == main {
			p.Progress.Step(string(id), 1, "has its order")
		}
	}
	for _, x := range s.Executions {
		if x.Order.Job == main && x.Stage < job.StageDone {
			p.Progress.Step(string(id), 1+int(x.Stage), x.Stage.String())
		}
	}
}
