package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
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
	"github.com/patchpolicy/patchpolicy/manifest"
	"github.com/patchpolicy/patchpolicy/manifest/agenthttp"
)

// Config is a server's settings.
type Config struct {
	Files
	Listen    string                          // host:port; port 0 chooses a free one
	TLSCert   string                          // PEM file; empty: plain HTTP
	TLSKey    string                          // PEM file
	PlainHTTP bool                            // allow Listen beyond the loopback without TLS: a proxy in front of the server has it
	SyncEvery time.Duration                   // between syncs (CAT-1)
	Keep      time.Duration                   // how long history is kept after it ended; zero: for ever
	CheckIn   time.Duration                   // how long agents wait between calls; zero: the default (MAN-3)
	Policy    integrity.Excerpt               // the signer policy that orders are made under; zero: none
	Feeds     []catalog.Feed                  // the order decides who owns a product (CAT-17)
	Settings  map[catalog.FeedID]FeedSettings // by feed
	Forget    []string                        // former feeds: they leave the catalog, and others may take over their products
	Logger    *slog.Logger
	Unchecked bool           // do not check the whole database at the start
	Listening func(net.Addr) // called once the server takes connections; may be nil
}

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
	keys, err := c.ReadKeys()
	if err != nil {
		return err
	}
	token, err := ReadToken(c.AdminToken)
	if err != nil {
		return err
	}
	open := sqlstore.OpenSQLite
	if c.Unchecked {
		open = sqlstore.OpenUnchecked
	}
	store, err := open(ctx, c.DB)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	ctl, err := controller.New(store, controller.Config{
		Signer: keys.Signer, Trust: keys.Trust, Exchange: keys.Exchange, Timing: manifest.Timing{CheckIn: c.CheckIn}, Zone: time.LoadLocation,
		Policy: c.Policy, OnEvent: c.logEvent,
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
	s := &syncer{controller: ctl, feeds: c.Feeds, settings: c.Settings, forget: c.Forget, logger: c.Logger}
	p := &prober{controller: ctl, client: &http.Client{}, logger: c.Logger}
	kick := make(chan struct{}, 1)
	server := agenthttp.NewServer("", c.handler(ctl, s, token, kick))
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
	group.Go(func() error { checkpointLoop(ctx, store, c.Logger); return nil })
	group.Go(func() error { pruneLoop(ctx, ctl, c.Keep, c.Logger); return nil })
	group.Go(func() error { syncLoop(ctx, s, p, c.SyncEvery); return nil })
	group.Go(func() error { c.announce(ctx, keys.Trust); return nil })
	group.Go(func() error { tickLoop(ctx, ctl, p, kick, c.Logger); return nil })
	c.Logger.Info("listening", "addr", listener.Addr().String(), "tls", c.TLSCert != "", "fingerprint", manifest.TrustFingerprint(keys.Trust[len(keys.Trust)-1]))

	if c.Listening != nil {
		c.Listening(listener.Addr())
	}
	err = group.Wait()
	c.Logger.Info("stopped")
	return err
}

// announce warns if the trust document expires soon, now and every day (MAN-13).
func (c Config) announce(ctx context.Context, chain manifest.Chain) {
	day := time.NewTicker(24 * time.Hour)
	defer day.Stop()
	for {
		if t, err := chain.Newest(); err == nil && t.Expired(time.Now().Add(manifest.TrustNotice)) {
			c.Logger.Warn("the trust document expires soon: renew it with \"server key rotate --keep\"", "version", t.Version, "expires", t.Expires)
		}
		select {
		case <-ctx.Done():
			return
		case <-day.C:
		}
	}
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

func (c Config) handler(ctl *controller.Controller, s *syncer, token string, kick chan<- struct{}) http.Handler {
	m, limit := newMetrics(ctl, c.Logger), newLimiter(c.Logger)
	mux := http.NewServeMux()
	mux.Handle(adminhttp.Prefix, patient(limit.admin(adminhttp.NewHandler(adminhttp.Options{
		Controller: ctl, Token: token, Logger: c.Logger, Sync: s.run,
		Changed: func() {
			select {
			case kick <- struct{}{}:
			default: // a kick is pending already
			}
		},
	}))))
	mux.Handle("GET /metrics", limit.admin(adminhttp.Guard(token, promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))))
	mux.Handle("/", limit.agents(agenthttp.NewHandler(backend{agenthttp.FromController(ctl, nil), m}, agenthttp.Options{Logger: c.Logger})))
	return mux
}

// patient gives answers as much time as a sync needs, which waits for the feeds.
func patient(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(fetchTime)) // otherwise the server's own deadline holds
		next.ServeHTTP(w, r)
	})
}

func stored(err error) bool {
	_, ok := errors.AsType[*controller.UnfinishedError](err)
	return ok
}

// checkpointLoop keeps the database's log short, so that a copy of the file alone
// lacks little (see sqlstore.Backup).
func checkpointLoop(ctx context.Context, store *sqlstore.Store, logger *slog.Logger) {
	ticker := time.NewTicker(time.Minute)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := store.Checkpoint(ctx); err != nil && ctx.Err() == nil {
			logger.Error("checkpoint of the database", "err", err)
		}
	}
}

// logEvent logs what an administrator did. The logger escapes names and texts.
func (c Config) logEvent(e controller.Event) {
	c.Logger.Info(e.Action.String(), "by", e.Actor, "on", e.Subject, "text", e.Text)
}

// pruneLoop removes once a day what ended longer ago than keep; zero: nothing.
func pruneLoop(ctx context.Context, ctl *controller.Controller, keep time.Duration, logger *slog.Logger) {
	if keep == 0 {
		return
	}
	ticker := time.NewTicker(24 * time.Hour)
	defer ticker.Stop()
	for {
		now := time.Now()
		if _, err := ctl.Prune(ctx, now.Add(-keep), now); err != nil && ctx.Err() == nil {
			logger.Error("removal of old history", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// syncLoop syncs the catalog, and then probes for what cannot be reached
// (CAT-10).
func syncLoop(ctx context.Context, s *syncer, p *prober, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if _, err := s.run(ctx, ""); err != nil && ctx.Err() == nil {
			s.logger.Error("sync", "err", err)
		}
		p.run(ctx, 0)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// tickLoop makes due orders. It wakes for the next planned run, when a job
// changed, and every minute. Before a planned run it probes for what can be
// reached (CAT-10); a job that starts when it is enabled goes by the last probes.
func tickLoop(ctx context.Context, ctl *controller.Controller, p *prober, kick <-chan struct{}, logger *slog.Logger) {
	const most, least, retry = time.Minute, 100 * time.Millisecond, 5 * time.Second
	var next time.Time
	for {
		if !next.IsZero() && !next.After(time.Now()) {
			p.run(ctx, probeFresh)
		}
		var err error
		next, err = ctl.Tick(ctx, time.Now())
		wait := most
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			logger.Error("tick", "err", err)
			wait = retry
		case !next.IsZero():
			wait = max(least, min(most, time.Until(next)))
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-kick:
			timer.Stop()
		case <-timer.C:
		}
	}
}
