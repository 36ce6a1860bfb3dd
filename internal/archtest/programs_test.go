package archtest

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
)

// maxMain bounds the lines of an example's main package: enough to wire things,
// too few for decisions.
const maxMain = 150

func checkMains(t *tree) (problems []string) {
	for _, f := range t.packages {
		lines, main := 0, false
		for _, file := range f.code() {
			main = main || file.ast.Name.Name == "main"
			lines += bytes.Count(t.texts[path.Join(f.path, file.name)], []byte("\n"))
		}
		if main && strings.HasPrefix(f.path, "examples/") && lines >= maxMain {
			problems = append(problems, fmt.Sprintf("%s: the main package has %d lines, fewer than %d are allowed: move what is not wiring to a package below it", f.path, lines, maxMain))
		}
	}
	return problems
}

// checkTesting keeps the testing package out of what users link.
func checkTesting(t *tree) (problems []string) {
	for _, f := range t.packages {
		if strings.HasSuffix(path.Base(f.path), "test") {
			continue // a conformance suite
		}
		for _, file := range f.code() {
			for p, pos := range file.imports() {
				if p == "testing" || strings.HasPrefix(p, "testing/") || strings.HasPrefix(p, "github.com/stretchr/testify") {
					problems = append(problems, fmt.Sprintf("%s: imports %s outside a test", t.at(f, pos), p))
				}
			}
		}
	}
	slices.Sort(problems)
	return problems
}

func TestMainsAreSmall(t *testing.T) {
	report(t, checkMains(realTree(t)))
	long := "package main\n" + strings.Repeat("\n", maxMain)
	planted{"a long main", map[string]string{"examples/p/main.go": long, "examples/p/part/a.go": "package part\n" + long[13:]},
		[]string{"examples/p: the main package has 151 lines"}}.run(t, checkMains)
	planted{"a long main in two files", map[string]string{"examples/p/main.go": long[:90], "examples/p/more.go": long[:90]},
		[]string{"examples/p: the main package has"}}.run(t, checkMains)
}

func TestOnlyTestsImportTesting(t *testing.T) {
	report(t, checkTesting(realTree(t)))
	planted{"testing in code", map[string]string{
		"a/a.go": "package a\nimport _ \"testing\"", "a/a_test.go": "package a\nimport _ \"testing\"", "a/atest/a.go": "package atest\nimport _ \"testing\"",
		"b/b.go": "package b\nimport _ \"github.com/stretchr/testify/require\"", "c/c.go": "package c\nimport _ \"testing/fstest\"",
	}, []string{"a/a.go:2: imports testing", "b/b.go:2: imports github.com", "c/c.go:2: imports testing/fstest"}}.run(t, checkTesting)
}
