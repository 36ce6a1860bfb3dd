package version

import (
	"go/parser"
	"go/token"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Schemes lists the built-in schemes for the tests outside the package.
func Schemes() []Scheme { return schemes }

// decision is one row of the tables in the package's documentation: a form, how
// it orders with another, and why.
type decision struct {
	scheme Scheme
	a, b   string
	order  int
}

var decisionRow = regexp.MustCompile(`^\t(\S.*?) +([<=])  (\S.*?) {2,}(\S.*)$`)

// decisions reads the tables below the headings that name a scheme.
func decisions(t testing.TB) (all []decision) {
	file, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments)
	require.NoError(t, err)
	var scheme Scheme
	for line := range strings.SplitSeq(strings.ReplaceAll(file.Doc.Text(), "\n\n", "\n"), "\n") {
		if heading, is := strings.CutPrefix(line, "# "); is {
			scheme = Scheme(heading)
		}
		if !strings.HasPrefix(line, "\t") {
			continue
		}
		row := decisionRow.FindStringSubmatch(line)
		require.NotNil(t, row, "%q is no row of a table", line)
		order := 0
		if row[2] == "<" {
			order = -1
		}
		all = append(all, decision{scheme, row[1], row[3], order})
	}
	return all
}

// The documentation is what the package does.
func TestDecisions_CAT20(t *testing.T) {
	rows := map[Scheme]int{}
	for _, d := range decisions(t) {
		rows[d.scheme]++
		v, err := Parse(d.scheme, d.a)
		require.NoError(t, err)
		w, err := Parse(d.scheme, d.b)
		require.NoError(t, err)
		order, ok := v.Compare(w)
		require.True(t, ok)
		require.Equal(t, d.order, order, "%s: %s with %s", d.scheme, d.a, d.b)
	}
	require.GreaterOrEqual(t, rows[Loose], 35)
	require.GreaterOrEqual(t, rows[Jdk], 20)

	doc, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments)
	require.NoError(t, err)
	for word := range looseWords {
		require.Regexp(t, `(?i)\b`+word+`\b`, doc.Doc.Text(), "the word is in the table")
	}
}
