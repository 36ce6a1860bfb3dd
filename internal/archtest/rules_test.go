package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// cluster is a group of rules, and the packages whose comments state them, one
// list item per rule.
type cluster struct {
	name  string
	rooms []string
	last  int   // the rules are numbered from 1 to last
	held  []int // rules that are built and may not be "not built yet" again
}

var clusters = []cluster{
	{"CAT", []string{"catalog"}, 20, []int{3, 4, 5, 6, 8, 9, 10, 14, 15, 16, 20}},
	{"JOB", []string{"job", "job/schedule", "job/execution"}, 27, []int{1, 2, 3, 4, 5, 6, 7, 8, 11, 16, 17, 18, 20, 21}},
	{"MAN", []string{"manifest"}, 13, []int{1, 2, 4, 5, 6, 7, 8, 9, 10, 12, 13}},
	{"INT", []string{"integrity"}, 11, []int{1, 2, 3, 4, 5, 7, 8, 9, 11}},
	{"RBT", []string{"reboot"}, 12, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12}},
	{"RPT", []string{"job/controller"}, 3, nil},
	{"ROL", []string{"job/rollout"}, 7, []int{2, 3, 4, 5, 7}},
	{"DUE", []string{"job/deadline"}, 7, []int{1, 2, 3, 4, 5, 6, 7}},
	{"APR", []string{"job/baseline"}, 5, []int{1, 2, 3, 4, 5}},
	{"CAL", []string{"job/schedule"}, 4, []int{1, 2, 3, 4}},
}

const notBuilt = "Not built yet."

var (
	ruleID   = regexp.MustCompile(`\b(CAT|JOB|MAN|INT|RBT|RPT|DUE|CAL|APR|ROL)-(\d+)\b`)
	ruleName = regexp.MustCompile(`_(CAT|JOB|MAN|INT|RBT|RPT|DUE|CAL|APR|ROL)(\d+)`) // in a test's name, like TestNoDowngrade_CAT3
	ruleItem = regexp.MustCompile(`^\s*- (?:(CAT|JOB|MAN|INT|RBT|RPT|DUE|CAL|APR|ROL)-(\d+)\b)?`)
)

// rule is one item of the rule book.
type rule struct {
	id    string
	text  string
	cited []string // file:function of the tests that cite it, sorted
}

func (r rule) built() bool { return !strings.Contains(r.text, notBuilt) }

// ruleBook reads the rules of a cluster from its packages' comments, by number.
// Problems are missing, repeated, unnumbered or empty items.
func ruleBook(t *tree, c cluster) (rules []rule, problems []string) {
	items := map[string]string{}
	item := ""
	where := strings.Join(c.rooms, ", ")
	for line := range strings.Lines(packageComments(t, c.rooms)) {
		switch m := ruleItem.FindStringSubmatch(line); {
		case m != nil && m[1] == c.name:
			item = m[1] + "-" + m[2]
			if items[item] != "" {
				problems = append(problems, fmt.Sprintf("%s: states %s twice", where, item))
			}
			items[item] = line
		case m != nil || strings.HasPrefix(line, "# ") || len(line) > 1 && line[0] != ' ':
			item = "" // another list, a heading or a paragraph ends the item
		case item != "":
			items[item] += line
		}
	}
	for n := 1; n <= c.last; n++ {
		id := fmt.Sprintf("%s-%d", c.name, n)
		text, stated := items[id]
		delete(items, id)
		switch r := (rule{id: id, text: text}); {
		case !stated:
			problems = append(problems, fmt.Sprintf("%s: no package comment has a list item for %s", where, id))
		case len(strings.Fields(text)) < 6:
			problems = append(problems, fmt.Sprintf("%s: the list item for %s does not say the rule", where, id))
		case !r.built() && slices.Contains(c.held, n):
			problems = append(problems, fmt.Sprintf("%s: %s is built and may not say that it is not built yet", where, id))
		default:
			rules = append(rules, r)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(items)) {
		problems = append(problems, fmt.Sprintf("%s: %s is past the end of the rule book", where, id))
	}
	return rules, problems
}

func packageComments(t *tree, rooms []string) (text string) {
	for _, f := range t.packages {
		for _, file := range f.code() {
			if slices.Contains(rooms, f.path) && file.ast.Doc != nil {
				text += file.ast.Doc.Text() + "\n"
			}
		}
	}
	return text
}

// citations lists, per rule id, the tests whose name or comments have it. The
// functions of conformance suites and scenario files count as tests too. So do
// subtests whose name begins with the id, or ends with it as an identifier.
func citations(t *tree) map[string][]string {
	cited := map[string][]string{}
	for _, f := range t.packages {
		if f.path == "internal/archtest" {
			continue // it tests the tests
		}
		suite := strings.HasSuffix(path.Base(f.path), "test")
		for _, file := range f.files {
			for _, decl := range file.ast.Decls {
				fn, ok := decl.(*ast.FuncDecl)
				if !ok || !suite && (!file.test() || !isTest(fn.Name.Name)) {
					continue
				}
				where := path.Join(f.path, file.name) + ":" + fn.Name.Name
				for _, id := range cites(file.ast, fn) {
					if !slices.Contains(cited[id], where) {
						cited[id] = append(cited[id], where)
					}
				}
			}
		}
	}
	for p, text := range t.texts { // scenarios are tests too
		if !scenarioFile.MatchString(p) {
			continue
		}
		for _, id := range ruleID.FindAllString(string(text), -1) {
			if !slices.Contains(cited[id], p) {
				cited[id] = append(cited[id], p)
			}
		}
	}
	return cited
}

// scenarioFile matches the scenarios that a package's tests play.
var scenarioFile = regexp.MustCompile(`/testdata/.*\.txt$`)

func isTest(name string) bool {
	return slices.ContainsFunc([]string{"Test", "Fuzz", "Example"}, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// cites lists the ids in the name, the comments and the subtests' names of fn.
func cites(file *ast.File, fn *ast.FuncDecl) (ids []string) {
	ids = named(fn.Name.Name)
	from := fn.Pos()
	if fn.Doc != nil {
		from = fn.Doc.Pos()
	}
	for _, comment := range file.Comments {
		if comment.Pos() >= from && comment.End() <= fn.End() && !strings.HasPrefix(comment.Text(), "Output:") {
			ids = append(ids, ruleID.FindAllString(comment.Text(), -1)...)
		}
	}
	ast.Inspect(fn, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			s, _ := strconv.Unquote(lit.Value)
			if at := ruleID.FindStringIndex(s); at != nil && at[0] == 0 && at[1] < len(s) {
				ids = append(ids, s[:at[1]])
			}
			if !strings.ContainsAny(s, " \t\n") {
				ids = append(ids, named(s)...)
			}
		}
		return true
	})
	return ids
}

// named lists the ids in the name of a test or a subtest, like
// TestNoDowngrade_CAT3.
func named(name string) (ids []string) {
	for _, m := range ruleName.FindAllStringSubmatch(name, -1) {
		ids = append(ids, m[1]+"-"+m[2])
	}
	return ids
}

// checkRules wants every rule stated, and cited by a test or marked as not
// built yet.
func checkRules(t *tree, clusters []cluster) (book []rule, problems []string) {
	cited := citations(t)
	for _, c := range clusters {
		rules, wrong := ruleBook(t, c)
		problems = append(problems, wrong...)
		for _, r := range rules {
			r.cited = cited[r.id]
			slices.Sort(r.cited)
			if r.built() && len(r.cited) == 0 {
				problems = append(problems, fmt.Sprintf("%s: no test's name or comment has %s, and its item does not say %q", strings.Join(c.rooms, ", "), r.id, notBuilt))
			}
			book = append(book, r)
		}
	}
	return book, problems
}

// checkRuleIDs finds ids without a rule, in every file of the tree.
func checkRuleIDs(clusters []cluster) func(*tree) []string {
	return func(t *tree) (problems []string) {
		unknown := func(m []string) bool {
			n, err := strconv.Atoi(m[2])
			return err != nil || !slices.ContainsFunc(clusters, func(c cluster) bool { return c.name == m[1] && 1 <= n && n <= c.last })
		}
		for _, p := range slices.Sorted(maps.Keys(t.texts)) {
			line := 0
			for text := range strings.Lines(string(t.texts[p])) {
				line++
				for _, m := range ruleID.FindAllStringSubmatch(text, -1) {
					if unknown(m) {
						problems = append(problems, fmt.Sprintf("%s:%d: cites %s, and there is no such rule", p, line, m[0]))
					}
				}
			}
		}
		for _, f := range t.packages {
			for _, file := range f.files {
				for _, decl := range file.ast.Decls {
					fn, ok := decl.(*ast.FuncDecl)
					if !ok || !file.test() {
						continue
					}
					for _, m := range ruleName.FindAllStringSubmatch(fn.Name.Name, -1) {
						if unknown(m) {
							problems = append(problems, fmt.Sprintf("%s: %s cites %s-%s, and there is no such rule", t.at(f, fn.Pos()), fn.Name.Name, m[1], m[2]))
						}
					}
				}
			}
		}
		return problems
	}
}

func TestRules(t *testing.T) {
	book, problems := checkRules(realTree(t), clusters)
	for _, r := range book {
		switch {
		case r.built():
			t.Logf("%-7s %s", r.id, strings.Join(r.cited, " "))
		case len(r.cited) > 0:
			t.Logf("%-7s %s Cited already by %s", r.id, notBuilt, strings.Join(r.cited, " "))
		default:
			t.Logf("%-7s %s", r.id, notBuilt)
		}
	}
	report(t, problems)
}

func TestNoFileCitesAnUnknownRule(t *testing.T) {
	report(t, checkRuleIDs(clusters)(realTree(t)))
}

func TestRuleChecksFail(t *testing.T) {
	two := []cluster{{"CAT", []string{"catalog", "catalog/part"}, 2, []int{1}}}
	const (
		one  = "//   - CAT-1: the first rule says something\n//     on two lines.\n"
		next = "//   - CAT-2: the second rule says something, too. "
		cite = "package catalog\nfunc TestFirst_CAT1() {}\n"
	)
	doc := func(items, test string) map[string]string {
		return map[string]string{
			"catalog/doc.go":    "// Package catalog is.\n//\n// # Rules\n//\n" + items + "package catalog\n",
			"catalog/a_test.go": test,
		}
	}
	check := func(t *tree) []string { _, problems := checkRules(t, two); return problems }
	for _, p := range []planted{
		{"both cited", doc(one+next+"\n", cite+"// In passing: CAT-2.\nfunc TestSecond() {}"), nil},
		{"cited within a test", doc(one+next+"\n", cite+"func TestSecond() {\n// CAT-2\n}"), nil},
		{"cited by a subtest's name", doc(one+next+"\n", cite+"func TestSecond() { _ = \"CAT-2: nothing\" }"), nil},
		{"cited by the end of a subtest's name", doc(one+next+"\n", cite+"func TestSecond() { _ = \"Nothing_CAT2\" }"), nil},
		{"cited by the name with another", doc(one+next+"\n", "package catalog\nfunc TestBoth_CAT1_CAT2() {}"), nil},
		{"not built, not cited", doc(one+next+notBuilt+"\n", cite), nil},
		{"not cited", doc(one+next+"\n", cite), []string{"no test's name or comment has CAT-2"}},
		{"a value is no citation", doc(one+next+"\n", cite+"func TestSecond() { _ = \"CAT-2\" }"), []string{"has CAT-2"}},
		{"a helper is no test", doc(one+next+"\n", cite+"// CAT-2\nfunc second() {}"), []string{"has CAT-2"}},
		{"missing in the book", doc(one, cite), []string{"no package comment has a list item for CAT-2"}},
		{"in the book, and not as an item", doc(one+"//\n// CAT-2: the second rule says something, too.\n", cite), []string{"no package comment has a list item for CAT-2"}},
		{"an item without a rule", doc(one+"//   - CAT-2: it.\n", cite), []string{"the list item for CAT-2 does not say the rule"}},
		{"stated by two packages", map[string]string{"catalog/doc.go": "// Package catalog is.\n//\n" + one + "package catalog\n", "catalog/a_test.go": cite,
			"catalog/part/doc.go": "// Package part is.\n//\n" + next + notBuilt + "\npackage part\n"}, nil},
		{"stated twice", doc(one+one+next+notBuilt+"\n", cite), []string{"states CAT-1 twice"}},
		{"a built rule that says it is not", doc("//   - CAT-1: the first rule says something. "+notBuilt+"\n"+next+notBuilt+"\n", cite),
			[]string{"CAT-1 is built and may not say that it is not built yet"}},
		{"past the end", doc(one+next+notBuilt+"\n//   - CAT-"+"3: a third, unknown rule.\n", cite), []string{"CAT-" + "3 is past the end"}},
	} {
		p.run(t, check)
	}

	suite := plant(t, map[string]string{"catalog/catalogtest/a.go": "package catalogtest\n// CAT-1\nfunc syncs() {}"})
	require.Equal(t, map[string][]string{"CAT-1": {"catalog/catalogtest/a.go:syncs"}}, citations(suite))
	scenario := plant(t, map[string]string{"a/a.go": "package a", "a/testdata/rules/x.txt": "expect x # CAT-1", "a/notes.txt": "CAT-2"})
	require.Equal(t, map[string][]string{"CAT-1": {"a/testdata/rules/x.txt"}}, citations(scenario))

	planted{"unknown ids", map[string]string{
		"README.md": "CAT-1, CAT-2\nCAT-" + "3 and JOB-" + "1", "a/a_test.go": "package a\nfunc TestX_CAT" + "0() {}\nfunc TestY_CAT2() {}",
	}, []string{"README.md:2: cites CAT-" + "3", "README.md:2: cites JOB-", "a/a_test.go:2: TestX_CAT0 cites CAT-" + "0"}}.run(t, checkRuleIDs(two))
}
