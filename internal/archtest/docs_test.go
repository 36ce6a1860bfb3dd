package archtest

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
	"testing"
)

// checkPackageDocs wants exactly one package comment per folder, so that it is
// clear which one the documentation shows.
func checkPackageDocs(t *tree) (problems []string) {
	for _, f := range t.packages {
		var with []string
		for _, file := range f.code() {
			if file.ast.Doc == nil {
				continue
			}
			with = append(with, file.name)
			name := file.ast.Name.Name
			want := "Package " + name + " "
			command := path.Base(f.path) // a program says "Command name …" or "Name …", like Go's own
			titled := strings.ToUpper(command[:1]) + command[1:] + " "
			if name == "main" {
				want = "Command " + command + " "
			}
			if text := file.ast.Doc.Text(); !strings.HasPrefix(text, want) && (name != "main" || !strings.HasPrefix(text, titled)) {
				problems = append(problems, fmt.Sprintf("%s: its package comment does not begin with %q", t.at(f, file.ast.Package), want))
			}
		}
		switch {
		case len(f.code()) == 0:
		case len(with) == 0:
			problems = append(problems, f.path+": has no package comment")
		case len(with) > 1:
			problems = append(problems, f.path+": has package comments in several files: "+strings.Join(with, ", "))
		}
	}
	return problems
}

// undocumented lists the exported names of f, methods included, that have no
// comment: above them, after them on the line, or above their group. Error,
// Unwrap, and the methods that an enum forwards to its names need none.
func undocumented(t *tree, f folder) (problems []string) {
	say := func(name *ast.Ident, docs ...*ast.CommentGroup) {
		if name.IsExported() && !slices.ContainsFunc(docs, func(d *ast.CommentGroup) bool { return d != nil }) {
			problems = append(problems, t.at(f, name.Pos())+": "+name.Name+" has no comment")
		}
	}
	for _, file := range f.code() {
		for _, decl := range file.ast.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Name.Name != "Error" && d.Name.Name != "Unwrap" && !forwards(d) && (d.Recv == nil || exportedType(d.Recv.List[0].Type)) {
					say(d.Name, d.Doc)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch s := spec.(type) {
					case *ast.TypeSpec:
						say(s.Name, s.Doc, s.Comment, d.Doc)
					case *ast.ValueSpec:
						for _, name := range s.Names {
							say(name, s.Doc, s.Comment, d.Doc)
						}
					}
				}
			}
		}
	}
	return problems
}

// forwards reports whether f is one of the three methods that every enum has,
// and only calls the method of the same name (see package enum).
func forwards(f *ast.FuncDecl) bool {
	if f.Recv == nil || len(f.Body.List) != 1 || !slices.Contains([]string{"String", "MarshalText", "UnmarshalText"}, f.Name.Name) {
		return false
	}
	result, _ := f.Body.List[0].(*ast.ReturnStmt)
	if result == nil {
		return false
	}
	call, _ := result.Results[0].(*ast.CallExpr)
	if call == nil {
		return false
	}
	to, _ := call.Fun.(*ast.SelectorExpr)
	return to != nil && to.Sel.Name == f.Name.Name
}

// exportedType reports whether a method's receiver is a type that others can
// name.
func exportedType(x ast.Expr) bool {
	for {
		switch e := x.(type) {
		case *ast.StarExpr:
			x = e.X
		case *ast.IndexExpr:
			x = e.X
		case *ast.IndexListExpr:
			x = e.X
		case *ast.Ident:
			return e.IsExported()
		default:
			return false
		}
	}
}

func TestOnePackageCommentAFolder(t *testing.T) {
	report(t, checkPackageDocs(realTree(t)))
}

func TestPackageCommentCheckFails(t *testing.T) {
	for _, p := range []planted{
		{"one each", map[string]string{
			"a/doc.go": "// Package a is.\npackage a", "a/x.go": "package a", "a/x_test.go": "package a",
			"examples/p/main.go": "// Command p is.\npackage main", "examples/q/main.go": "// Q does it.\npackage main",
		}, nil},
		{"a program with another's name", map[string]string{"examples/p/main.go": "// Q does it.\npackage main"}, []string{`begin with "Command p "`}},
		{"none", map[string]string{"a/x.go": "package a", "a/x_test.go": "// Package a is tested.\npackage a"}, []string{"a: has no package comment"}},
		{"two", map[string]string{"a/x.go": "// Package a is.\npackage a", "a/y.go": "// Package a is too.\npackage a"},
			[]string{"several files: x.go, y.go"}},
		{"one that says something else", map[string]string{"a/x.go": "// Copyright nobody\npackage a"},
			[]string{`a/x.go:2: its package comment does not begin with "Package a "`}},
		{"a comment apart is none", map[string]string{"a/x.go": "// Package a is.\n\npackage a"}, []string{"a: has no package comment"}},
	} {
		p.run(t, checkPackageDocs)
	}
}
