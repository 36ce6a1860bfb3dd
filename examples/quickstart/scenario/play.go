// Package scenario is the quickstart's story: nine assets, what the vendor
// offers them, and the results that the rules demand. Play compares them with
// what the real server reports, and with what is on the assets' disks.
package scenario

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
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
	admin  adminhttp.Client
	assets map[job.AssetID]*asset
	runs   map[job.ID]job.RunID
	tried  map[job.ID]attempt
	held   map[catalog.ProductID]chan struct{} // closed when its installation may go on
	err    error                               // the first; it ends the story
}

func (p *Play) fail(err error) { p.err = cmp.Or(p.err, err) }

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
	all.Go(func() error {
		defer stop() // ends the server and the agents
		if p.setUp(ctx, running, all); p.err == nil {
			rows = p.play(ctx)
		}
		return p.err
	})
	err = all.Wait()
	return rows, err
}

// setUp publishes the patches, starts the server, installs what the assets have
// and starts their agents. Server and agents run in the group until running
// ends.
func (p *Play) setUp(ctx, running context.Context, all *errgroup.Group) {
	patches := 0
	for _, o := range p.offers {
		p.fail(p.vendor.Publish(o.Release))
		patches++
	}
	fingerprint := p.serve(ctx, running, all)
	token := ask[adminhttp.MadeToken](ctx, p, "POST tokens", adminhttp.NewToken{Name: "quickstart", Uses: len(p.Cases)}).Secret
	verifier, err := p.vendor.Verifier()
	p.fail(err)
	for _, c := range p.Cases {
		a := &asset{id: c.Asset, dir: filepath.Join(p.Dir, string(c.Asset)), observe: p.observe}
		a.disk, err = folder.Open(folder.Config{Dir: filepath.Join(a.dir, "disk"), Restart: func() { a.down() }, Hold: p.hold})
		p.fail(err)
		p.assets[a.id] = a
	}
	if p.err != nil {
		return
	}
	for id, o := range p.offers {
		if o.Have != "" {
			v, err := version.Parse(version.Semver, o.Have)
			p.fail(cmp.Or(err, p.assets[id].disk.Setup(o.Release.Product, v)))
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
}

// serve makes the server's keys, starts it on a free port of the loopback, and
// waits until its catalog has the vendor's patches. It returns the fingerprint
// of the trust document.
func (p *Play) serve(ctx, running context.Context, all *errgroup.Group) (fingerprint string) {
	files, trust, err := serve.Init(filepath.Join(p.Dir, "server"), 1, 1)
	p.fail(err)
	token, err := serve.ReadToken(files.AdminToken)
	p.fail(err)
	feed, err := p.vendor.Feed()
	if p.fail(err); p.err != nil {
		return ""
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
		p.admin = adminhttp.Client{Server: "http://" + at.String(), Token: token, HTTP: http.DefaultClient}
	case <-ctx.Done():
		p.fail(fmt.Errorf("waited for the server to start: %w", context.Cause(ctx)))
	}
	changes := ask[catalog.Changes](ctx, p, "POST sync", nil)
	if len(changes.Failed)+len(changes.Rejected) > 0 {
		p.fail(fmt.Errorf("the server does not take the vendor's list: failed %v, rejected %v", changes.Failed, changes.Rejected))
	}
	return manifest.TrustFingerprint(trust[0])
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
func (p *Play) play(ctx context.Context) []show.Row {
	p.wait(ctx, "all assets to enrol and to report what is installed", func() bool {
		list := ask[[]controller.AssetStatus](ctx, p, "GET assets", nil)
		list = slices.DeleteFunc(list, func(a controller.AssetStatus) bool { return a.InventoryAt.IsZero() })
		return len(list) == len(p.Cases)
	})
	p.say("%d assets are enrolled", len(p.Cases))
	p.interfere()
	p.begin(ctx)
	for _, c := range p.Cancels {
		p.cancel(ctx, c)
	}
	p.wait(ctx, "every order to end", func() bool { return p.ended(ctx) })
	return p.rows(ctx)
}

// say shows what happened, unless an error did.
func (p *Play) say(format string, args ...any) {
	if p.err == nil {
		p.Progress.Say(format, args...)
	}
}

// begin creates the job over all assets.
func (p *Play) begin(ctx context.Context) {
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
	p.start(ctx, d)
	p.say("job %s starts on all assets", d.ID)
}

// interfere does what happens to patches after they are listed and before they
// are downloaded.
func (p *Play) interfere() {
	for _, o := range p.offers {
		if o.Tamper {
			p.fail(p.vendor.Tamper(o.Release))
			p.say("an attacker changes %s %s on the vendor's server", o.Release.Product, o.Release.Version)
		}
		if o.MovesOn != "" {
			newer := o.Release
			newer.Version = o.MovesOn
			p.fail(p.vendor.MoveOn(newer))
			p.say("the vendor serves %s %s at the address of %s", newer.Product, newer.Version, o.Release.Version)
		}
	}
}

// cancel creates a job, waits for the moment its Cancel names, and cancels it.
func (p *Play) cancel(ctx context.Context, c Cancel) {
	d := job.Definition{
		ID: c.Job, Name: string(c.Job), Platform: catalog.Linux, Schedule: schedule.Schedule{Kind: schedule.OnDemand},
		Assets: job.Assets{Include: []job.AssetID{c.Asset}}, Patches: job.Patches{List: []catalog.PatchID{c.Release.ID()}},
	}
	if c.In > 0 {
		d.Schedule = schedule.Schedule{Kind: schedule.Once, At: time.Now().UTC().Add(c.In).Truncate(time.Second)}
	}
	p.start(ctx, d)
	p.wait(ctx, fmt.Sprintf("job %s to reach the point where it is cancelled", c.Job), func() bool {
		list := p.runAssets(ctx, c.Job)
		return len(list) > 0 && list[0].HandedOut && list[0].Stage >= c.TooLate
	})
	p.tried[c.Job] = p.tryCancel(ctx, c.Job)
	close(p.held[c.Release.Product])
	p.say("cancel of job %s: %s", c.Job, p.tried[c.Job].answer)
}

// ended reports whether every order has its result, and shows those that have.
func (p *Play) ended(ctx context.Context) bool {
	all := true
	for id := range p.runs {
		for _, a := range p.runAssets(ctx, id) {
			switch {
			case a.Ended.IsZero():
				all = false
			case id == main:
				p.Progress.Step(string(a.Asset), show.Steps, a.Result.String())
			}
		}
	}
	return all
}

// wait polls done until it returns true or an error ends the story.
func (p *Play) wait(ctx context.Context, what string, done func() bool) {
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for p.err == nil && !done() {
		select {
		case <-ctx.Done():
			p.fail(fmt.Errorf("waited for %s: %w", what, context.Cause(ctx)))
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

// ask makes a call to the server over HTTP, as the server's own commands do. A
// call is written as a method and a path with places for its arguments. An error
// ends the story.
func ask[T any](ctx context.Context, p *Play, call string, in any, args ...string) (out T) {
	if p.err != nil {
		return out
	}
	for _, arg := range args {
		call = strings.Replace(call, "{}", url.PathEscape(arg), 1)
	}
	method, path, _ := strings.Cut(call, " ")
	p.fail(p.admin.Do(ctx, method, path, nil, in, &out))
	return out
}

func (p *Play) runAssets(ctx context.Context, id job.ID) []controller.RunAsset {
	return ask[[]controller.RunAsset](ctx, p, "GET runs/{}/assets", nil, string(p.runs[id]))
}

// start saves a job and enables it.
func (p *Play) start(ctx context.Context, d job.Definition) {
	text, err := adminhttp.FormatDefinition(d)
	p.fail(err)
	ask[job.Definition](ctx, p, "PUT jobs/{}", json.RawMessage(text), string(d.ID))
	p.runs[d.ID] = ask[adminhttp.Enabled](ctx, p, "POST jobs/{}/enable", nil, string(d.ID)).Run
}

// attempt is the server's first answer to a cancel.
type attempt struct {
	answer string
	stage  job.Stage // that has begun, if it came too late; otherwise zero
}

// tryCancel cancels a job that has one asset.
func (p *Play) tryCancel(ctx context.Context, id job.ID) (try attempt) {
	report := ask[controller.CancelReport](ctx, p, "POST jobs/{}/cancel", nil, string(id))
	refusal, refused := errors.AsType[*adminhttp.Error](p.err)
	if refused && refusal.Report != nil {
		report, p.err = *refusal.Report, nil
	}
	if len(report.Assets) > 0 {
		try = attempt{"accepted, " + report.Assets[0].State.String(), report.Assets[0].Stage}
	}
	if refused {
		try.answer = "refused: " + refusal.Text
	}
	return try
}
