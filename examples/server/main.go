// Command server is a whole patch-management server over the packages of this module: SQLite, HTTP for agents and for the
// administrator, feeds, metrics. See --help.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/examples/server/cli"
	"github.com/patchpolicy/patchpolicy/examples/server/serve"
	"github.com/patchpolicy/patchpolicy/manifest"
)

const long = `A patch-management server: it keeps the catalog, makes orders of jobs, hands them to agents as signed manifests,
and collects what became of them.

First steps:

  server init                                    # keys and an administrator's token, in ./patchpolicy
  server serve --feed-json patches.json          # or --apt-config /etc/apt
  server token create --tag lab                  # prints the secret an agent enrols with
  server job create -f job.json                  # "server job create --help" shows such a file
  server job preview JOB --asset ASSET           # what would happen, and why
  server job enable JOB
  server run show RUN
  server backup FILE                             # do not copy the database instead

Exit codes: 0 done, 1 it failed, 2 the command line was not understood.`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := &cobra.Command{Use: "server", Short: "A patch-management server", Long: long}
	root.AddCommand(initCommand(), serveCommand(), cli.Keys())
	root.AddCommand(cli.Backups()...)
	root.AddCommand(cli.Commands()...)
	root.SetContext(ctx)
	code := cli.Run(root)
	stop()
	os.Exit(code)
}

func initCommand() *cobra.Command {
	var dir string
	var roots, threshold int
	c := &cobra.Command{
		Use: "init", Short: "Make the server's keys and the administrator's token, readable by you alone",
		Long: "Make the server's folder:\n\n" +
			"  manifest.key  signs every order\n" +
			"  exchange.key  authenticates what agents and the server say to each other\n" +
			"  root-1.key …  sign the trust document, which says which keys count; keep them offline, and a copy: who has lost\n" +
			"                as many that too few are left can never change a key without enrolling every agent again\n" +
			"  trust.json    the trust document; no secret\n" +
			"  admin.token   lets you use this command on a running server\n\n" +
			"Files that exist are never replaced.",
		Example: "  server init --dir /var/lib/patchpolicy\n  server init --root-keys 3 --root-threshold 2",
		RunE: func(cmd *cobra.Command, _ []string) error {
			files, chain, err := serve.Init(dir, roots, threshold)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "manifest key: %s\nfingerprint:  %s\nadmin token:  %s\n", files.Key, manifest.TrustFingerprint(chain[0]), files.AdminToken)
			return err
		},
	}
	c.Flags().StringVar(&dir, "dir", "patchpolicy", "folder of the server's files")
	c.Flags().IntVar(&roots, "root-keys", 1, "how many root keys to make")
	c.Flags().IntVar(&threshold, "root-threshold", 1, "how many of them must sign a new version of the trust document")
	return c
}

func serveCommand() *cobra.Command {
	var (
		config                                 serve.Config
		dir, db, apt, policy                   string
		level                                  = slog.LevelInfo
		documents, aptConfigs, grants, maxAges []string
	)
	c := &cobra.Command{
		Use: "serve", Short: "Serve agents and the administrator until stopped",
		Long: "Serve agents and the administrator on one address. SIGTERM or Ctrl-C stops it: requests under way are answered first,\n" +
			"for at most 30 s. /metrics takes the administrator's token as a bearer token.",
		Example: "  server serve --feed-json https://vendor.example/patches.json --sync-every 30m\n" +
			"  server serve --feed-json acme.json --feed-json new.json --grant 'new.json vendor Acme' --grant 'new.json product acme/*'\n" +
			"  server serve --listen 0.0.0.0:8443 --tls-cert cert.pem --tls-key key.pem --apt-config /etc/apt",
		RunE: func(cmd *cobra.Command, _ []string) error {
			logger := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: level}))
			config.Files, config.Logger = serve.In(dir), logger
			if db != "" {
				config.DB = db
			}
			feeds, err := serve.Feeds(documents, aptConfigs, apt, logger)
			if err != nil {
				return cli.Usage(err)
			}
			config.Feeds = feeds
			if config.Settings, err = serve.SettingsOf(grants, maxAges, feeds); err != nil {
				return cli.Usage(err)
			} else if err := config.Validate(); err != nil {
				return cli.Usage(err)
			}
			if config.Policy, err = serve.Policy(policy); err != nil {
				return cli.Usage(err)
			}
			return run(cmd.Context(), config)
		},
	}
	f := c.Flags()
	f.StringVar(&dir, "dir", "patchpolicy", "folder made by \"server init\"")
	f.StringVar(&db, "db", "", "SQLite database, created when missing (default: server.db in --dir)")
	f.StringVar(&config.Listen, "listen", "127.0.0.1:8443", "HOST:PORT to listen on; without TLS only a loopback address")
	f.StringVar(&config.TLSCert, "tls-cert", "", "PEM file with the certificate chain")
	f.StringVar(&config.TLSKey, "tls-key", "", "PEM file with the certificate's key")
	f.BoolVar(&config.PlainHTTP, "plain-http", false, "listen beyond the loopback without TLS, behind a proxy that has it")
	f.DurationVar(&config.SyncEvery, "sync-every", catalog.SyncEvery, "time between two syncs of the catalog")
	f.DurationVar(&config.CheckIn, "check-in", 0, "time agents are told to wait between calls (default 15m; more than about 20m breaks MAN-3 and is refused)")
	f.StringArrayVar(&documents, "feed-json", nil, "URL or path of a JSON patch document (repeatable)")
	f.StringArrayVar(&aptConfigs, "apt-config", nil, "folder of an apt configuration, as /etc/apt (repeatable)")
	f.StringArrayVar(&maxAges, "feed-max-age", nil, "FEED=DURATION: the feed is stale when the date that its source states is older (repeatable)")
	f.StringVar(&apt, "apt-cache", "", "folder that keeps fetched package lists across restarts")
	f.StringArrayVar(&grants, "grant", nil, "what a feed may speak about: 'FEED vendor NAME', 'FEED product ID', 'FEED patch ID' (an ID may end in *), 'FEED authority NAME' (repeatable)")
	f.StringArrayVar(&config.Forget, "forget", nil, "feed that is not configured any more: its patches leave, and what it owned is free (repeatable)")
	f.StringVar(&policy, "policy", "", "file with the signer policy that orders are made under; agents that are held to one want the same (default: none)")
	f.BoolVar(&config.Unchecked, "skip-check", false, "do not read the whole database at the start to see whether it is damaged (1 to 2 s for 500 MB)")
	f.TextVar(&level, "log-level", &level, "debug, info, warn or error")
	return c
}

// run adds what a person should be told when the server ends in a way of its own.
func run(ctx context.Context, config serve.Config) error {
	began := time.Now()
	err := serve.Run(ctx, config)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return nil // stopped while it was starting
	}
	if err != nil {
		return fmt.Errorf("after %v: %w", time.Since(began).Round(time.Second), err)
	}
	return nil
}
