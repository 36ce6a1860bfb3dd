package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

func (r *remote) catalog() *cobra.Command {
	return noun("catalog", "The catalog: what is known of patches, products and vulnerabilities",
		r.sync(), r.search(), r.diff(), r.eol(), &cobra.Command{
			Use: "show ID", Short: "Show a patch, a product or a vulnerability",
			Long: "Show what the catalog knows under an id. A product: its newest patch, its version lines with their ends of life, and every patch it has and had. " +
				"A patch: all of it, and what it fixes and why. A vulnerability: what is known of it and by which feeds, and the patches that fix it. " +
				"A dash means not known, which is not \"no\" (CAT-18).",
			Example: "  server catalog show CVE-2026-1234\n  server catalog show editor-2.0.0 --full",
			RunE:    showing(r, "GET catalog/{}", r.showAny),
		})
}

func (r *remote) sync() *cobra.Command {
	done := showing(r, "POST sync?accept-older", r.showChanges)
	c := verb("sync", "Fetch every feed now and update the catalog", func(cmd *cobra.Command, args []string) error {
		ctx, stop := context.WithCancel(cmd.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
				r.progress(ctx, os.Stderr, true) // not the command's writer, which escapes what moves the cursor
			} else {
				r.progress(ctx, cmd.ErrOrStderr(), false)
			}
		}()
		err := done(cmd, args)
		stop()
		<-ended
		return err
	})
	c.Flags().String("accept-older", "", "feed whose data is accepted even if it is older than what was accepted before (CAT-2)")
	return c
}

// progress prints what the server's sync does until ctx ends: a line for each
// step that lasts; on a terminal one line, which it then removes.
func (r *remote) progress(ctx context.Context, w io.Writer, terminal bool) {
	api, err := r.client()
	if err != nil {
		return // the command itself says so
	}
	begun, tick, said := time.Now(), time.NewTicker(time.Second), ""
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			if terminal {
				_, _ = fmt.Fprintf(w, "\r%79s\r", "")
			}
			return
		case <-tick.C:
			var state adminhttp.SyncState
			_ = api.Do(ctx, "GET", "sync", nil, nil, &state) // nothing to say then
			switch {
			case terminal:
				_, _ = fmt.Fprintf(w, "\r%-79.79s", fmt.Sprintf("%v  %s", time.Since(begun).Round(time.Second), problem.Printable(state.Text)))
			case state.Text != "" && state.Text != said:
				said = state.Text
				_, _ = fmt.Fprintln(w, said)
			}
		}
	}
}

// showChanges prints what a sync changed: numbers, the patches, and the rejected
// records by reason.
func (r *remote) showChanges(cmd *cobra.Command, c adminhttp.Synced) error {
	for _, text := range c.Warnings {
		_, _ = fmt.Fprintln(cmd.ErrOrStderr(), "warning:", show(text))
	}
	text := notes("%d added", len(c.Added), "%d changed", len(c.Changed), "%d removed", len(c.Removed), "%d deprecated", len(c.Deprecated),
		"%d no longer the newest", len(c.NoLongerNewest), "%d records rejected", len(c.Rejected), "%d feeds failed", len(c.Failed))
	if len(c.Rejected)+len(c.Failed) > 0 {
		text += "; see server report feeds"
	}
	err := say(cmd, cmp.Or(text, "nothing new"))
	var rows [][]any
	for _, x := range []struct {
		change string
		ids    []string
	}{
		{"added", plain(c.Added)}, {"changed", plain(c.Changed)}, {"removed", plain(c.Removed)}, {"deprecated", plain(c.Deprecated)},
		{"no longer the newest", plain(c.NoLongerNewest)}, {"feed failed", plain(c.Failed)},
	} {
		for i, id := range x.ids {
			if i == someRows && !r.full {
				rows = append(rows, []any{x.change, fmt.Sprintf("and %d more", len(x.ids)-i)})
				break
			}
			rows = append(rows, []any{x.change, id})
		}
	}
	if len(rows) > 0 {
		err = cmp.Or(err, say(cmd, ""), r.table(cmd, "CHANGE WHAT", rows))
	}
	if rows = r.rejected(c.Rejected); len(rows) > 0 {
		err = cmp.Or(err, say(cmd, ""), r.table(cmd, "FEED REJECTED LIKE REASON", rows))
	}
	return err
}

const someRows = 10 // of each kind, without --full

// rejected counts rejected records by feed and reason, the most frequent first.
func (r *remote) rejected(list []catalog.Rejected) (rows [][]any) {
	type kind struct{ feed, reason string }
	counts, like := map[kind]int{}, map[kind]string{}
	var kinds []kind
	for _, x := range list {
		k := kind{string(x.Feed), strings.Join(x.Reasons, "; ")}
		if counts[k]++; counts[k] == 1 {
			kinds = append(kinds, k)
			like[k] = x.Record
		}
	}
	slices.SortStableFunc(kinds, func(a, b kind) int { return cmp.Compare(counts[b], counts[a]) })
	for i, k := range kinds {
		if i == someRows && !r.full {
			return append(rows, []any{fmt.Sprintf("and %d more reasons", len(kinds)-i), "", "", ""})
		}
		rows = append(rows, []any{k.feed, counts[k], like[k], long(k.reason)})
	}
	return rows
}

func (r *remote) search() *cobra.Command {
	c := &cobra.Command{
		Use: "search TEXT", Short: "List the patches with a text in their id, title, product or CVE ids",
		Long: "List the patches with a text in their id, title or CVE ids, or in their product's id or name, and those that fix the vulnerability of this id " +
			"by an advisory. Capitals do not matter.",
		Example: "  server catalog search openssl\n  server catalog search CVE-2026-1234",
		RunE: showing(r, "GET catalog?text={}&after&limit", func(cmd *cobra.Command, list []catalog.Patch) error {
			err := r.table(cmd, "PATCH PRODUCT VERSION SEVERITY CVES PUBLISHED TITLE", rowsOf(list, func(p catalog.Patch) []any {
				return []any{p.ID, p.Product, p.Version, p.Severity, r.cves(p.CVEs), p.Published, long(p.Title)}
			}))
			if cmd.Flag("limit").Value.String() == fmt.Sprint(len(list)) {
				_, _ = fmt.Fprintf(cmd.OutOrStdout(), "more: --after %s\n", list[len(list)-1].ID)
			}
			return err
		}),
	}
	c.Flags().Int("limit", 100, "rows per page, 1 to 1000")
	c.Flags().String("after", "", "only patches after this one, by id: the next page")
	return c
}

func (r *remote) diff() *cobra.Command {
	var back time.Duration
	c := &cobra.Command{
		Use: "diff", Short: "What the catalog listed, lost and changed lately, newest first",
		Long: "List the patches that the catalog first listed, those that left it, and what changed, newest first: in patches like their severity or end of life, in " +
			"version lines, and in facts about vulnerabilities that a patch fixes, except their exploit probabilities. What changed is kept until the server is restarted.",
		Example: "  server catalog diff --back 168h",
		RunE: func(cmd *cobra.Command, args []string) error {
			if back <= 0 {
				return usageError{fmt.Errorf("--back %v: want more than zero", back)}
			}
			call := "GET reports/changes?limit&since=" + time.Now().Add(-back).UTC().Format(time.RFC3339)
			return listing(r, call, "AT CHANGE WHAT PRODUCT VERSION DETAILS", func(x adminhttp.CatalogChange) []any {
				return []any{x.At, x.Change, cmp.Or(string(x.Patch), x.Vulnerability, string(x.Product)), x.Product, x.Version, x.What}
			})(cmd, args)
		},
	}
	c.Flags().DurationVar(&back, "back", 24*time.Hour, "how far to look back")
	c.Flags().Int("limit", 100, "rows, 1 to 1000")
	return c
}

func (r *remote) eol() *cobra.Command {
	c := &cobra.Command{
		Use: "eol", Short: "Version lines that have ended or end soon, those on most assets first (CAT-11)",
		Example: "  server catalog eol --days 90",
		RunE: listing(r, "GET reports/eol?days&limit", "PRODUCT NAME LINE EOL ENDED ASSETS", func(e adminhttp.EndOfLife) []any {
			return []any{e.Product, e.Name, e.Line.Prefix, e.Line.EOL, e.Ended, e.Assets}
		}),
	}
	c.Flags().Int("days", 30, "also lines that end within this many days")
	c.Flags().Int("limit", 100, "rows, 1 to 1000")
	return c
}

func (r *remote) showAny(cmd *cobra.Command, s adminhttp.Shown) (err error) {
	if s.Product != nil {
		err = r.showProduct(cmd, *s.Product)
	}
	if s.Patch != nil {
		err = cmp.Or(err, r.showPatch(cmd, *s.Patch))
	}
	if v := s.Vulnerability; v != nil {
		f := v.Facts
		err = cmp.Or(err, r.table(cmd, "", append([][]any{
			{"vulnerability", f.ID}, {"severity", f.Severity}, {"exploited", f.Exploited}, {"listed as exploited", f.Listed}, {"due", f.Due},
			{"ransomware", f.Ransomware}, {"automatable", f.Automatable}, {"total impact", f.TotalImpact}, {"exploit probability", percent(f.Probability)},
			{"published", f.Published}, {"withdrawn", f.Withdrawn},
		}, rowsOf(v.Sources, func(x adminhttp.FactSource) []any {
			return []any{"source", fmt.Sprintf("%s, read %s, dated %s", x.Feed, show(x.LastGood), show(x.Dated))}
		})...)))
		rows := rowsOf(v.Patches, func(id catalog.PatchID) []any { return []any{"fixed by", id} })
		if v.More > 0 {
			rows = append(rows, []any{"fixed by", fmt.Sprintf("and %d more", v.More)})
		}
		err = cmp.Or(err, r.table(cmd, "", rows))
	}
	return err
}

func (r *remote) showProduct(cmd *cobra.Command, s adminhttp.ShownProduct) error {
	p := s.Product
	rows := [][]any{
		{"product", p.ID}, {"name", p.Name}, {"vendor", p.Vendor}, {"platform", fmt.Sprintf("%v %s", p.Platform, p.Architecture)}, {"channel", p.Channel},
		{"version scheme", p.Scheme}, {"in advisories", strings.TrimSpace(p.Package.Ecosystem + " " + p.Package.Name)}, {"newest", s.Newest},
	}
	for _, line := range p.Lines {
		end := "no end announced"
		switch {
		case !line.EOL.IsZero():
			end = "ends " + show(line.EOL)
		case line.Over:
			end = "has ended"
		}
		if !line.Extended.IsZero() {
			end += ", extended support until " + show(line.Extended)
		}
		rows = append(rows, []any{"line " + line.Prefix, end})
	}
	err := cmp.Or(r.table(cmd, "", rows), say(cmd, ""))
	return cmp.Or(err, r.table(cmd, "PATCH VERSION PUBLISHED LISTED LEFT SEVERITY DEPRECATED", rowsOf(s.History, func(f catalog.Former) []any {
		return []any{f.Patch, f.Version, f.Published, f.Listed, f.Left, f.Severity, f.Deprecated}
	})))
}

func (r *remote) showPatch(cmd *cobra.Command, s adminhttp.ShownPatch) error {
	p, latency := s.Patch, ""
	if took, known := p.Latency(); known {
		latency = adminhttp.ShortDuration(took.Round(time.Second))
	}
	rows := [][]any{
		{"patch", p.ID}, {"title", p.Title}, {"product", p.Product}, {"version", p.Version}, {"source version", p.Source}, {"published", p.Published},
		{"listed", p.Listed}, {"latency", latency}, {"severity", p.Severity}, {"class", p.Class}, {"lifecycle", s.Lifecycle}, {"end of life", p.EOL},
		{"reboot", p.Reboot}, {"feed", s.Feed}, {"feed is stale", s.Stale}, {"supersedes", plain(p.Supersedes)},
	}
	for _, x := range p.Requires {
		rows = append(rows, []any{"requires", x.Patch})
	}
	for _, a := range p.Artifacts {
		rows = append(rows, []any{"file", fmt.Sprintf("%s, %v %s", a.Name, a.Availability, a.URL)})
	}
	err := r.table(cmd, "", rows)
	if err != nil || len(s.Fixes) == 0 {
		return err
	}
	return cmp.Or(say(cmd, ""), r.table(cmd, "FIXES SEVERITY EXPLOITED DUE PROBABILITY BY", rowsOf(s.Fixes, func(f adminhttp.FixedVulnerability) []any {
		by := f.Advisories
		if len(by) == 0 {
			by = []string{"the patch itself"}
		}
		return []any{f.Facts.ID, f.Facts.Severity, f.Facts.Exploited, f.Facts.Due, percent(f.Facts.Probability), by}
	})))
}

// percent prints a probability.
func percent(millionths uint32) string {
	if millionths == 0 {
		return ""
	}
	return fmt.Sprintf("%d.%02d %%", millionths/10_000, millionths%10_000/100)
}
