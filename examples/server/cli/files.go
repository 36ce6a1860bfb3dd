package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/examples/server/serve"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Backups returns the commands that save and restore the database. They work on
// its file, on the server's own computer.
func Backups() []*cobra.Command {
	var dir, db string
	var lossy bool
	files := func() serve.Files {
		f := serve.In(dir)
		if db != "" {
			f.DB = db
		}
		return f
	}
	backup := &cobra.Command{
		Use: "backup FILE", Short: "Save the database to a new file, also while the server runs",
		Long: `Save what the database holds now to a new file, mode 0600, and check it. The server may run meanwhile.

Do not copy server.db instead. The newest data is in server.db-wal, and both change while they are copied. A server refuses a copy of server.db alone. A copy of both may be damaged, and in rare cases lack data without a sign of it.

The backup has no keys. Keep a copy of manifest.key, exchange.key, trust.json and the root keys apart, offline. Without them every agent must enrol again.`,
		Example: "  server backup /backup/patchpolicy-$(date +%F).db --dir /var/lib/patchpolicy",
		RunE: func(cmd *cobra.Command, args []string) error {
			saved, err := serve.Backup(cmd.Context(), files(), args[0])
			if err != nil {
				return err
			}
			return say(cmd, fmt.Sprintf("%s: %s", args[0], holds(saved)))
		},
	}
	restore := &cobra.Command{
		Use: "restore FILE", Short: "Replace the database of a stopped server with a backup",
		Long: `Check a file that "server backup" wrote, and replace the database with it. The server must be stopped. The former database stays beside it under another name.

No order runs twice (JOB-24), and what agents did since the backup is not lost: they report how it ended. What you did since is lost: jobs, tags, tokens, custom URLs; removed assets are back. An agent that enrolled since must enrol again.

If you opened the database with the program sqlite3 after a crash, sqlite3 merged the log into server.db and deleted the log. The server then takes server.db for a copy and refuses it, though nothing is missing. Name that same file as FILE, with --lossy.`,
		Example: "  server restore /backup/patchpolicy-2026-03-01.db --dir /var/lib/patchpolicy",
		RunE: func(cmd *cobra.Command, args []string) error {
			f := files()
			saved, before, err := serve.Restore(cmd.Context(), dir, f, args[0], lossy)
			if err != nil {
				return err
			}
			return restored(cmd.OutOrStdout(), f, args[0], before, saved)
		},
	}
	restore.Flags().BoolVar(&lossy, "lossy", false, "accept a copy of a running server's file without its log: what was in the log is missing")
	for _, c := range []*cobra.Command{backup, restore} {
		c.Flags().StringVar(&dir, "dir", "patchpolicy", "folder of the server's files")
		c.Flags().StringVar(&db, "db", "", "SQLite database (default: server.db in --dir)")
	}
	return []*cobra.Command{backup, restore}
}

func holds(s serve.Saved) string {
	when := "not by \"server backup\""
	if !s.Saved.IsZero() {
		when = s.Saved.Format(time.RFC3339)
	}
	return fmt.Sprintf("format %d, saved %s, assets %d, jobs %d, newest revision %d", s.Format, when, s.Assets, s.Jobs, s.Newest)
}

func restored(w io.Writer, f serve.Files, from, before string, s serve.Saved) error {
	kept := ""
	if before != "" {
		kept = "The former database is now " + before + "\n"
	}
	since := "Since it was saved:"
	if !s.Saved.IsZero() {
		since = "Since " + s.Saved.Format(time.RFC3339) + ":"
	}
	_, err := fmt.Fprintf(w, `%s restored from %s: %s
%s
%s
  what agents did        is not lost. They report again what the backup lacks. For
                         an order that is handed out again they report how it
                         ended, so no order runs twice (JOB-24). Until then the
                         asset may show anomalies. A job that runs after another
                         may start again. If an agent does not know an order
                         that it had begun, the order ends as Failed, "what it
                         did is not known". Details of patches reported before
                         are only in the agent's journal.
  what you did           is lost: jobs, cancels, tags, tokens, custom URLs. Do it
                         again. Assets that you removed are back.
  agents that enrolled   are not known, and must enrol again.
  the catalog            is as old as the backup until the next sync.
`, f.DB, from, holds(s), kept, since)
	return err
}

// Keys returns the commands that change which keys agents believe. They work on
// the server's folder.
func Keys() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use: "key", Short: "Show and change the keys that agents believe",
		Long: `The trust document names the keys that sign manifests. Each version is signed by the root keys of the one before, so agents follow it by themselves, one version after the other, however many they missed. A change takes effect at the next start of the server.

  server key rotate                         # a new manifest key, signed by root-1.key in --dir
  server key rotate --root /media/usb/root-1.key
  server key rotate --keep                  # the same keys, a later expiry
  server key rotate --new-roots 3 --new-threshold 2 --root root-1.key

If more root keys must sign than are at hand, rotate prepares the version, and each holder signs it:

  server key sign --root /media/usb/root-2.key`,
	}
	c.PersistentFlags().StringVar(&dir, "dir", "patchpolicy", "folder made by \"server init\"")
	var r serve.Rotation
	var roots []string
	var keep bool
	sign := func(cmd *cobra.Command, _ []string) error {
		files := serve.In(dir)
		if len(roots) == 0 {
			roots = []string{files.Root(1)}
		}
		version, err := files.Sign(roots)
		if err != nil {
			return err
		}
		return say(cmd, fmt.Sprintf("version %d of the trust document takes effect at the next start of the server", version))
	}
	rotate := verb("rotate", "Make the next version of the trust document, with a new manifest key", func(cmd *cobra.Command, args []string) error {
		r.Manifest = !keep
		if err := serve.In(dir).Rotate(r); err != nil {
			return err
		}
		return sign(cmd, args)
	})
	rotate.Flags().BoolVar(&keep, "keep", false, "keep the manifest key; only the expiry changes, and what other flags say")
	rotate.Flags().BoolVar(&r.Exchange, "exchange", false, "make a new exchange key as well")
	rotate.Flags().BoolVar(&r.ForgetOld, "forget-old", false, "with --exchange: drop the old exchange keys; agents that have not called since the last change must enrol again")
	rotate.Flags().IntVar(&r.Roots, "new-roots", 0, "how many new root keys to make in --dir, in place of the old ones")
	rotate.Flags().IntVar(&r.Threshold, "new-threshold", 0, "how many of the new root keys must sign (default: all)")
	rotate.Flags().DurationVar(&r.Lifetime, "lifetime", 0, "how long the document is valid (default: two years)")
	signing := &cobra.Command{Use: "sign", Short: "Sign the version that \"server key rotate\" prepared", Args: cobra.NoArgs, RunE: sign}
	for _, signs := range []*cobra.Command{rotate, signing} {
		signs.Flags().StringArrayVar(&roots, "root", nil, "file with a root key (repeatable; default: root-1.key in --dir)")
	}
	c.AddCommand(rotate, signing, verb("show", "Show every version of the trust document", func(cmd *cobra.Command, _ []string) error {
		keys, err := serve.In(dir).ReadKeys()
		if err != nil {
			return err
		}
		for _, sealed := range keys.Trust {
			if err := showTrust(cmd.OutOrStdout(), sealed); err != nil {
				return err
			}
		}
		return nil
	}))
	return c
}

func showTrust(w io.Writer, sealed []byte) error {
	t, err := manifest.OpenTrust(sealed)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "version %d\n  fingerprint  %s\n  issued       %s\n  expires      %s\n  root keys    %d, of which %d must sign\n",
		t.Version, manifest.TrustFingerprint(sealed), t.Issued.Format(time.DateTime), t.Expires.Format(time.DateTime), len(t.Root), t.Threshold)
	for _, k := range t.Manifest {
		if err == nil {
			_, err = fmt.Fprintf(w, "  manifest key %s\n", k.ID())
		}
	}
	return err
}
