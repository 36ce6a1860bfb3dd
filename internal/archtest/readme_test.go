package archtest

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var rewrite = flag.Bool("rewrite", false, "write the README's table of costs anew")

// quoted is a block of Go in the README, under a comment that says where it stands: <!-- example: FOLDER FUNCTION -->
var quoted = regexp.MustCompile("(?s)<!-- example: (\\S+) (\\S+) -->\n```go\n(.*?)```")

// checkReadmeExamples wants at least one quoted example, and each to be the body of an Example that go test runs and whose output it compares.
func checkReadmeExamples(t *tree) (problems []string) {
	blocks := quoted.FindAllStringSubmatch(string(t.texts["README.md"]), -1)
	if len(blocks) == 0 {
		return []string{"README.md: quotes no example"}
	}
	for _, b := range blocks {
		body, found := exampleBody(t, b[1], b[2])
		switch {
		case !found:
			problems = append(problems, fmt.Sprintf("README.md: %s has no %s", b[1], b[2]))
		case !strings.Contains(body, "// Output:"):
			problems = append(problems, fmt.Sprintf("README.md: %s of %s has no output that go test compares", b[2], b[1]))
		case body != b[3]:
			problems = append(problems, fmt.Sprintf("README.md: differs from %s of %s, which is\n%s", b[2], b[1], body))
		}
	}
	return problems
}

// exampleBody is the text of an Example's body, one tab less deep.
func exampleBody(t *tree, room, name string) (string, bool) {
	for _, f := range t.packages {
		for _, file := range f.files {
			for _, decl := range file.ast.Decls {
				fn, ok := decl.(*ast.FuncDecl)
				if !ok || f.path != room || !file.test() || fn.Name.Name != name || fn.Body == nil {
					continue
				}
				text := t.texts[path.Join(f.path, file.name)]
				text = text[t.fset.Position(fn.Body.Lbrace).Offset+1 : t.fset.Position(fn.Body.Rbrace).Offset]
				text = bytes.TrimPrefix(text, []byte("\n"))
				return strings.TrimPrefix(strings.ReplaceAll("\n"+string(text), "\n\t", "\n"), "\n"), true
			}
		}
	}
	return "", false
}

const (
	costsBegin = "<!-- costs: go test ./internal/archtest -run README -rewrite -->\n"
	costsEnd   = "<!-- end of costs -->\n"
)

// costs is the README's table of what importing each package links, from what the go command says.
func costs(table []room, linked func(string) ([]string, int, error)) (string, error) {
	var b strings.Builder
	b.WriteString("| package | pure | modules it links beyond the standard library | packages of theirs |\n|---|---|---|---|\n")
	for _, r := range table {
		if strings.Contains("/"+r.path, "/internal/") || strings.HasPrefix(r.path, "examples/") || strings.HasSuffix(r.path, "test") {
			continue
		}
		modules, packages, err := linked(r.path)
		if err != nil {
			return "", err
		}
		pure := ""
		if r.core {
			pure = "yes"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %d |\n", r.path, pure, moduleNames(modules), packages)
	}
	return b.String(), nil
}

// moduleNames shortens module paths to what tells them apart; of many only the number is told.
func moduleNames(modules []string) string {
	switch n := len(modules); {
	case n == 0:
		return "none"
	case n > 5:
		return fmt.Sprintf("%d modules", n)
	}
	short := make([]string, len(modules))
	for i, m := range modules {
		short[i] = strings.TrimPrefix(m, "github.com/")
	}
	slices.Sort(short)
	return strings.Join(short, ", ")
}

// checkCosts compares the README's table with the wanted one.
func checkCosts(want string) func(*tree) []string {
	return func(t *tree) []string {
		_, rest, begun := strings.Cut(string(t.texts["README.md"]), costsBegin)
		have, _, ended := strings.Cut(rest, costsEnd)
		switch {
		case !begun || !ended:
			return []string{"README.md: has no table of costs between its two comments"}
		case have != want:
			return []string{"README.md: the table of costs is stale (go test ./internal/archtest -run README -rewrite); want\n" + want}
		}
		return nil
	}
}

func TestREADMEExamplesAreRun(t *testing.T) {
	report(t, checkReadmeExamples(realTree(t)))
	const example = "package a_test\n\nfunc Example_x() {\n\tprintln(1)\n\tif true {\n\t\tprintln(2)\n\t}\n\t// Output:\n\t// 1\n}\n"
	const block = "<!-- example: a Example_x -->\n```go\nprintln(1)\nif true {\n\tprintln(2)\n}\n// Output:\n// 1\n```\n"
	for _, p := range []planted{
		{"the same", map[string]string{"a/a_test.go": example, "README.md": "# x\n" + block}, nil},
		{"none", map[string]string{"README.md": "```go\nx\n```\n"}, []string{"quotes no example"}},
		{"another text", map[string]string{"a/a_test.go": example, "README.md": strings.Replace(block, "(2)", "(3)", 1)}, []string{"differs from Example_x of a"}},
		{"not there", map[string]string{"a/a.go": strings.Replace(example, "a_test", "a", 1), "README.md": block}, []string{"a has no Example_x"}},
		{"no output", map[string]string{"a/a_test.go": strings.Replace(example, "Output:", "output", 1), "README.md": block}, []string{"no output that go test compares"}},
	} {
		p.run(t, checkReadmeExamples)
	}
}

func TestREADMECostsAreTrue(t *testing.T) {
	want, err := costs(rooms, linked)
	require.NoError(t, err)
	if *rewrite {
		dir, err := root()
		require.NoError(t, err)
		name := filepath.Join(dir, "README.md")
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		before, rest, begun := strings.Cut(string(text), costsBegin)
		_, after, ended := strings.Cut(rest, costsEnd)
		require.True(t, begun && ended, "README.md has no table of costs between its two comments")
		require.NoError(t, os.WriteFile(name, []byte(before+costsBegin+want+costsEnd+after), 0o644))
		t.Skip("SKIPPED: the table is written anew; run the test again")
	}
	report(t, checkCosts(want)(realTree(t)))

	table := []room{{path: "a", core: true}, {path: "a/atest"}, {path: "internal/b"}, {path: "a/internal/b"}, {path: "examples/c"}}
	fake, err := costs(table, func(string) ([]string, int, error) { return []string{"github.com/x/y", "example.org/z"}, 7, nil })
	require.NoError(t, err)
	require.Equal(t, "| package | pure | modules it links beyond the standard library | packages of theirs |\n|---|---|---|---|\n| `a` | yes | example.org/z, x/y | 7 |\n", fake)
	for _, p := range []planted{
		{"true", map[string]string{"README.md": "# x\n" + costsBegin + fake + costsEnd}, nil},
		{"stale", map[string]string{"README.md": "# x\n" + costsBegin + strings.Replace(fake, "7", "6", 1) + costsEnd}, []string{"is stale"}},
		{"none", map[string]string{"README.md": "# x\n" + fake}, []string{"has no table of costs"}},
	} {
		p.run(t, checkCosts(fake))
	}
}
