package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// mutant is one way to break one file.
type mutant struct {
	file string
	at   token.Position
	what string
	code []byte
}

// swaps of operators.
var swaps = map[token.Token][]token.Token{
	token.EQL: {token.NEQ}, token.NEQ: {token.EQL},
	token.LSS: {token.LEQ, token.GEQ}, token.LEQ: {token.LSS, token.GTR},
	token.GTR: {token.GEQ, token.LEQ}, token.GEQ: {token.GTR, token.LSS},
	token.LAND: {token.LOR}, token.LOR: {token.LAND},
	token.ADD: {token.SUB}, token.SUB: {token.ADD},
}

// mutantsOf lists every mutant of the package's code in dir, tests excepted.
func mutantsOf(dir string) ([]mutant, error) {
	dir, err := filepath.Abs(dir) // as the overlay wants it
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	var all []mutant
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		src, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		list, err := mutantsIn(file, src)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}

// mutantsIn lists the mutants of one file. Each change is made in the tree, printed, and taken back.
func mutantsIn(file string, src []byte) ([]mutant, error) {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, file, src, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	var list []mutant
	keep := func(pos token.Pos, what string) {
		var b bytes.Buffer
		if format.Node(&b, fset, tree) == nil {
			list = append(list, mutant{file: file, at: fset.Position(pos), what: what, code: bytes.Clone(b.Bytes())})
		}
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			was := n.Op
			for _, op := range swaps[was] {
				n.Op = op
				keep(n.OpPos, fmt.Sprintf("%s becomes %s", was, op))
			}
			n.Op = was
		case *ast.IfStmt:
			was := n.Cond
			n.Cond = &ast.UnaryExpr{Op: token.NOT, X: &ast.ParenExpr{X: was}}
			keep(n.Pos(), "condition negated")
			n.Cond = was
		case *ast.BasicLit:
			if number, err := strconv.ParseInt(n.Value, 0, 63); n.Kind == token.INT && err == nil {
				was := n.Value
				n.Value = strconv.FormatInt(number+1, 10)
				keep(n.Pos(), was+" becomes "+n.Value)
				n.Value = was
			}
		case *ast.Ident:
			if flipped, ok := map[string]string{"true": "false", "false": "true"}[n.Name]; ok {
				was := n.Name
				n.Name = flipped
				keep(n.Pos(), was+" becomes "+flipped)
				n.Name = was
			}
		case *ast.BlockStmt:
			leaveOut(n.List, keep)
		case *ast.CaseClause:
			leaveOut(n.Body, keep)
		case *ast.GenDecl: // consts, types and variables are data: limits have tests of their own
			return n.Tok != token.IMPORT && n.Tok != token.TYPE
		}
		return true
	})
	return list, nil
}

// leaveOut leaves one statement of a list out at a time.
func leaveOut(list []ast.Stmt, keep func(token.Pos, string)) {
	for i, was := range list {
		switch s := was.(type) {
		case *ast.ExprStmt, *ast.IncDecStmt:
		case *ast.AssignStmt:
			if s.Tok == token.DEFINE {
				continue
			}
		default:
			continue
		}
		list[i] = &ast.EmptyStmt{Semicolon: was.Pos(), Implicit: true}
		keep(was.Pos(), "statement left out")
		list[i] = was
	}
}
