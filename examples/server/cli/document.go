package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/jsonfeed"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// checked is what a sync would make of a patch document.
type checked struct {
	Products int                `json:"products"` // taken into the catalog
	Patches  int                `json:"patches"`
	Rejected []catalog.Rejected `json:"rejected"` // with every reason
}

// checkDocument reads a patch document and syncs an empty catalog with it.
func checkDocument(ctx context.Context, location string, now time.Time) (c checked, err error) {
	const id = "document"
	feed, err := jsonfeed.New(id, location, jsonfeed.Options{})
	if err != nil {
		return c, usageError{err}
	}
	b, err := feed.Fetch(ctx)
	if err != nil {
		return c, err
	}
	snapshot, changes := catalog.Sync(nil, []catalog.Batch{b}, now)
	if health := snapshot.Feeds()[0]; !health.Healthy {
		return c, errors.New(health.Err)
	}
	c.Rejected = append([]catalog.Rejected{}, changes.Rejected...)
	for range snapshot.Products() {
		c.Products++
	}
	for range snapshot.Patches() {
		c.Patches++
	}
	return c, nil
}

func (r *remote) patchCheck() *cobra.Command {
	return &cobra.Command{
		Use: "check DOCUMENT", Short: "Check a patch document: say which records a sync would reject, and why",
		Long: "Check a patch document, by its URL or path, without a server. It prints every record that a sync would reject, with every reason. The document is " +
			"checked alone: a patch of a product that only another feed lists is rejected here, and whether this feed may speak about its records beside your other " +
			"feeds (CAT-17) is not checked: the next sync says so. The exit code is 1 if a record is rejected.",
		Example: "  server patch check patches.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := checkDocument(cmd.Context(), args[0], time.Now())
			if err != nil {
				return err
			}
			if r.asJSON {
				err = printJSON(cmd, c)
			} else {
				for _, rejected := range c.Rejected {
					err = cmp.Or(err, say(cmd, rejected.Record+"\n  "+problem.Lines(strings.Join(rejected.Reasons, "\n"), "  ")))
				}
				err = cmp.Or(err, say(cmd, fmt.Sprintf("good records: %d of products, %d of patches", c.Products, c.Patches)))
				_, _ = fmt.Fprintln(cmd.ErrOrStderr(), "not checked: whether another feed owns them (CAT-17); the next sync, and server report feeds, say so")
			}
			if err == nil && len(c.Rejected) > 0 {
				err = errors.New("a sync rejects the records above")
			}
			return err
		},
	}
}
