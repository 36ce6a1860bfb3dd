package cli

import (
	"flag"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var rewrite = flag.Bool("rewrite", false, "write rules.txt from the package documentation; review the difference")

var docLink = regexp.MustCompile(`\[([A-Za-z.]+)\]`)

var ruleItem = regexp.MustCompile(`^\s*- (?:([A-Z]{3})-(\d+)[.:]? )?(.*)`)

// documented reads the rules from the package comments of some packages, each a
// list item, in order.
func documented(t *testing.T, cluster string, rooms ...string) (text string) {
	t.Helper()
	items := map[int]string{}
	for _, room := range rooms {
		files, err := filepath.Glob(filepath.Join("..", "..", "..", filepath.FromSlash(room), "*.go"))
		require.NoError(t, err)
		for _, file := range files {
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly|parser.ParseComments)
			require.NoError(t, err)
			if strings.HasSuffix(file, "_test.go") || f.Doc == nil {
				continue
			}
			n := 0
			for line := range strings.Lines(f.Doc.Text()) {
				switch m := ruleItem.FindStringSubmatch(line); {
				case m != nil && m[1] == cluster:
					n, err = strconv.Atoi(m[2])
					require.NoError(t, err)
					items[n] = m[3]
				case m != nil, strings.HasPrefix(line, "# "), len(line) > 1 && line[0] != ' ':
					n = 0
				case n > 0:
					items[n] += " " + line
				}
			}
		}
	}
	for n := 1; n <= len(items); n++ {
		require.NotEmpty(t, items[n], "%s-%d", cluster, n)
		text += fmt.Sprintf("%s-%d. %s\n", cluster, n, plainRule(strings.Join(strings.Fields(items[n]), " ")))
	}
	return text
}

// aside is a parenthesis that holds only names of the Go packages, first such a
// name at the beginning of one, and goAPI a name that no text may keep.
const goName = `(?:\[[A-Za-z.]+\](?:\.\w+)?|(?:[a-z]+\.)?[A-Z][A-Za-z]*\.[A-Z]\w+)`

var (
	aside = regexp.MustCompile(` \((?:see )?` + goName + `(?:, ` + goName + `)*\)`)
	first = regexp.MustCompile(`\(` + goName + `[;,] `)
	goAPI = regexp.MustCompile(`\b[A-Z][A-Za-z]+\.[A-Z]\w+`)
)

// plainWords replace what the documentation says to programmers by what a
// person with only the program can use.
var plainWords = strings.NewReplacer(
	"With Batch.AcceptOlder the administrator accepts an older batch once,", `With "server catalog sync --accept-older FEED" the administrator accepts older data once,`,
	" Sync lists that patch in Changes.NoLongerNewest.", " A sync lists that patch.",
	"Sync lists it in Changes.Deprecated, and", "a sync lists it, and",
	"With Options.StrictLines the", "With a job's strictLines the",
	"With Options.KnownLines the", "With a job's knownLines the",
	"or Batch.Authority", "or the one that its configuration gives it",
	"each prefix in Batch.Names,", "each prefix that the feed names,",
	"is rejected and returned in Changes.Rejected with its Owner. FeedHealth counts such records as Outside and names the first few.", "is rejected, with its owner. The state of the feed counts such records as outside and names the first few.",
	"of those that Grant.Lines names", "of those whose lines it was granted",
	"A Grant outranks", "A grant outranks",
	"Patch.Source where", "that of the source where",
	"For each installed product, Snapshot.Missing offers", "Each installed product is offered",
	" Schedule.NextIn and Schedule.PrevIn return the runs. job.Definition.Span returns an asset's start and the end of its window.", "",
	"and Definition.Split offers the chain of jobs,", "and offers the chain of jobs,",
	" Definition.Plan makes previews and real orders alike.", " The same code makes previews and real orders.",
	": CheckIn.Validate, Answer.Validate and Document.Validate check it.", ".",
	" See Excerpt.Allows, and Order.Obstacle in package job.", "",
	" Policy.Validate refuses a policy that could exceed that:", " A policy that could exceed that is refused:",
	" delay and deferral (job.Definition.Check).", " delay and deferral.",
	" says so (job.Definition.Check).", " says so.",
	" Calendar.At says until", " It says until",
	" (Override)", "", " (Calendar.Overridden)", "", " (Admission)", "",
	" Table.Warnings lists the", " The table's warnings list the",
	"at most MaxLines in all", "at most 512 in all",
	"Sync returns the first MaxRejected of each feed", "A sync lists the first 1,000 of each feed",
	"the newest MaxHistory of them", "the newest 256 of them",
	"the newest MaxNewer are", "the newest 32 are",
	"Bound computes it for a check-in interval; with", "It follows from the check-in interval; with",
	"at most MaxLifetime after the agent's corrected time (plus MaxSkew,", "at most 90 days after the agent's corrected time (plus 5 minutes,",
	"by more than MaxSkew", "by more than 5 minutes",
	"A number above MaxNumber", "A number above 2^53",
	"half of MaxNumber", "half of that",
	"and the Digest of", "and the digest of",
	"by the Secret that", "by the secret that",
	" Package job/execution decides if a reboot is due, and sends Due.", "",
	" The caller sends Due once; a machine that is past Idle ignores another.", "",
	"Result lists the results of an execution, Progress the steps on the way, and Code the failure codes of a patch, with their published numbers.", "The results of an execution, the steps on the way, and the failure codes of a patch have fixed names; the codes have the numbers that vendors publish.",
)

// plainRule is a rule without the names of the Go packages.
func plainRule(text string) string {
	text = first.ReplaceAllString(aside.ReplaceAllString(text, ""), "(")
	return plainWords.Replace(docLink.ReplaceAllString(text, "$1"))
}

// Every rule of the package documentation is known to somebody who has only the
// binary, word for word.
func TestRulesAreThoseOfTheDocumentation(t *testing.T) {
	text := documented(t, "CAT", "catalog") + documented(t, "JOB", "job", "job/schedule", "job/execution") + documented(t, "MAN", "manifest") +
		documented(t, "INT", "integrity") + documented(t, "RBT", "reboot", "job") + documented(t, "RPT", "job/controller") + documented(t, "DUE", "job/deadline") +
		documented(t, "APR", "job/baseline") + documented(t, "CAL", "job/schedule") + documented(t, "ROL", "job/rollout")
	if *rewrite {
		require.NoError(t, os.WriteFile("rules.txt", []byte(text), 0o644))
		return
	}
	require.True(t, text == ruleText, "a rule of the documentation changed: write rules.txt with: go test ./examples/server/cli -run Rules -rewrite")
	require.Greater(t, len(rulesOf("job")), 20)
	require.Len(t, rulesOf("cat-3"), 1)
	require.Empty(t, rulesOf("job-999"))
	for _, x := range rulesOf("") {
		cluster, _, _ := strings.Cut(x.ID, "-")
		require.Contains(t, rules().Long, "  "+cluster+"  ", "the help lists every kind of rule")
	}
	for line := range strings.Lines(text) {
		require.Empty(t, goAPI.FindAllString(line, -1), "a name of a Go package, which says nothing to a person with only the program: give words for it in plainWords\n%s", line)
	}
}

func TestWrap(t *testing.T) {
	text := wrap("JOB-1. "+strings.Repeat("word ", 60), 80, "  ")
	require.True(t, slices.ContainsFunc(strings.Split(text, "\n"), func(line string) bool { return strings.HasPrefix(line, "  word") }))
	for line := range strings.Lines(text) {
		require.LessOrEqual(t, len(strings.TrimSpace(line)), 80)
	}
}
