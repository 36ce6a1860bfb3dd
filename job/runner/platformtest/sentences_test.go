package platformtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// trailer is what an assertion prints after its sentence.
var trailer = regexp.MustCompile(`^%s.*| [^.]*(%[dvs][^.]*)+\.?$`)

// TestAssertionsAreSentencesOfTheDocumentation checks that whoever reads
// runner.Platform reads all that Run checks.
func TestAssertionsAreSentencesOfTheDocumentation(t *testing.T) {
	files := token.NewFileSet()
	ports, err := parser.ParseFile(files, "../ports.go", nil, parser.ParseComments)
	require.NoError(t, err)
	var doc strings.Builder
	for _, c := range ports.Comments {
		doc.WriteString(strings.Join(strings.Fields(c.Text()), " ") + "\n")
	}
	suite, err := parser.ParseFile(files, "platformtest.go", nil, 0)
	require.NoError(t, err)
	assertions, sentences := 0, 0
	ast.Inspect(suite, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			f, _ := n.Fun.(*ast.SelectorExpr)
			if f == nil {
				return true
			}
			if from, _ := f.X.(*ast.Ident); from != nil && from.Name == "require" {
				assertions++
				require.True(t, says(n), "%s: this assertion says no sentence", files.Position(n.Pos()))
			}
		case *ast.BasicLit:
			text, err := strconv.Unquote(n.Value)
			if n.Kind != token.STRING || err != nil || !strings.Contains(text, " ") || strings.HasPrefix(text, "the subject") ||
				text == "exit " || text == "put here by somebody else" || strings.HasPrefix(text, "this system") {
				return true
			}
			if text = strings.TrimSpace(trailer.ReplaceAllString(text, "")); text != "" {
				sentences++
				require.Contains(t, doc.String(), text, "%s: runner.Platform does not say this", files.Position(n.Pos()))
			}
		}
		return true
	})
	require.Greater(t, assertions, 30)
	require.Greater(t, sentences, 20)
}

// says reports whether the last arguments of an assertion contain a text or
// the name of one.
func says(call *ast.CallExpr) bool {
	for _, arg := range call.Args[2:] {
		switch arg := arg.(type) {
		case *ast.BasicLit:
			if arg.Kind == token.STRING {
				return true
			}
		case *ast.BinaryExpr:
			return true
		case *ast.Ident:
			if arg.Obj != nil && arg.Obj.Kind == ast.Con {
				return true
			}
		}
	}
	return false
}
