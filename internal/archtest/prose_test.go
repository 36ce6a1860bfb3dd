package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// worst are the phrases that make a reader stop, and what to write instead.
// left is how many uses of a phrase have a good reason; it only ever falls.
var worst = []struct {
	phrase  string
	instead string
	left    int
}{
	{`\b(told|tells)\b`, "report, return, say, show", 25},
	{`\banew\b`, "again", 0},
	{`\bbut for\b|\bfor else\b`, "except, otherwise", 1},
	{`\bas far as\b`, "if, as much as", 2},
	{`\b(has|have|had) yet to\b`, "has not … yet", 0},
	{`\b(once|one|twice|each) an? (asset|agent|job|order|run|file|folder|patch|product|feed|line)\b`, "per", 0},
	{`\bwho calls it wrongly\b|\bhas it that\b|\bis no state\b`, "an invalid call; is not a valid state", 0},
	{`\bbehind (it|them|that|this|what|which)\b`, "after", 2},
	{`\b(onlooker|deeds|shelter|behead)\w*\b`, "observer, actions, private directory", 0},
	{`\bwhat became of\b`, "what happened to, the result of", 0},
	{`\bthe word of\b|\bwords of its own\b`, "what … says; its own terms", 0},
}

// prose is what people read of a file: its comments and texts if it is code,
// and all of it if it is a document or a scenario.
func (t *tree) prose() map[string][]string {
	read := map[string][]string{}
	for _, f := range t.packages {
		for _, file := range f.files {
			name := path.Join(f.path, file.name)
			for _, group := range file.ast.Comments {
				read[name] = append(read[name], strings.Join(strings.Fields(group.Text()), " "))
			}
			ast.Inspect(file.ast, func(n ast.Node) bool {
				if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING {
					read[name] = append(read[name], text.Value)
				}
				return true
			})
		}
	}
	for name, text := range t.texts {
		if path.Ext(name) == ".md" || path.Ext(name) == ".txt" && strings.HasPrefix(name, "agentsim/testdata/") {
			read[name] = append(read[name], strings.Join(strings.Fields(string(text)), " "))
		}
	}
	return read
}

// checkProse counts the worst phrases. In the real tree it wants as many as are
// left, so a use that goes takes its place in the count with it.
func checkProse(t *tree) []string { return prose(t, true) }

func prose(t *tree, exceptions bool) (problems []string) {
	read := t.prose()
	for _, w := range worst {
		if !exceptions {
			w.left = 0
		}
		phrase := regexp.MustCompile(`(?i)` + w.phrase)
		found := 0
		var places []string
		for _, name := range slices.Sorted(maps.Keys(read)) {
			if path.Dir(name) == "internal/archtest" {
				continue
			}
			for _, text := range read[name] {
				for _, at := range phrase.FindAllStringIndex(text, -1) {
					found++
					places = append(places, fmt.Sprintf("\t%s: …%s…", name, text[max(0, at[0]-40):min(len(text), at[1]+40)]))
				}
			}
		}
		switch {
		case found > w.left:
			problems = append(problems, fmt.Sprintf("%d uses of %s, and %d are allowed; write: %s\n%s",
				found, w.phrase, w.left, w.instead, strings.Join(places, "\n")))
		case found < w.left:
			problems = append(problems, fmt.Sprintf("%d uses of %s are left: lower the %d", found, w.phrase, w.left))
		}
	}
	return problems
}

func TestPlainEnglish(t *testing.T) {
	report(t, checkProse(realTree(t)))
}

func TestPlainEnglishCheckFails(t *testing.T) {
	for _, p := range []planted{
		{"plain", map[string]string{"a/a.go": "// Package a is.\npackage a\n\nvar anew = `says`", "README.md": "# Plain"}, nil},
		{"a comment, over two lines", map[string]string{"a/a.go": "// Package a goes but\n// for b.\npackage a"}, []string{"1 uses of"}},
		{"a text", map[string]string{"a/a.go": "package a\n\nvar text = \"it is read anew\""}, []string{"a/a.go"}},
		{"a document and a scenario", map[string]string{"README.md": "It\ntells.", "agentsim/testdata/x.txt": "# nobody told it", "x/testdata/y.txt": "told"},
			[]string{"2 uses of"}},
	} {
		p.run(t, func(t *tree) []string { return prose(t, false) })
	}
}
