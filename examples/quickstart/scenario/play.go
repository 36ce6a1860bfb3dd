package scenario

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/version"
	"github.com/patchpolicy/patchpolicy/examples/quickstart/asset"
	"github.com/patchpolicy/patchpolicy/examples/quickstart/server"
	"github.com/patchpolicy/patchpolicy/examples/quickstart/show"
	"github.com/patchpolicy/patchpolicy/examples/quickstart/vendor"
	"github.com/patchpolicy/patchpolicy/integrity/sigstoreverify"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/schedule"
	"github.com/patchpolicy/patchpolicy/reboot"
)

const (
	signer = "Acme"
	main   = job.ID("monthly") // the job over all nine assets
	lead   = 3 * time.Second   // from creating it to its start
	look   = 50 * time.Millisecond
)

// Play is one performance of the story.
type Play struct {
	Dir      string // for the server's and the assets' files
	Cases    []Case
	Cancels  []Cancel
	Progress *show.Progress

	vendor *vendor.Vendor
	server *server.Server
	assets map[job.AssetID]*asset.Asset
	runs   map[job.ID]job.RunID
	tried  map[job.ID]attempt
}

// attempt is a cancel and its first answer.
type attempt struct {
	at     job.Stage // the stage the asset had reached; zero: none
	report controller.CancelReport
	err    error // a *controller.CancelRefused, or nil
}

// Run plays the story and returns the table's rows; a row with Unlike did not come out as the rules say. The error is
// trouble in the performance itself.
func (p *Play) Run(ctx context.Context) (rows []show.Row, err error) {
	if err := p.setUp(ctx); err != nil {
		return nil, errors.Join(err, p.tearDown())
	}
	defer func() { err = errors.Join(err, p.tearDown()) }()

	all, ctx := errgroup.WithContext(ctx)
	agents, stop := context.WithCancel(ctx)
	defer stop()
	for _, a := range p.assets {
		all.Go(func() error { return a.Run(agents) })
	}
	all.Go(func() (err error) {
		defer stop() // the agents' work is done, or the story went wrong
		rows, err = p.play(ctx)
		return err
	})
	err = all.Wait()
	return rows, err
}

// setUp starts the vendor and the server and installs what the assets have.
func (p *Play) setUp(ctx context.Context) (err error) {
	p.assets, p.runs, p.tried = map[job.AssetID]*asset.Asset{}, map[job.ID]job.RunID{}, map[job.ID]attempt{}
	if p.vendor, err = vendor.Start(signer); err != nil {
		return err
	}
	if p.server, err = server.Start(ctx, p.Dir, len(p.Cases)); err != nil {
		return err
	}
	trusted, err := p.vendor.Signer()
	if err != nil {
		return err
	}
	verifier, err := sigstoreverify.New(trusted)
	if err != nil {
		return err
	}
	for _, c := range p.Cases {
		a, err := asset.New(asset.Config{
			ID: c.Asset, Dir: filepath.Join(p.Dir, string(c.Asset)), Server: p.server.URL, Token: p.server.Token,
			Fingerprint: p.server.Fingerprint, Verifier: verifier, Observe: func(s agent.State) { p.observe(c.Asset, s) },
		})
		if err != nil {
			return err
		}
		p.assets[c.Asset] = a
		for _, o := range c.Offers {
			if err := p.offer(c.Asset, o.Have, o.Release); err != nil {
				return err
			}
		}
	}
	for _, c := range p.Cancels {
		if err := p.offer(c.Asset, c.Have, c.Release); err != nil {
			return err
		}
	}
	feed, err := p.vendor.Feed()
	if err != nil {
		return err
	}
	if err := p.server.SyncFeed(ctx, feed); err != nil {
		return err
	}
	p.Progress.Say("vendor %s signs and serves %d patches; server on %s", signer, p.offers(), p.server.URL)
	return nil
}

func (p *Play) offers() (n int) {
	for _, c := range p.Cases {
		n += len(c.Offers)
	}
	return n + len(p.Cancels)
}

// offer publishes a release and installs what the asset has of its product.
func (p *Play) offer(id job.AssetID, have string, r vendor.Release) error {
	if err := p.vendor.Publish(r); err != nil || have == "" {
		return err
	}
	v, err := version.Parse(version.Semver, have)
	if err != nil {
		return err
	}
	return p.assets[id].Disk().Setup(r.Product, v)
}

func (p *Play) tearDown() (err error) {
	if p.server != nil {
		err = p.server.Close()
	}
	if p.vendor != nil {
		err = errors.Join(err, p.vendor.Close())
	}
	return err
}

// play is the story from the first check-in to the table.
func (p *Play) play(ctx context.Context) ([]show.Row, error) {
	err := p.wait(ctx, "all assets to enrol and to tell what is installed", func() (bool, error) {
		list, err := p.server.Assets(ctx, "", controller.MaxPage, time.Now())
		told := 0
		for _, a := range list {
			if !a.InventoryAt.IsZero() {
				told++
			}
		}
		return told == len(p.Cases), err
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
		Schedule: schedule.Schedule{Kind: schedule.Once, At: time.Now().UTC().Add(lead).Truncate(time.Second)},
		Reboot:   reboot.Policy{Countdown: time.Second},
	}
	for _, c := range p.Cases {
		d.Assets.Include = append(d.Assets.Include, c.Asset)
		for _, o := range c.Offers {
			d.Patches.List = append(d.Patches.List, o.Release.ID())
		}
	}
	run, err := p.server.Begin(ctx, d)
	p.runs[d.ID] = run
	p.Progress.Say("job %s starts at %s on all of them", d.ID, d.Schedule.At.Format(time.TimeOnly))
	return err
}

// interfere does what happens between the listing of a patch and its download.
func (p *Play) interfere() error {
	for _, c := range p.Cases {
		for _, o := range c.Offers {
			if o.Tamper {
				if err := p.vendor.Tamper(o.Release); err != nil {
					return err
				}
				p.Progress.Say("somebody changes %s %s on the vendor's server", o.Release.Product, o.Release.Version)
			}
			if o.MovesOn != "" {
				newer := o.Release
				newer.Version = o.MovesOn
				if err := p.vendor.MoveOn(newer); err != nil {
					return err
				}
				p.Progress.Say("the vendor moves on: %s is %s now at the same address", newer.Product, newer.Version)
			}
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
	run, err := p.server.Begin(ctx, d)
	if err != nil {
		return err
	}
	p.runs[c.Job] = run
	var a attempt
	err = p.wait(ctx, fmt.Sprintf("job %s to get where it is cancelled", c.Job), func() (bool, error) {
		list, err := p.server.RunAssets(ctx, run, "", 1)
		if err != nil || len(list) == 0 {
			return false, err
		}
		a.at = list[0].Stage
		return list[0].HandedOut && a.at >= c.TooLate, nil
	})
	if err != nil {
		return err
	}
	a.report, a.err = p.server.CancelJob(ctx, c.Job, time.Now())
	if _, refused := errors.AsType[*controller.CancelRefused](a.err); a.err != nil && !refused {
		return a.err
	}
	p.tried[c.Job] = a
	p.Progress.Say("cancel of job %s: %s", c.Job, a.answer())
	return nil
}

// answer is the server's first answer, in words.
func (a attempt) answer() string {
	if a.err != nil {
		return "refused: " + a.err.Error()
	}
	if len(a.report.Assets) == 0 {
		return "accepted"
	}
	return "accepted, " + a.report.Assets[0].State.String()
}

// ended tells whether every order has its result, and shows those that have.
func (p *Play) ended(ctx context.Context) (bool, error) {
	all := true
	for id, run := range p.runs {
		list, err := p.server.RunAssets(ctx, run, "", controller.MaxPage)
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

// wait looks again and again until done says so.
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

// observe shows where an asset is with its order of the main job.
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
