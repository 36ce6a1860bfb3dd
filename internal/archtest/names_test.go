package archtest

import (
	"fmt"
	"go/types"
	"maps"
	"slices"
	"strings"
	"testing"
)

// What a package exports is a promise to its importers. Each exported name has
// a comment, and something needs it: an example, a program or another package.
// A test is not a need.

// needs are exported names that nothing in the tree calls, each with the
// importer who does.
var needs = map[string]string{
	"agentsim.New":                               "a program that plays a script outside a test",
	"agentsim.World.Run":                         "the same",
	"agentsim.World.Settle":                      "the same",
	"catalog.Snapshot.Encode":                    "an importer that stores its catalog in one file",
	"catalog.ReasonCode.Rule":                    "a console that explains a code without a verdict",
	"integrity/sigstoreverify.DefaultPredicates": "a policy that adds to the defaults",
	"manifest/agenthttp.FromController":          "a server with an agent in its own process",
	"job.Code.Known":                             "a console that shows codes of newer agents",
	"job.Definition.Split":                       "a console that offers the chain in place of a refused job (JOB-14)",
	"job/schedule.Weekdays.Has":                  "the same",
	"job/schedule.Weekdays.List":                 "the same",
}

// checkNames wants every exported name that an importer could write to have a
// comment and a use outside its package's own code. Internal packages and
// programs promise nothing.
//
// For a type, a constant, a variable and a field a use in its own package is
// enough, since values of it reach importers; so it is for Validate and
// WithDefaults, which every configuration has. A method that an interface asks
// for counts as used, and a method of an interface where anything calls it. A
// field with a name on the wire is used by whoever reads or writes that, and an
// error's field by its text. Tests are what a conformance suite is for, and
// count as its users.
func checkNames(t *tree) (problems []string) {
	l, err := newLoader(t)
	if err != nil {
		return []string{err.Error()}
	}
	promises := func(f folder) bool {
		return !strings.Contains("/"+f.path+"/", "/internal/") && !strings.HasPrefix(f.path, "examples/")
	}
	for _, f := range t.packages {
		l.load(f)
	}
	if len(l.errors) > 0 {
		return l.errors
	}
	exported := map[string]bool{}
	for _, f := range slices.DeleteFunc(slices.Clone(t.packages), func(f folder) bool { return !promises(f) }) {
		for _, name := range l.exported(l.loaded[f.path]) {
			exported[f.path+"."+name.as] = !l.used[name.obj.Pos()]
			if !l.used[name.obj.Pos()] && !(name.inside && l.called[name.obj.Pos()]) && needs[f.path+"."+name.as] == "" {
				problems = append(problems, fmt.Sprintf("%s: %s is used by no example or other package", t.at(f, name.obj.Pos()), name.as))
			}
		}
		problems = append(problems, undocumented(t, f)...)
	}
	if len(exported) > 100 { // the real tree
		for _, name := range slices.Sorted(maps.Keys(needs)) {
			if !exported[name] {
				problems = append(problems, "needs: "+name+" is used now, or gone: take it out of the list")
			}
		}
	}
	return problems
}

// exportedName is a name that somebody outside can write.
type exportedName struct {
	obj    types.Object
	as     string // "Order.Asset"
	inside bool   // a use in its own package is enough
}

// exported lists the exported names of pkg, with methods and fields, except
// methods that an interface asks for, fields with a name on the wire, and
// fields of errors.
func (l *loader) exported(pkg *types.Package) (all []exportedName) {
	for _, name := range pkg.Scope().Names() {
		obj := pkg.Scope().Lookup(name)
		if !obj.Exported() {
			continue
		}
		if c, ok := obj.(*types.Const); ok && declared(c.Type()) != nil {
			continue // a value of an enum: the enum is used as a whole
		}
		if n, ok := obj.(*types.TypeName); ok && n.IsAlias() {
			continue // gives importers access to an internal type
		}
		_, function := obj.(*types.Func)
		all = append(all, exportedName{obj: obj, as: name, inside: !function})
		t, ok := obj.Type().(*types.Named)
		if _, isType := obj.(*types.TypeName); !ok || !isType {
			continue
		}
		for m := range t.Methods() {
			if m.Exported() && !l.wanted(t, m) {
				settings := m.Name() == "Validate" || m.Name() == "WithDefaults" // every configuration has them
				all = append(all, exportedName{obj: m, as: name + "." + m.Name(), inside: settings})
			}
		}
		switch u := t.Underlying().(type) {
		case *types.Interface:
			for m := range u.ExplicitMethods() {
				if m.Exported() {
					all = append(all, exportedName{obj: m, as: name + "." + m.Name(), inside: true})
				}
			}
		case *types.Struct:
			if implements(t, failure) { // its text has the fields
				continue
			}
			for i := range u.NumFields() {
				field := u.Field(i)
				if !field.Exported() {
					continue
				}
				if !strings.Contains(u.Tag(i), "json:") {
					all = append(all, exportedName{obj: field, as: name + "." + field.Name(), inside: true})
				} else if sub := declared(field.Type()); sub != nil && l.used[obj.Pos()] {
					l.used[sub.Pos()] = true // it is on the wire too
				}
			}
		}
	}
	return all
}

// wanted reports whether an interface that the tree can name asks for the
// method.
func (l *loader) wanted(t *types.Named, m *types.Func) bool {
	return slices.ContainsFunc(l.asked, func(asks *types.Interface) bool {
		for method := range asks.Methods() {
			if method.Name() == m.Name() {
				return implements(t, asks)
			}
		}
		return false
	})
}

var failure = types.Universe.Lookup("error").Type().Underlying().(*types.Interface)

func implements(t *types.Named, asks *types.Interface) bool {
	return t.TypeParams() == nil && (types.Implements(t, asks) || types.Implements(types.NewPointer(t), asks))
}

func TestExportedNamesAreUsed(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: type-checking the whole tree takes a while; run without -short")
	}
	report(t, checkNames(realTree(t)))
}

func TestNamesCheckFails(t *testing.T) {
	const a, user = "// Package a is.\npackage a\n", "// Package b is.\npackage b\nimport \"" + module + "/a\"\n"
	unused := func(name string) string { return name + " is used by no example or other package" }
	for _, p := range []planted{
		{"used by another package", map[string]string{"a/a.go": a + "// F does.\nfunc F() {}", "b/b.go": user + "func f() { a.F() }"}, nil},
		{"used by a test inside", map[string]string{"a/a.go": a + "// F does.\nfunc F() {}", "a/a_test.go": "package a\nfunc g() { F() }"}, []string{unused("F")}},
		{"used by a test outside", map[string]string{"a/a.go": a + "// F does.\nfunc F() {}",
			"a/a_test.go": "package a_test\nimport \"" + module + "/a\"\nvar _ = a.F"}, []string{unused("F")}},
		{"used by an example", map[string]string{"a/a.go": a + "// F does.\nfunc F() {}",
			"a/a_test.go": "package a_test\nimport \"" + module + "/a\"\nfunc ExampleF() { a.F() }"}, nil},
		{"a suite is used by tests", map[string]string{"a/atest/a.go": "// Package atest is.\npackage atest\n// F does.\nfunc F() {}",
			"b/b_test.go": "package b\nimport \"" + module + "/a/atest\"\nvar _ = atest.F"}, nil},
		{"values of a kind, settings, and fields", map[string]string{
			"a/a.go": a + "// K is.\ntype K int\n// A and B are.\nconst (\n\tA K = iota\n\tB\n)\n// T is.\ntype T struct{ Set K }\n" +
				"// Validate does.\nfunc (t T) Validate() bool { return t.Set == A }\nvar _ = T{Set: A}.Validate()",
		}, nil},
		{"only declared", map[string]string{"a/a.go": a + "// F does.\nfunc F() {}\n// C is.\nconst C = 1\n// T is.\ntype T struct{}\n// V is.\nvar V int"},
			[]string{"a/a.go:6: " + unused("C"), "a/a.go:4: " + unused("F"), "a/a.go:8: " + unused("T"), "a/a.go:10: " + unused("V")}},
		{"used by its own code", map[string]string{"a/a.go": a + "// F does.\nfunc F() { F() }\nfunc g() { F() }"}, []string{unused("F")}},
		{"a method and a field", map[string]string{
			"a/a.go": a + "// T is.\ntype T struct { Used, Set, Dead int; Wire int `json:\"wire\"` }\n// M does.\nfunc (T) M() {}\n// N does.\nfunc (*T) N() {}",
			"b/b.go": user + "func f(t a.T) int { t.M(); _ = a.T{Set: 1}; return t.Used }",
		}, []string{unused("T.N"), unused("T.Dead")}},
		{"an embedded field of a promoted one", map[string]string{
			"a/a.go": a + "// T is.\ntype T struct{ Inner }\n// Inner is.\ntype Inner struct{ N int }", "b/b.go": user + "func f(t a.T) int { return t.N }",
		}, nil},
		{"methods that an interface asks for", map[string]string{
			"a/a.go": a + "// Port is.\ntype Port interface { Called(); Dead() }\n// T is.\ntype T struct{}\n// String says.\nfunc (T) String() string { return \"\" }\n" +
				"// Called does.\nfunc (T) Called() {}\n// Dead does.\nfunc (T) Dead() {}\nfunc f(p Port) { p.Called() }",
			"b/b.go": user + "var _ a.Port = a.T{}",
		}, []string{"a/a.go:4: " + unused("Port.Dead")}},
		{"fields of an error", map[string]string{
			"a/a.go": a + "// E is.\ntype E struct{ Why string; Err error }\nfunc (e *E) Error() string { return e.Why }\n// Unwrap does.\nfunc (e *E) Unwrap() error { return e.Err }",
			"b/b.go": user + "var _ = &a.E{}",
		}, nil},
		{"generic", map[string]string{
			"a/a.go": a + "// T is.\ntype T[E any] struct{ N E }\n// M does.\nfunc (T[E]) M() {}\n// Dead does.\nfunc (T[E]) Dead() {}",
			"b/b.go": user + "func f(t a.T[int]) int { t.M(); return t.N }",
		}, []string{unused("T.Dead")}},
		{"other systems", map[string]string{
			"a/a_windows.go": "package a\n// F does.\nfunc F() {}", "a/a.go": "//go:build !windows\n\n" + a + "// F does.\nfunc F() {}", "b/b.go": user + "var _ = a.F",
		}, nil},
		{"internal packages and programs", map[string]string{
			"a/internal/p/p.go": "package p\nfunc F() {}", "examples/q/q.go": "package q\nfunc F() {}", "internal/r/r.go": "package r\nfunc F() {}",
		}, nil},
		{"no comment", map[string]string{
			"a/a.go": a + "func F() {}\ntype T struct{}\nfunc (T) M() {}\ntype t struct{}\nfunc (t) M() {}\nconst C = 1\n// All of them.\nvar (\n\tV int\n\tW int\n)\nconst D = 1 // is",
			"b/b.go": user + "var _ = []any{a.F, a.T.M, a.C, a.V, a.W, a.D}",
		}, []string{"a/a.go:3: F has no comment", "a/a.go:4: T has no comment", "a/a.go:5: M has no comment", "a/a.go:8: C has no comment"}},
		{"methods of an enum", map[string]string{
			"a/a.go": a + "type names struct{}\nfunc (names) String(T) string { return \"\" }\nvar all names\n// T is.\ntype T uint8\n" +
				"func (t T) String() string { return all.String(t) }\n// U is.\ntype U uint8\nfunc (u U) String() string { return \"u\" }",
			"b/b.go": user + "var _ = a.T(1).String() + a.U(1).String()",
		}, []string{"a/a.go:11: String has no comment"}},
		{"what does not compile", map[string]string{"a/a.go": a + "var v = w"}, []string{"undefined: w"}},
	} {
		p.run(t, checkNames)
	}
}
