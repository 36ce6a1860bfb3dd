package catalog

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var rewrite = flag.Bool("rewrite", false, "write testdata/lifecycle.txt again from what the code says; review the difference")

const lifecycleFile = "testdata/lifecycle.txt"

const lifecycleHeader = `# Whether a patch can be deployed, over everything that lifecycle, version lines and availability can say about it.
# An asset has 1.9.0 of a product, the patch is 2.5.0; the catalog is synced and asked at the same instant.
#
# What is combined, one column each:
#   withdrawn   the vendor withdrew the patch explicitly (CAT-8)
#   marked      the vendor announced its end of life
#   date        of that end: none, or before, at or after the sync; before and after are one second off (CAT-13)
#   url         up: every URL can be reached; down: a probe found none that can (CAT-10)
#   from        the line of the installed version: supported, or ended when past its end of life (CAT-11)
#   to          the line of the patch, likewise
#   have        Pinned; LatestOnly, as the newest version; Overtaken: LatestOnly, and a newer version is listed (CAT-6);
#               Repository and Vendor, which have no URL to be down; Supplied: Vendor with the customer's URL (CAT-5)
#   strict      the policy switch by which the installed version's line blocks as well (CAT-11)
# What is expected:
#   the patch's stage, deploy or refuse, and every reason with the rule that gives it, the blocking ones first.
#   EOLVersion stands twice where both lines have ended and the policy is strict: once for each line.
#
# Each combination stands here once. "go test ./catalog -run LifecycleTable -rewrite" writes the file again.
`

// lifecycleCase is one combination; its fields are the columns of the table.
type lifecycleCase struct{ withdrawn, marked, date, url, from, to, have, strict string }

// lifecycleCases generates every combination, each once, in the order of the file.
func lifecycleCases() []lifecycleCase {
	var all []lifecycleCase
	for _, withdrawn := range []string{"no", "yes"} {
		for _, marked := range []string{"no", "yes"} {
			for _, date := range []string{"none", "before", "at", "after"} {
				for _, have := range []string{"Pinned", "LatestOnly", "Overtaken", "Repository", "Vendor", "Supplied"} {
					for _, url := range []string{"up", "down"} {
						for _, to := range []string{"supported", "ended"} {
							for _, from := range []string{"supported", "ended"} {
								for _, strict := range []string{"no", "yes"} {
									all = append(all, lifecycleCase{withdrawn, marked, date, url, from, to, have, strict})
								}
							}
						}
					}
				}
			}
		}
	}
	return all
}

func (c lifecycleCase) String() string {
	return fmt.Sprintf("%-9s  %-6s  %-6s  %-4s  %-9s  %-9s  %-10s  %-6s", c.withdrawn, c.marked, c.date, c.url, c.from, c.to, c.have, c.strict)
}

// snapshot syncs a catalog at noon that holds the patch as the case has it.
func (c lifecycleCase) snapshot(t require.TestingT) *Snapshot {
	availability := map[string]Availability{
		"Pinned": Pinned, "LatestOnly": LatestOnly, "Overtaken": LatestOnly, "Repository": Repository, "Vendor": Vendor, "Supplied": Vendor,
	}[c.have]
	end := map[string]time.Time{"before": noon.Add(-time.Second), "at": noon, "after": noon.Add(time.Second)}[c.date]
	b := batch(edit("2.5.0", ends(end), func(p *Patch) {
		p.Withdrawn, p.EOLMarked = c.withdrawn == "yes", c.marked == "yes"
		p.Artifacts = []Artifact{file(availability)}
	}))
	if c.have == "Overtaken" {
		b.Patches = append(b.Patches, edit("3.0.0"))
	}
	line := map[string]time.Time{"supported": noon.Add(time.Second), "ended": noon.Add(-time.Second)}
	b.Products[0].Lines = []Line{{Prefix: "1", EOL: line[c.from]}, {Prefix: "2", EOL: line[c.to]}}
	s := synced(t, b)
	if c.have == "Supplied" {
		return with(t, s, custom("editor-2.5.0", own))
	}
	return s
}

// found is what the code says.
func (c lifecycleCase) found(t require.TestingT) string {
	s := c.snapshot(t)
	o := Options{StrictLines: c.strict == "yes", KnownLines: c.strict == "yes"}
	if c.url == "down" {
		o.Unreachable = map[string]bool{"https://acme.example/editor.run": true, own: true}
	}
	v := s.Evaluate("editor-2.5.0", has("1.9.0"), o, noon)
	explained(t, v)
	reasons := make([]string, len(v.Reasons))
	for i, r := range v.Reasons {
		reasons[i] = string(r.Code) + " " + r.Rule
	}
	return expectation(string(s.Lifecycle("editor-2.5.0")), v.Deployable, reasons)
}

// oracle is what the rules say: the stage by CAT-8, the rest by the oracle of all worlds.
func (c lifecycleCase) oracle() string {
	w := world{lifecycle: "active", availability: strings.ToLower(c.have), lines: "none", feed: "good", platform: Linux, installed: "older", pinned: "none"}
	stage := "Active"
	switch {
	case c.withdrawn == "yes":
		w.lifecycle, stage = "withdrawn", "Deprecated"
	case c.date == "before" || c.date == "at":
		w.lifecycle, stage = "ended", "Deprecated"
	case c.date == "after":
		w.lifecycle, stage = "dated", "EOLMarked"
	case c.marked == "yes":
		w.lifecycle, stage = "marked", "EOLMarked"
	}
	if c.have == "LatestOnly" {
		w.availability = "latest"
	}
	switch {
	case c.from == "ended" && c.to == "ended":
		w.lines = "both"
	case c.from == "ended":
		w.lines = "installed"
	case c.to == "ended":
		w.lines = "patch"
	}
	w.unreachable, w.strict = c.url == "down", c.strict == "yes"
	rules := map[ReasonCode]string{
		Upgrade: "CAT-3", NotDownloadable: "CAT-5", VersionNotDownloadable: "CAT-6", Deprecated: "CAT-9", ArtifactUnreachable: "CAT-10",
		EOLMarked: "CAT-10", EOLVersion: "CAT-11", LeavesEOL: "CAT-11",
	}
	codes := w.verdictCodes()
	reasons := make([]string, len(codes))
	for i, code := range codes {
		reasons[i] = string(code) + " " + rules[code]
	}
	return expectation(stage, slices.Contains(codes, Upgrade), reasons)
}

func expectation(stage string, deployable bool, reasons []string) string {
	word := "refuse"
	if deployable {
		word = "deploy"
	}
	return fmt.Sprintf("%-10s  %s  %s", stage, word, strings.Join(reasons, ", "))
}

// checkLifecycle holds a table against the combinations there are and against
// what is said of each: every problem.
func checkLifecycle(table string, cases []lifecycleCase, says func(lifecycleCase) string) []string {
	var problems []string
	want := make(map[string]string, len(cases))
	for i, line := range strings.Split(table, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		key, expected, _ := strings.Cut(strings.TrimPrefix(line, "  "), " | ")
		if _, twice := want[key]; twice {
			problems = append(problems, fmt.Sprintf("line %d: stands twice: %s", i+1, key))
		}
		want[key] = expected
	}
	for _, c := range cases {
		expected, there := want[c.String()]
		delete(want, c.String())
		switch said := says(c); {
		case !there:
			problems = append(problems, fmt.Sprintf("missing: %s", c))
		case said != expected:
			problems = append(problems, fmt.Sprintf("%s\n\twant %s\n\tgot  %s", c, expected, said))
		}
	}
	for key := range want {
		problems = append(problems, "no combination: "+key)
	}
	return problems
}

func writeLifecycle(cases []lifecycleCase, says func(lifecycleCase) string) string {
	var b strings.Builder
	b.WriteString(lifecycleHeader)
	var last lifecycleCase
	for _, c := range cases {
		if c.withdrawn != last.withdrawn || c.marked != last.marked || c.date != last.date {
			fmt.Fprintf(&b, "\n# Withdrawn: %s. Marked: %s. Date: %s.\n", c.withdrawn, c.marked, c.date)
		}
		if c.have != last.have || c.date != last.date {
			columns := lifecycleCase{"withdrawn", "marked", "date", "url", "from", "to", "have", "strict"}
			fmt.Fprintf(&b, "\n# %s | stage, verdict, reasons\n", columns)
		}
		fmt.Fprintf(&b, "  %s | %s\n", c, says(c))
		last = c
	}
	return b.String()
}

// CAT-5, CAT-6, CAT-8, CAT-9, CAT-10, CAT-11, CAT-13, CAT-15: the table, the
// code and the oracle agree on each combination.
func TestLifecycleTable_CAT8(t *testing.T) {
	cases := lifecycleCases()
	require.Len(t, cases, 2*2*4*2*2*2*6*2)
	code := func(c lifecycleCase) string { return c.found(t) }
	if *rewrite {
		require.NoError(t, os.WriteFile(lifecycleFile, []byte(writeLifecycle(cases, code)), 0o644))
	}
	data, err := os.ReadFile(lifecycleFile)
	require.NoError(t, err)
	require.Empty(t, checkLifecycle(string(data), cases, code), "by the code")
	require.Empty(t, checkLifecycle(string(data), cases, lifecycleCase.oracle), "by the oracle")
}

// The check finds what can be wrong with the table.
func TestLifecycleTableIsChecked(t *testing.T) {
	cases := lifecycleCases()
	good := writeLifecycle(cases, lifecycleCase.oracle)
	require.Empty(t, checkLifecycle(good, cases, lifecycleCase.oracle))
	line := fmt.Sprintf("  %s | %s\n", cases[7], cases[7].oracle())
	for want, table := range map[string]string{
		"missing: " + cases[7].String():                            strings.Replace(good, line, "", 1),
		"stands twice: " + cases[7].String():                       good + line,
		"want " + strings.Replace(cases[7].oracle(), "EOL", "", 1): strings.Replace(good, line, strings.Replace(line, "EOL", "", 1), 1),
		"no combination: something else":                           good + "something else | Active\n",
	} {
		problems := checkLifecycle(table, cases, lifecycleCase.oracle)
		require.Len(t, problems, 1)
		require.Contains(t, problems[0], want)
	}
}
