package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// loader type-checks the tree's packages from their source. It takes their
// other imports from the go command's cache.
type loader struct {
	*tree
	outside types.Importer
	loaded  map[string]*types.Package
	used    map[token.Pos]bool // declarations that an example or another package's code uses
	called  map[token.Pos]bool // declarations that any code uses
	asked   []*types.Interface // interfaces that a method may implement
	errors  []string
}

func newLoader(t *tree) (*loader, error) {
	exports, err := exportData(t)
	if err != nil {
		return nil, err
	}
	outside := importer.ForCompiler(t.fset, "gc", func(p string) (io.ReadCloser, error) { return os.Open(exports[p]) })
	l := &loader{
		tree: t, outside: outside, loaded: map[string]*types.Package{},
		used: map[token.Pos]bool{}, called: map[token.Pos]bool{},
	}
	parsed, err := parser.ParseFile(t.fset, "everybodys.go", everybodys, 0)
	if err != nil {
		return nil, err
	}
	l.ask(l.check(folder{path: "everybodys"}, []file{{"everybodys.go", parsed}}))
	return l, nil
}

// exportData returns where the go command keeps the compiled form of everything
// that the tree imports.
func exportData(t *tree) (map[string]string, error) {
	wanted := map[string]bool{"encoding": true, "encoding/json": true, "fmt": true}
	for _, f := range t.packages {
		for _, file := range t.built(f) {
			for p := range file.imports() {
				if !strings.HasPrefix(p, module+"/") && p != "unsafe" {
					wanted[p] = true
				}
			}
		}
	}
	dir, err := root()
	if err != nil {
		return nil, err
	}
	packages := slices.Sorted(maps.Keys(wanted))
	list, _ := listed.LoadOrStore(strings.Join(packages, " "), sync.OnceValues(func() (map[string]string, error) { return exportsOf(dir, packages) }))
	return list.(func() (map[string]string, error))()
}

// listed are the answers of exportsOf by its packages: most planted trees import
// the same.
var listed sync.Map

func exportsOf(dir string, packages []string) (map[string]string, error) {
	args := append([]string{"list", "-deps", "-export", "-f", "{{if .Export}}{{.ImportPath}} {{.Export}}{{end}}"}, packages...)
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOOS=linux")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, stderr.String())
	}
	exports := map[string]string{}
	for line := range strings.Lines(string(out)) {
		p, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		exports[p] = file
	}
	return exports, nil
}

// built lists the files of f that a build for Linux takes: files for two
// systems may declare the same name.
func (t *tree) built(f folder) []file {
	context := build.Default
	context.GOOS = "linux"
	context.OpenFile = func(p string) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(t.texts[filepath.ToSlash(p)])), nil
	}
	return slices.DeleteFunc(slices.Clone(f.files), func(file file) bool {
		ok, err := context.MatchFile(filepath.FromSlash(f.path), file.name)
		return err != nil || !ok
	})
}

// Import makes the loader an importer of the tree's own packages.
func (l *loader) Import(p string) (*types.Package, error) {
	inside, own := strings.CutPrefix(p, module+"/")
	if !own {
		return l.outside.Import(p)
	}
	for _, f := range l.packages {
		if f.path == inside {
			return l.code(f), nil
		}
	}
	return nil, fmt.Errorf("there is no %s", inside)
}

// load checks a package's code and its tests, and notes what they use.
func (l *loader) load(f folder) {
	code := l.code(f)
	var inside, outside []file
	for _, file := range l.built(f) {
		switch {
		case !file.test():
		case strings.HasSuffix(file.ast.Name.Name, "_test"):
			outside = append(outside, file)
		default:
			inside = append(inside, file)
		}
	}
	if len(inside) > 0 {
		l.check(f, append(l.codeOf(f), inside...))
	}
	if len(outside) > 0 {
		l.check(f, outside)
	}
	for _, p := range append(code.Imports(), code) {
		l.ask(p)
	}
}

// ask notes the interfaces that a package names.
func (l *loader) ask(p *types.Package) {
	for _, name := range p.Scope().Names() {
		if asks, ok := p.Scope().Lookup(name).Type().Underlying().(*types.Interface); ok && !slices.Contains(l.asked, asks) {
			l.asked = append(l.asked, asks)
		}
	}
}

// everybodys are the interfaces that the standard library uses without anyone
// importing or naming them.
const everybodys = `package everybodys
import ("encoding"; "encoding/json"; "fmt")
type (
	failure    error
	wrapper    interface { Unwrap() error }
	wrappers   interface { Unwrap() []error }
	likeness   interface { Is(error) bool }
	printer    fmt.Stringer
	toText     encoding.TextMarshaler
	fromText   encoding.TextUnmarshaler
	toBinary   encoding.BinaryMarshaler
	fromBinary encoding.BinaryUnmarshaler
	toJSON     json.Marshaler
	fromJSON   json.Unmarshaler
)`

func (l *loader) codeOf(f folder) []file { return slices.DeleteFunc(l.built(f), file.test) }

// code checks a package without its tests, once.
func (l *loader) code(f folder) *types.Package {
	if l.loaded[f.path] == nil {
		l.loaded[f.path] = l.check(f, l.codeOf(f))
	}
	return l.loaded[f.path]
}

// check type-checks the files of one package. It notes what they use of other
// packages, and what tests use of their own.
func (l *loader) check(f folder, files []file) *types.Package {
	var trees []*ast.File
	for _, file := range files {
		trees = append(trees, file.ast)
	}
	info := types.Info{
		Uses: map[*ast.Ident]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{},
		Types: map[ast.Expr]types.TypeAndValue{},
	}
	external := len(files) > 0 && strings.HasSuffix(files[0].ast.Name.Name, "_test")
	config := types.Config{Importer: l, Error: func(err error) {
		if !external { // these may use what an export_test.go exports, which is not seen here; go vet checks them
			l.errors = append(l.errors, f.path+": "+err.Error())
		}
	}}
	pkg, _ := config.Check(module+"/"+f.path, l.fset, trees, &info)
	tests := map[string]bool{} // the names of test files
	var examples []*ast.FuncDecl
	for _, file := range files {
		if !file.test() {
			continue
		}
		tests[l.fset.Position(file.ast.Package).Filename] = true
		for _, decl := range file.ast.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Example") {
				examples = append(examples, fn)
			}
		}
	}
	counts := func(at token.Pos) bool {
		return !tests[l.fset.Position(at).Filename] ||
			slices.ContainsFunc(examples, func(fn *ast.FuncDecl) bool { return fn.Pos() <= at && at < fn.End() })
	}
	use := func(at token.Pos, obj types.Object) {
		if obj == nil || obj.Pkg() == nil {
			return
		}
		switch o := obj.(type) { // for a generic one, its declaration counts
		case *types.Func:
			obj = o.Origin()
		case *types.Var:
			obj = o.Origin()
		}
		if !counts(at) && !strings.HasSuffix(obj.Pkg().Name(), "test") {
			return
		}
		l.called[obj.Pos()] = true
		if obj.Pkg() != pkg || tests[l.fset.Position(at).Filename] {
			l.used[obj.Pos()] = true
		}
	}
	for id, obj := range info.Uses {
		use(id.Pos(), obj)
	}
	for sel, s := range info.Selections { // the embedded fields of a promoted one
		t := s.Recv()
		for _, i := range s.Index()[:len(s.Index())-1] {
			field := structOf(t).Field(i)
			use(sel.Pos(), field)
			use(sel.Pos(), declared(field.Type()))
			t = field.Type()
		}
	}
	for expr, tv := range info.Types {
		if asks, ok := expr.(*ast.InterfaceType); ok && asks.Methods.NumFields() > 0 {
			l.asked = append(l.asked, tv.Type.(*types.Interface))
		}
		use(expr.Pos(), declared(tv.Type))
		if lit, ok := expr.(*ast.CompositeLit); ok && len(lit.Elts) > 0 {
			if _, keyed := lit.Elts[0].(*ast.KeyValueExpr); !keyed && structOf(tv.Type) != nil {
				for field := range structOf(tv.Type).Fields() {
					use(lit.Pos(), field)
				}
			}
		}
	}
	return pkg
}

// declared returns the declaration of t, of what it points to, or of its
// elements; nil: it has none.
func declared(t types.Type) types.Object {
	for {
		switch x := types.Unalias(t).(type) {
		case *types.Named:
			return x.Obj()
		case *types.Pointer:
			t = x.Elem()
		case *types.Slice:
			t = x.Elem()
		default:
			return nil
		}
	}
}

func structOf(t types.Type) *types.Struct {
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	s, _ := t.Underlying().(*types.Struct)
	return s
}
