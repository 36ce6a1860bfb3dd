package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A core takes a state, an event and the time, and returns the new state and
// effects as data. Nothing is allowed that could make two runs of the same step
// differ.

// impure returns why a core may not import a package of the standard library;
// empty: it may.
func impure(p string) string {
	under := func(dirs ...string) bool {
		return slices.ContainsFunc(dirs, func(d string) bool { return p == d || strings.HasPrefix(p, d+"/") })
	}
	switch {
	case p == "net/url" || p == "net/netip":
		return "" // values and parsers only
	case under("os", "net", "syscall", "io/ioutil", "path/filepath", "plugin", "debug", "embed", "database"):
		return "a core does not touch the machine"
	case under("log", "expvar", "testing", "flag"):
		return "a core returns what it has to say"
	case under("math/rand", "crypto/rand"):
		return "randomness is an argument"
	case under("runtime", "unsafe", "C"):
		return "a core is plain data and functions"
	}
	return ""
}

// impureNames are the functions that a core may not name, by package.
var impureNames = map[string]struct {
	names []string
	why   string
}{
	"time": {[]string{"Now", "Since", "Until", "After", "AfterFunc", "Sleep", "Tick", "NewTimer", "NewTicker", "Local"},
		"the time is an argument"},
	"fmt": {[]string{"Print", "Printf", "Println", "Scan", "Scanf", "Scanln"}, "a core returns what it has to say"},
}

func checkPurity(table []room) func(*tree) []string {
	return func(t *tree) (problems []string) {
		for _, r := range table {
			i := slices.IndexFunc(t.packages, func(f folder) bool { return f.path == r.path })
			if !r.core || i < 0 {
				continue
			}
			names := resolve(t, t.packages[i])
			for _, file := range t.packages[i].code() {
				problems = append(problems, impurities(t, t.packages[i], file, names)...)
			}
		}
		return problems
	}
}

// names says what the identifiers of a package refer to.
type names struct {
	uses  map[*ast.Ident]types.Object
	scope *types.Scope
}

// resolve type-checks a package alone. Its imports stay unknown: that is enough
// to distinguish packages, package variables and local names.
func resolve(t *tree, f folder) names {
	var files []*ast.File
	for _, file := range f.code() {
		files = append(files, file.ast)
	}
	info := types.Info{Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Error: func(error) {}, Importer: nothing{}}
	checked, _ := config.Check(f.path, t.fset, files, &info) // errors about imports are expected
	return names{info.Uses, checked.Scope()}
}

type nothing struct{}

func (nothing) Import(path string) (*types.Package, error) {
	return nil, fmt.Errorf("%s is not loaded", path)
}

// imported returns the path of the package that x names, or "".
func (n names) imported(x ast.Expr) string {
	if id, ok := x.(*ast.Ident); ok {
		if p, ok := n.uses[id].(*types.PkgName); ok {
			return p.Imported().Path()
		}
	}
	return ""
}

// builtin reports whether x is the predeclared name.
func (n names) builtin(x ast.Expr, name string) bool {
	id, ok := x.(*ast.Ident)
	return ok && id.Name == name && n.uses[id] == types.Universe.Lookup(name)
}

// variable returns the package variable that an assignment to x changes, or "".
func (n names) variable(x ast.Expr) string {
	for {
		switch e := x.(type) {
		case *ast.IndexExpr:
			x = e.X
		case *ast.SelectorExpr:
			x = e.X
		case *ast.StarExpr:
			x = e.X
		case *ast.ParenExpr:
			x = e.X
		case *ast.Ident:
			if v, ok := n.uses[e].(*types.Var); ok && v.Parent() == n.scope {
				return e.Name
			}
			return ""
		default:
			return ""
		}
	}
}

func impurities(t *tree, f folder, file file, names names) (problems []string) {
	say := func(n ast.Node, format string, args ...any) {
		problems = append(problems, t.at(f, n.Pos())+": "+fmt.Sprintf(format, args...))
	}
	for _, spec := range file.ast.Imports {
		p, _ := strconv.Unquote(spec.Path.Value)
		if why := impure(p); why != "" {
			say(spec, "imports %s: %s", p, why)
		}
		if spec.Name != nil && spec.Name.Name == "." {
			say(spec, "imports %s into its own names: nobody can see what it uses", p)
		}
	}
	ast.Inspect(file.ast, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			p := names.imported(n.X)
			if ban := impureNames[p]; slices.Contains(ban.names, n.Sel.Name) {
				say(n, "uses %s.%s: %s", p, n.Sel.Name, ban.why)
			}
		case *ast.CallExpr:
			if names.builtin(n.Fun, "print") || names.builtin(n.Fun, "println") {
				say(n, "prints: a core returns what it has to say")
			}
		case *ast.GoStmt:
			say(n, "starts a goroutine: a core runs one step at a time")
		case *ast.FuncDecl:
			if n.Name.Name == "init" && n.Recv == nil {
				say(n, "has an init function: what a core knows is in its values")
			}
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				if name := names.variable(left); name != "" {
					say(n, "changes the package variable %s: state is an argument", name)
				}
			}
		case *ast.IncDecStmt:
			if name := names.variable(n.X); name != "" {
				say(n, "changes the package variable %s: state is an argument", name)
			}
		case *ast.Ident:
			if names.builtin(n, "float64") || names.builtin(n, "float32") {
				say(n, "uses %s: decisions are made with integers", n.Name)
			}
		case *ast.BasicLit:
			if n.Kind == token.FLOAT {
				say(n, "uses %s: decisions are made with integers", n.Value)
			}
		}
		return true
	})
	return problems
}

func TestCoresArePure(t *testing.T) {
	report(t, checkPurity(rooms)(realTree(t)))
}

func TestPurityCheckFails(t *testing.T) {
	check := checkPurity([]room{{path: "core", core: true}, {path: "edge"}})
	core := func(text string) map[string]string { return map[string]string{"core/a.go": "package core\n" + text} }
	for _, p := range []planted{
		{"plain code", core("import (\"net/url\"; \"time\")\nvar names = []string{\"a\"}\n" +
			"func F(now time.Time, u *url.URL) (n int) { names := names[:0]; names = append(names, u.Host); n++; n = len(names); return n }"), nil},
		{"the edge may do it all", map[string]string{"edge/a.go": "package edge\nimport \"os\"\nfunc F() { go os.Getpid(); println(1.5) }"}, nil},
		{"a test may, too", map[string]string{"core/a.go": "package core", "core/a_test.go": "package core\nimport \"os\"\nvar _ = os.Args"}, nil},
		{"the clock", core("import \"time\"\nvar _ = time.Now()"), []string{"core/a.go:3: uses time.Now"}},
		{"the clock as a value", core("import \"time\"\nvar now = time.Since"), []string{"uses time.Since"}},
		{"the clock under another name", core("import t \"time\"\nfunc F() { <-t.After(0) }"), []string{"uses time.After"}},
		{"a dot import", core("import . \"time\"\nvar _ = Now()"), []string{"imports time into its own names"}},
		{"timers", core("import \"time\"\nfunc F() { time.Sleep(1); time.NewTimer(1); time.Tick(1) }"),
			[]string{"time.Sleep", "time.NewTimer", "time.Tick"}},
		{"randomness", core("import (_ \"math/rand\"; _ \"math/rand/v2\"; _ \"crypto/rand\")"),
			[]string{"math/rand:", "math/rand/v2:", "crypto/rand:"}},
		{"the machine", core("import (_ \"os\"; _ \"os/exec\"; _ \"net\"; _ \"net/http\"; _ \"net/netip\")"),
			[]string{"imports os:", "imports os/exec:", "imports net:", "imports net/http:"}},
		{"logging", core("import (_ \"log\"; _ \"log/slog\")"), []string{"imports log:", "imports log/slog:"}},
		{"printing", core("import \"fmt\"\nfunc F() { fmt.Println(); println(); _ = fmt.Sprint() }"), []string{"uses fmt.Println", "prints"}},
		{"a goroutine", core("func F() { go func() {}() }"), []string{"starts a goroutine"}},
		{"an init function", core("func init() {}"), []string{"has an init function"}},
		{"a package variable changed", core("var seen = map[string]bool{}\nvar n int\nfunc F() { seen[\"a\"] = true; n++; n += 2 }"),
			[]string{"changes the package variable seen", "variable n", "variable n"}},
		{"a package variable of another file changed", map[string]string{
			"core/a.go": "package core\nvar cache struct{ n int }", "core/b.go": "package core\nfunc F() { cache.n = 1 }",
		}, []string{"core/b.go:2: changes the package variable cache"}},
		{"a local variable that hides one", core("var n int\nfunc F() { n := 1; n++; _ = n }\nfunc G(n int) { n = 2 }"), nil},
		{"floating point", core("func F(x float64) bool { return x > 0.5 }"), []string{"uses float64", "uses 0.5"}},
	} {
		p.run(t, check)
	}
}
