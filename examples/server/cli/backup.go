package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/examples/server/serve"
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

Nothing runs twice (JOB-24), and what agents did since the backup is not lost: they report how it ended. What you did since is lost: jobs, tags, tokens, custom URLs; removed assets are back. An agent that enrolled since must enrol again.

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
                         ended, so nothing runs twice (JOB-24). If an agent does
                         not know an order that it had begun, the order ends as
                         Failed, "what it did is not known". Details of patches
                         reported before are only in the agent's journal.
  what you did           is lost: jobs, cancels, tags, tokens, custom URLs. Do it
                         again. Assets that you removed are back.
  agents that enrolled   are not known, and must enrol again.
  the catalog            is as old as the backup until the next sync.
`, f.DB, from, holds(s), kept, since)
	return err
}
