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
		text += fmt.Sprintf("%s-%d. %s\n", cluster, n, docLink.ReplaceAllString(strings.Join(strings.Fields(items[n]), " "), "$1"))
	}
	return text
}

// Every rule of the package documentation is known to somebody who has only the
// binary, word for word.
func TestRulesAreThoseOfTheDocumentation(t *testing.T) {
	text := documented(t, "CAT", "catalog") + documented(t, "JOB", "job", "job/schedule", "job/execution") + documented(t, "MAN", "manifest") +
		documented(t, "INT", "integrity") + documented(t, "RBT", "reboot", "job") + documented(t, "RPT", "job/controller") + documented(t, "DUE", "job/deadline") +
		documented(t, "APR", "job/baseline") + documented(t, "CAL", "job/schedule")
	if *rewrite {
		require.NoError(t, os.WriteFile("rules.txt", []byte(text), 0o644))
		return
	}
	require.True(t, text == ruleText, "a rule of the documentation changed: write rules.txt with: go test ./examples/server/cli -run Rules -rewrite")
	require.Greater(t, len(rulesOf("job")), 20)
	require.Len(t, rulesOf("cat-3"), 1)
	require.Empty(t, rulesOf("job-999"))
}

func TestWrap(t *testing.T) {
	text := wrap("JOB-1. "+strings.Repeat("word ", 60), 80, "  ")
	require.True(t, slices.ContainsFunc(strings.Split(text, "\n"), func(line string) bool { return strings.HasPrefix(line, "  word") }))
	for line := range strings.Lines(text) {
		require.LessOrEqual(t, len(strings.TrimSpace(line)), 80)
	}
}
