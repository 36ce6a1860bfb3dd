package cli

import (
	"cmp"
	"context"
	"errors"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/examples/server/serve"
	"github.com/patchpolicy/patchpolicy/internal/configfile"
)

// Serve returns the command that runs a server.
func Serve() *cobra.Command {
	var (
		config          serve.Config
		from            serve.Sources
		dir, db, policy string
		level           = slog.LevelInfo
		grants, maxAges []string
	)
	c := &cobra.Command{
		Use: "serve", Short: "Serve agents and the administrator until stopped",
		Long: "Serve agents and the administrator on one address. SIGTERM or Ctrl-C stops the server; it first answers open requests, for at " +
			"most 30 s. /metrics takes the administrator's token as a bearer token. Feeds are flags: " +
			"start with the same ones each time, best from a file (--config); the server warns if one is missing.\n\n" + policyText,
		Example: "  server serve --feed-json https://vendor.example/patches.json --sync-every 30m\n" +
			"  server serve --feed-json https://vendor.example/patches.json --feed-signers https://vendor.example/patches.json=vendor-keys.json\n" +
			"  server serve --feed-json acme.json --feed-json new.json --grant 'new.json vendor Acme' --grant 'new.json product acme/*'\n" +
			"  server serve --listen 0.0.0.0:8443 --tls-cert cert.pem --tls-key key.pem --apt-config /etc/apt",
		RunE: func(cmd *cobra.Command, _ []string) error {
			logger := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
			config.Files, config.Logger = serve.In(dir), logger
			if db != "" && config.Store != "" {
				return Usage(errors.New("--db and --store name two databases; give one"))
			}
			config.DB = cmp.Or(db, config.DB)
			feeds, err := serve.Feeds(from, logger)
			if err != nil {
				return Usage(err)
			}
			config.Feeds, config.Remake = feeds, func() ([]catalog.Feed, error) { return serve.Feeds(from, logger) }
			if config.Settings, err = serve.SettingsOf(grants, maxAges, feeds); err != nil {
				return Usage(err)
			} else if err := config.Validate(); err != nil {
				return Usage(err)
			}
			if config.Policy, err = serve.Policy(policy); err != nil {
				return Usage(err)
			}
			err = serve.Run(cmd.Context(), config)
			if errors.Is(err, context.Canceled) && cmd.Context().Err() != nil {
				return nil // stopped during its start
			}
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&dir, "dir", "patchpolicy", "folder made by \"server init\"")
	f.StringVar(&db, "db", "", "SQLite database, created when missing (default: server.db in --dir)")
	f.StringVar(&config.Store, "store", "", "PostgreSQL database instead of SQLite, which several servers may share: postgres://USER@HOST/NAME; "+
		"give the password as PGPASSWORD or in PGPASSFILE, because others can read a command line")
	f.StringVar(&config.Listen, "listen", "127.0.0.1:8443", "HOST:PORT to listen on; without TLS only a loopback address")
	f.StringVar(&config.TLSCert, "tls-cert", "", "PEM file with the certificate chain")
	f.StringVar(&config.TLSKey, "tls-key", "", "PEM file with the certificate's key")
	f.BoolVar(&config.PlainHTTP, "plain-http", false, "listen beyond the loopback without TLS; a proxy in front of the server must have it")
	f.DurationVar(&config.Keep, "keep", 0, "how long runs, reports and events are kept after they ended, at least 2160h; 0: for ever")
	f.DurationVar(&config.SyncEvery, "sync-every", catalog.SyncEvery, "time between two syncs of the catalog")
	f.DurationVar(&config.CheckIn, "check-in", 0, "how long agents wait between calls (default 15m; more than about 20m breaks MAN-3 and is refused)")
	FeedFlags(c, &from)
	f.StringArrayVar(&maxAges, "feed-max-age", nil, "FEED=DURATION: the feed is stale if the date that its source states is older, CAT-2 (repeatable)")
	f.StringArrayVar(&grants, "grant", nil, "what a feed may speak about, CAT-17: 'FEED vendor NAME', 'FEED product ID', 'FEED patch ID', "+
		"'FEED lines ID' for its version lines (an ID may end in *), 'FEED authority NAME' (repeatable)")
	f.StringArrayVar(&config.Forget, "forget", nil, "former feed: its patches leave the catalog, and other feeds may take over its products (repeatable)")
	f.StringVar(&policy, "policy", "", "file with the signer policy that orders are made under; agents with a policy need the same one (default: none)")
	f.StringArrayVar(&config.Deadlines, "deadlines", nil, "table of deadlines, DUE-1: bod-26-04, pci-dss, cyber-essentials or a JSON file (repeatable)")
	f.StringArrayVar(&config.Calendars, "calendar", nil, "JSON file with a calendar that jobs can name, CAL-1 (repeatable)")
	f.StringArrayVar(&config.Baselines, "baseline", nil, "JSON file with a baseline that jobs can name, APR-1 (repeatable)")
	f.BoolVar(&config.Unchecked, "skip-check", false, "do not check the whole database for damage at the start (the check takes 1 to 2 s for 500 MB)")
	f.TextVar(&level, "log-level", &level, "debug, info, warn or error")
	configfile.Flag(c, Usage, "store")
	return c
}
