// Package serve is the example server: a controller over a store, HTTP for
// agents and for the administrator, the feeds, and the loops that sync the
// catalog and make due orders.
//
// One server uses an SQLite database. Several may share a PostgreSQL
// (Config.Store), with the same keys, token and feeds: each needs a copy of the
// files of Init but the database. All of them answer. One leads, and alone
// syncs, prunes, probes and makes orders; when it dies, another takes over
// within controller.Patience. An administrator's act on any of them reaches the
// others within a second. After "server key rotate", a server with the former
// keys ends as soon as another has begun with the new ones: give it the new files
// and start it again.
package serve

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"
	_ "time/tzdata" // so that schedules mean the same on a system without the zone database

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/owned"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/sqlstore"
	"github.com/patchpolicy/patchpolicy/job/controller/sqlstore/postgres"
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/manifest/agenthttp"
)

// Config is a server's settings.
type Config struct {
	Files
	Store     string                          // URL of a PostgreSQL database that servers share; empty: the SQLite database of Files
	Listen    string                          // host:port; port 0 chooses a free one
	TLSCert   string                          // PEM file; empty: plain HTTP
	TLSKey    string                          // PEM file
	PlainHTTP bool                            // allow Listen beyond the loopback without TLS: a proxy in front of the server has it
	SyncEvery time.Duration                   // between syncs (CAT-1)
	Keep      time.Duration                   // how long history is kept after it ended; zero: for ever
	CheckIn   time.Duration                   // how long agents wait between calls; zero: the default (MAN-3)
	Policy    integrity.Excerpt               // the signer policy that orders are made under; zero: none
	Deadlines []string                        // tables of deadlines: names of built-in ones, or files
	Calendars []string                        // files
	Baselines []string                        // files
	Feeds     []catalog.Feed                  // the order decides who owns a product (CAT-17)
	Remake    func() ([]catalog.Feed, error)  // makes Feeds again, which then remember nothing: needed if several servers share a store
	Settings  map[catalog.FeedID]FeedSettings // by feed
	Forget    []string                        // former feeds: they leave the catalog, and others may take over their products
	Logger    *slog.Logger
	Unchecked bool           // do not check the whole database at the start
	Listening func(net.Addr) // called once the server takes connections; may be nil
}

// sharedBatch is how many assets one transaction of a pass handles on
// PostgreSQL. With 5 hardly any had to run again beside check-ins, with 20 every
// second, with 100 each three times; the passes took the same time.
const sharedBatch = 10

// drain is how long open requests may take when the server is stopping.
const drain = 30 * time.Second

// Validate returns everything that is wrong with the settings.
func (c Config) Validate() error {
	var problems []error
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		problems = append(problems, fmt.Errorf("listen address %q: want HOST:PORT: %w", c.Listen, err))
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		problems = append(problems, errors.New("a TLS certificate and its key go together; give both or none"))
	}
	if err == nil && c.TLSCert == "" && !c.PlainHTTP && !agenthttp.Loopback(host) {
		problems = append(problems, fmt.Errorf("listen address %q can be reached from outside; give a TLS certificate and key, or listen on 127.0.0.1, or, if a proxy in front of the server has TLS, give --plain-http", c.Listen))
	}
	if c.SyncEvery < time.Second {
		problems = append(problems, fmt.Errorf("interval between syncs %v: want at least 1s", c.SyncEvery))
	}
	if c.Keep != 0 && c.Keep < controller.PruneAge {
		problems = append(problems, fmt.Errorf("history kept for %v: want at least %v, or 0 to keep it for ever", c.Keep, controller.PruneAge))
	}
	if _, err := c.policies(); err != nil {
		problems = append(problems, err)
	}
	for _, f := range c.Feeds {
		if slices.Contains(c.Forget, string(f.ID())) {
			problems = append(problems, fmt.Errorf("feed %s is both configured and to be forgotten; choose one", f.ID()))
		}
	}
	return errors.Join(problems...)
}

// Run serves until ctx ends, and then answers open requests. It returns nil after
// a clean stop.
func Run(ctx context.Context, c Config) (err error) {
	if err := c.Validate(); err != nil {
		return err
	}
	policies, err := c.policies()
	if err != nil {
		return err
	}
	keys, err := c.ReadKeys()
	if err != nil {
		return err
	}
	token, err := ReadToken(c.AdminToken)
	if err != nil {
		return err
	}
	store, checkpoint, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	batch := 0 // the default
	if c.Store != "" {
		batch = sharedBatch
	}
	ctl, err := controller.New(store, controller.Config{
		Batch: batch, Alone: c.Store == "", Signer: keys.Signer, Trust: keys.Trust, Exchange: keys.Exchange, Every: c.CheckIn, Zone: time.LoadLocation,
		Policy: c.Policy, Deadlines: policies.Deadlines, Calendars: policies.Calendars, Baselines: policies.Baselines,
		OnEvent: func(e controller.Event) { // the logger escapes names and texts
			c.Logger.Info(e.Action.String(), "by", e.Actor, "on", e.Subject, "text", e.Text)
		},
	})
	if err != nil {
		return err
	}
	if err := ctl.CheckTrust(ctx); err != nil {
		return err
	}
	listener, err := c.listen()
	if err != nil {
		return err
	}
	if err := c.warnOfMissing(ctx, ctl); err != nil {
		return err
	}
	s := &syncer{controller: ctl, feeds: c.Feeds, settings: c.Settings, forget: c.Forget, logger: c.Logger, remake: c.Remake}
	kick := make(chan struct{}, 1)
	work := func(ctx context.Context, fence controller.Fence) { c.work(ctx, fence, ctl, s, kick) }
	var m *member // nil: this is the only server
	if c.Store != "" {
		host, _ := os.Hostname() // for people
		name := fmt.Sprintf("%s/%d/%s", host, os.Getpid(), rand.Text()[:8])
		m = &member{controller: ctl, logger: c.Logger, kick: kick, work: work, who: controller.Candidate{Name: name}}
	}
	server := agenthttp.NewServer("", c.handler(ctl, s, m, token, kick))
	server.ErrorLog = slog.NewLogLogger(c.Logger.Handler(), slog.LevelWarn)

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		c.Logger.Info("stopping", "drain", drain)
		draining, stop := context.WithTimeout(context.WithoutCancel(ctx), drain)
		defer stop()
		return server.Shutdown(draining)
	})
	each := func(interval time.Duration, what string, do func(now time.Time) error) {
		group.Go(func() error { return loop(ctx, interval, what, do, c.Logger) })
	}
	if checkpoint != nil {
		each(time.Minute, "checkpoint of the database", func(time.Time) error { return checkpoint(ctx) })
	}
	each(24*time.Hour, "trust document", func(now time.Time) error {
		t, err := keys.Trust.Newest()
		if err == nil && t.Expired(now.Add(manifest.TrustNotice)) { // MAN-13
			c.Logger.Warn("the trust document expires soon: renew it with \"server key rotate --keep\"", "version", t.Version, "expires", t.Expires)
		}
		return err
	})
	if m != nil {
		group.Go(func() error { return m.run(ctx) })
	} else {
		group.Go(func() error { work(ctx, 0); return nil })
	}
	c.Logger.Info("listening", "addr", listener.Addr().String(), "tls", c.TLSCert != "", "fingerprint", manifest.TrustFingerprint(keys.Trust[len(keys.Trust)-1]))

	if c.Listening != nil {
		c.Listening(listener.Addr())
	}
	err = group.Wait()
	c.Logger.Info("stopped")
	return err
}

// work is what one server at a time does, until ctx ends.
func (c Config) work(ctx context.Context, fence controller.Fence, ctl *controller.Controller, s *syncer, kick <-chan struct{}) {
	p := &prober{controller: ctl, client: &http.Client{}, logger: c.Logger}
	var loops sync.WaitGroup
	each := func(interval time.Duration, what string, do func(now time.Time) error) {
		loops.Go(func() { _ = loop(ctx, interval, what, do, c.Logger) })
	}
	if c.Keep > 0 {
		each(24*time.Hour, "removal of old history", func(now time.Time) error {
			_, err := ctl.Prune(ctx, now.Add(-c.Keep), now)
			return err
		})
	}
	each(c.SyncEvery, "sync", func(time.Time) error {
		_, err := s.lead(ctx, fence, "")
		p.run(ctx, 0) // for what cannot be reached (CAT-10)
		return err
	})
	loops.Go(func() { tickLoop(ctx, ctl, p, kick, c.Logger) })
	loops.Wait()
}

// warnOfMissing names the feeds whose patches are in the catalog, and which this
// server does not have.
func (c Config) warnOfMissing(ctx context.Context, ctl *controller.Controller) error {
	known, err := ctl.Feeds(ctx, time.Now())
	for _, f := range known {
		if id := f.Feed; !configured(c.Feeds, id) && !slices.Contains(c.Forget, string(id)) {
			c.Logger.Warn("this server starts without a feed that it had: what the feed brought stays as it is, and its patches are still deployed; "+
				"start with the feed, or with --forget to remove what it brought", "feed", id, "last", f.LastGood)
		}
	}
	return err
}

// open opens the store. Checkpoint keeps the log of an SQLite database short, so
// that a copy of the file alone lacks little (see sqlstore.Backup).
func (c Config) open(ctx context.Context) (store controller.Store, checkpoint func(context.Context) error, err error) {
	if c.Store != "" {
		store, err = postgres.Open(ctx, c.Store)
		return store, nil, err
	}
	open := sqlstore.OpenSQLite
	if c.Unchecked {
		open = sqlstore.OpenUnchecked
	}
	file, err := open(ctx, c.DB)
	if err != nil {
		return nil, nil, err
	}
	return file, file.Checkpoint, nil
}

func (c Config) listen() (net.Listener, error) {
	if c.TLSCert == "" {
		return net.Listen("tcp", c.Listen)
	}
	if err := owned.CheckLinked(c.TLSKey, owned.Secret); err != nil {
		return nil, fmt.Errorf("TLS key: %w", err)
	}
	pair, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("TLS certificate %s and key %s: %w", c.TLSCert, c.TLSKey, err)
	}
	return tls.Listen("tcp", c.Listen, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}})
}

func (c Config) handler(ctl *controller.Controller, s *syncer, one *member, token string, kick chan<- struct{}) http.Handler {
	m, limit := newMetrics(ctl, c.Logger), newLimiter(c.Logger)
	mux := http.NewServeMux()
	sync, defers := s.run, func(next http.Handler) http.Handler { return next }
	if one != nil {
		sync, defers = one.syncing(s.lead), deferring
	}
	mux.Handle(adminhttp.Prefix, patient(limit.admin(defers(adminhttp.NewHandler(adminhttp.Options{
		Controller: ctl, Token: token, Logger: c.Logger, Sync: s.warned(sync), Syncing: s.syncing, Lately: s.lately,
		Changed: func() {
			select {
			case kick <- struct{}{}:
			default: // a kick is pending already
			}
		},
	})))))
	mux.Handle("GET /metrics", limit.admin(adminhttp.Guard(token, promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))))
	mux.Handle("/", limit.agents(agenthttp.NewHandler(counted{ctl, m}, agenthttp.Options{Logger: c.Logger})))
	return mux
}

// patient gives answers as much time as a sync needs, which waits for the feeds.
func patient(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(fetchTime)) // otherwise the server's own deadline holds
		next.ServeHTTP(w, r)
	})
}

// loop does something now and then once per interval until ctx ends. It logs
// errors.
func loop(ctx context.Context, interval time.Duration, what string, do func(now time.Time) error, logger *slog.Logger) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		if err := do(time.Now()); err != nil && ctx.Err() == nil {
			logger.Error(what, "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// tickLoop makes due orders. It wakes for the next planned run, when a job
// changed, and every ten seconds: a rollout that got room for further assets
// goes on then. Before a planned run it probes for what can be
// reached (CAT-10); a job that starts when it is enabled goes by the last probes.
func tickLoop(ctx context.Context, ctl *controller.Controller, p *prober, kick <-chan struct{}, logger *slog.Logger) {
	const most, least, retry = 10 * time.Second, 100 * time.Millisecond, 5 * time.Second
	var next time.Time
	for {
		if !next.IsZero() && !next.After(time.Now()) {
			p.run(ctx, probeFresh)
		}
		var err error
		next, err = ctl.Tick(ctx, time.Now())
		wait := most
		switch {
		case err != nil && ctx.Err() == nil:
			logger.Error("tick", "err", err)
			wait = retry
		case !next.IsZero():
			wait = max(least, min(most, time.Until(next)))
		}
		select {
		case <-ctx.Done():
			return
		case <-kick:
		case <-time.After(wait):
		}
	}
}
