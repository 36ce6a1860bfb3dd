package cli

import (
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchpolicy/patchpolicy/catalog"
	"github.com/patchpolicy/patchpolicy/catalog/jsonfeed"
	"github.com/patchpolicy/patchpolicy/examples/server/adminhttp"
	"github.com/patchpolicy/patchpolicy/job/controller"
)

func (r *remote) tokens() *cobra.Command {
	var in adminhttp.NewToken
	var lasts time.Duration
	create := &cobra.Command{
		Use: "create", Short: "Make a token and print its secret; it is not shown again",
		Example: "  (umask 077; server token create > token)   # one agent, within a day: agent enrol --token-file token …\n  server token create --uses 50 --tag lab --names 'lab-*' --expires-in 2h",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if lasts < 0 {
				return usageError{fmt.Errorf("--expires-in %v: want zero (never) or more", lasts)}
			}
			if in.Uses < 1 {
				return usageError{fmt.Errorf("--uses %d: want one or more", in.Uses)}
			}
			if lasts > 0 {
				in.Expires = time.Now().Add(lasts)
			}
			made, done, err := ask[adminhttp.MadeToken](r, cmd, "POST tokens", in)
			if err != nil || done {
				return err
			}
			return say(cmd, made.Secret)
		},
	}
	create.Flags().StringVar(&in.Name, "name", "", "a name for people")
	create.Flags().IntVar(&in.Uses, "uses", 1, "how many agents may enrol with it")
	create.Flags().StringSliceVar(&in.Tags, "tag", nil, "tag for every asset that enrols with it (repeatable)")
	create.Flags().StringVar(&in.Names, "names", "", "pattern that the names of those assets must match, like 'lab-*' (default: any name)")
	create.Flags().DurationVar(&lasts, "expires-in", 24*time.Hour, "how long it is valid; 0: for ever")
	return noun("token", "Enrolment tokens: with one, an agent becomes an asset", create,
		verb("delete ID", "Delete a token; assets that enrolled with it stay",
			r.acting("DELETE tokens/{}", "deleted")),
		verb("list", "List the tokens", listing(r, "GET tokens", "ID NAME USES-LEFT EXPIRES TAGS NAMES", func(t controller.Token) []any {
			return []any{t.ID, t.Name, t.Uses, t.Expires, t.Tags, t.Names}
		})))
}

func (r *remote) assets() *cobra.Command {
	return noun("asset", "Assets: the computers with an agent",
		&cobra.Command{
			Use: "list", Short: "List the assets, with what they last reported",
			Long: "List the assets. The notes say what to look at:\n\n" +
				"  silent          it has not called for half an hour, so nobody knows when changes reach it (MAN-3)\n" +
				"  change pending  a change has not reached it yet (MAN-2)\n" +
				"  clock           its clock is over 5 minutes off (MAN-8)\n" +
				"  cloned          two computers call as this asset (MAN-9); see server report cloned\n" +
				"  anomalies       it reported something impossible or unexpected; see server asset show",
			RunE: paging(r, "GET assets", assetHead, assetRow),
		},
		verb("show ASSET", "Show what is known about an asset",
			showing(r, "GET assets/{}", r.showAsset)),
		verb("inventory ASSET", "List the software that an asset last reported, by the ids of its products",
			showing(r, "GET assets/{}/inventory", func(cmd *cobra.Command, i catalog.Inventory) error {
				var rows [][]any
				for x := range i.Installed() {
					rows = append(rows, []any{x.Product, x.Version, notes("held", x.Held, "prefers "+x.PinnedTo, x.PinnedTo != "", x.Unfinished, x.Unfinished != "")})
				}
				return r.table(cmd, "PRODUCT VERSION NOTES", rows)
			})),
		&cobra.Command{
			Use: "tag ASSET [TAG…]", Short: "Replace an asset's tags; without a tag, remove them all",
			Example: "  server asset tag web-1 web production",
			RunE: func(cmd *cobra.Command, args []string) error {
				done := "tags: " + strings.Join(args[min(1, len(args)):], ", ")
				if len(args) == 1 {
					done = "all tags removed"
				}
				return r.act(cmd, "PUT assets/{}/tags", append([]string{}, args[min(1, len(args)):]...), done)
			},
		},
		&cobra.Command{
			Use: "expose ASSET ANSWER", Short: "Say whether an asset can be reached from the public network: yes, no or unknown (DUE-4)",
			Long: "Say whether an asset can be reached from the public network, by whatever path. Unknown counts as yes, unless the table of\n" +
				"deadlines says otherwise.",
			Example: "  server asset expose web-1 yes",
			RunE: func(cmd *cobra.Command, args []string) error {
				var answer catalog.Answer
				if args[1] != "unknown" {
					if err := answer.UnmarshalText([]byte(args[1])); err != nil || answer == 0 {
						return usageError{fmt.Errorf("%q: want yes, no or unknown", args[1])}
					}
				}
				return r.act(cmd, "PUT assets/{}/exposed", answer, "exposed: "+args[1])
			},
		},
		verb("remove ASSET", "Remove an asset: its open orders end, its history stays",
			r.acting("DELETE assets/{}", "removed")),
		&cobra.Command{
			Use: "acknowledge ASSET", Short: "Clear the anomalies of an asset, once you have looked at them",
			Long: "Clear the anomalies of an asset: impossible or unexpected reports and claims, as after a restore. \"server asset show\" lists them, with what they mean. " +
				"The event says who cleared them.",
			RunE: r.acting("POST assets/{}/acknowledge", "acknowledged"),
		},
		&cobra.Command{
			Use: "settle ASSET", Short: "Confirm that one computer alone calls as this asset again (MAN-9)",
			Long: "Confirm that one computer alone calls as this asset again (see \"server report cloned\"). First enrol each copy under its\n" +
				"own name, on the copy: agent enrol --again --name NAME …",
			RunE: r.acting("POST assets/{}/settle", "settled"),
		})
}

func (r *remote) showAsset(cmd *cobra.Command, a controller.AssetStatus) error {
	rows := [][]any{
		{"asset", a.ID}, {"host", a.Hostname}, {"platform", fmt.Sprintf("%v %s", a.Platform, a.Architecture)}, {"tags", a.Tags},
		{"exposed", a.Exposed}, {"agent", a.Version}, {"enrolled", a.Enrolled}, {"last call", a.LastSeen}, {"time zone", a.Zone}, {"inventory", a.InventoryAt},
		{"manifest", fmt.Sprintf("holds revision %d, newest is %d", a.Held, a.Newest)}, {"notes", assetNotes(a)},
	}
	if a.Refused != nil {
		rows = append(rows, []any{"refused", show(a.Refused.At) + " " + a.Refused.Text})
	}
	rules := map[string]bool{}
	for _, x := range a.LastAnomalies {
		rows = append(rows, []any{"anomaly", strings.TrimSpace(show(x.At) + " " + x.Text + " " + string(x.Order) + " " + x.Rule)})
		rules[x.Rule] = true
	}
	if err := r.table(cmd, "", rows); err != nil || a.NewAnomalies == 0 {
		return err
	}
	out := cmd.OutOrStdout()
	_, _ = fmt.Fprintf(out, "\n%d odd reports or claims of this asset are not acknowledged. What they mean:\n", a.NewAnomalies)
	for _, rule := range slices.Sorted(maps.Keys(rules)) {
		if text := anomalyTexts[rule]; text != "" {
			_, _ = fmt.Fprintln(out, wrap(rule+". "+text, 80, "  "))
		}
	}
	_, err := fmt.Fprintf(out, "When you have looked: server asset acknowledge %s\n", show(a.ID))
	return err
}

// anomalyTexts say, by rule, what an anomaly means and what to do.
var anomalyTexts = map[string]string{
	"MAN-5": "The asset holds a newer manifest than this server knew: the server was restored from a backup, or its database was put back. The server goes on " +
		"above that revision and repeats nothing that it knows to have begun. Nothing is to be done.",
	"MAN-6": "Reports are missing here, or the agent makes fewer than it made before: the server was restored, or the agent was reinstalled or its disk put back. " +
		"Results in between are not known: compare with \"agent status\" and the agent's journal. If nobody did any of this, look at \"server report cloned\".",
	"MAN-9": "Two computers may call as this asset, or it was put back to a snapshot. If it was copied, enrol the copy under its own name (agent enrol --again), " +
		"then: server asset settle.",
	"MAN-12": "A number is beyond what any agent reaches. It was refused. Update or reinstall the agent; if it comes back, somebody may have its key: remove the asset " +
		"and enrol it again.",
	"JOB-24": "A report does not fit what this server knows of the order, and changed nothing. After a restore this is usual: the order was made after the backup, and " +
		"what the asset did is in its own journal. Otherwise the agent has a fault.",
	"CAT-16": "The inventory has an error and was not taken; the last good one counts. Correct on the asset what the text names.",
	"JOB-7":  "The asset changed its platform. Remove it, and enrol the new system.",
}

const assetHead = "ASSET PLATFORM TAGS ZONE LAST-CALL NOTES"

func assetRow(a controller.AssetStatus) []any {
	return []any{a.ID, a.Platform, a.Tags, a.Zone, a.LastSeen, assetNotes(a)}
}

func assetNotes(a controller.AssetStatus) string {
	return notes("silent", a.Silent, "no inventory yet", a.InventoryAt.IsZero(), fmt.Sprintf("change pending (holds %d, newest %d)", a.Held, a.Newest), a.Behind,
		fmt.Sprintf("clock %v off", a.Offset.Round(time.Second)), a.OffsetTooFar, "needs a reboot", a.NeedsReboot, "cloned", a.Cloned != nil,
		"refused a manifest", a.Refused != nil, "%d anomalies", a.NewAnomalies)
}

//go:embed patch.json
var patchExample string

func (r *remote) patches() *cobra.Command {
	list := &cobra.Command{
		Use: "list", Short: "List the patches of the catalog",
		Example: "  server patch list --product openssl\n  server report missing            # those that your assets miss",
		RunE: paging(r, "GET patches?product", "PATCH PRODUCT VERSION SEVERITY CLASS REBOOT PUBLISHED TITLE", func(p catalog.Patch) []any {
			return []any{p.ID, p.Product, p.Version, p.Severity, p.Class, p.Reboot, p.Published, long(p.Title)}
		}),
	}
	list.Flags().String("product", "", "only patches of this product, by its id")
	return noun("patch", "Patches: what the catalog knows", list, &cobra.Command{
		Use: "example", Short: "Print an example of a patch document, for server serve --feed-json",
		Long: "Print an example of a patch document, for \"server serve --feed-json\". A product's id is the one that agents report (\"server asset inventory\"). " +
			"Availability is Pinned (a URL for this version), LatestOnly (one URL for all versions), Repository, or Vendor (you supply the file: \"server url set\"). " +
			"A file needs a signer or a digest; \"server rule INT\" explains which one decides.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(cmd.OutOrStdout(), patchExample)
			return err
		},
	}, verb("schema", "Print the JSON Schema of a patch document", func(cmd *cobra.Command, _ []string) error {
		_, err := fmt.Fprint(cmd.OutOrStdout(), jsonfeed.Schema())
		return err
	}), r.patchCheck())
}

func (r *remote) customURLs() *cobra.Command {
	put := func(cmd *cobra.Command, args []string, url, done string) error {
		u := catalog.CustomURL{Patch: catalog.PatchID(args[0]), Artifact: args[1], URL: url}
		return r.act(cmd, "PUT custom-urls", []catalog.CustomURL{u}, done)
	}
	return noun("url", "Custom URLs: where you supply files that a vendor does not offer for download (CAT-5)",
		&cobra.Command{
			Use: "set PATCH ARTIFACT URL", Short: "Set where the file of a Vendor artifact is, for orders made from now on",
			Long: "Set where agents fetch the file of a Vendor artifact: an http, https or file URL. It stays through every sync until you\n" +
				"unset it. Agents check the file like any other, against the signer and the digests of the catalog.",
			Example: "  server url set editor-2.0.0 editor.msi https://files.example/editor.msi",
			RunE: func(cmd *cobra.Command, args []string) error {
				if args[2] == "" {
					return usageError{errors.New(`the URL is empty; to remove one, use "server url unset"`)}
				}
				return put(cmd, args, args[2], "set")
			},
		},
		verb("unset PATCH ARTIFACT", "Remove a custom URL",
			func(cmd *cobra.Command, args []string) error { return put(cmd, args, "", "removed") }),
		verb("list", "List the custom URLs",
			listing(r, "GET custom-urls", "PATCH ARTIFACT URL", func(u catalog.CustomURL) []any { return []any{u.Patch, u.Artifact, u.URL} })))
}
