package archtest

import (
	"errors"
	"fmt"
	"os/exec"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// room is one package and what it may import beyond the standard library.
type room struct {
	path    string // below the module
	floor   int
	adapter bool     // binds a port of its floor to the world, or builds on a package of that floor; it is half a floor higher
	core    bool     // pure
	uses    []use    // direct imports of its code
	tests   []use    // further imports of its tests, besides testTools
	links   []string // cores: every module that importing it links
}

// use is a granted import. The path of a module grants its packages too.
type use struct{ path, why string }

// programs is the floor of the packages that wire the others together. They may
// import anything below, and need a grant only for other modules.
const programs = 10

// rank orders rooms: a room imports only from lower ranks.
func (r room) rank() int {
	if r.adapter {
		return 2*r.floor + 1
	}
	return 2 * r.floor
}

// part reports whether p is a part of the package that imports it, whatever its
// rank: an internal package below it, or a package of the same program.
func part(p, importer string) bool {
	program := func(p string) string {
		if parts := strings.Split(p, "/"); parts[0] == "examples" && len(parts) > 1 {
			return parts[1]
		}
		return ""
	}
	return strings.HasPrefix(p, importer+"/internal/") || program(p) != "" && program(p) == program(importer)
}

// beyond reports whether an import is outside the standard library. Paths in
// the standard library have no dot in their first element.
func beyond(p string) bool {
	first, _, _ := strings.Cut(p, "/")
	return strings.Contains(first, ".")
}

// checkImports compares the tree's imports with the table.
func checkImports(table []room, tools []use) func(*tree) []string {
	return func(t *tree) (problems []string) {
		rooms := map[string]room{}
		toolsUsed := map[string]bool{}
		for _, r := range table {
			rooms[r.path] = r
		}
		for _, f := range t.packages {
			r, known := rooms[f.path]
			if !known {
				problems = append(problems, f.path+": has no entry in the table of rooms_test.go")
				continue
			}
			delete(rooms, f.path)
			problems = append(problems, checkRoom(t, table, tools, f, r, toolsUsed)...)
		}
		for _, r := range table {
			if _, left := rooms[r.path]; left {
				problems = append(problems, r.path+": stale entry: there is no such package")
			}
		}
		for _, tool := range tools {
			if !toolsUsed[tool.path] {
				problems = append(problems, "tests: stale entry: no test imports "+tool.path)
			}
		}
		return problems
	}
}

func checkRoom(t *tree, table []room, tools []use, f folder, r room, toolsUsed map[string]bool) (problems []string) {
	used := map[string]bool{} // grants
	grants := func(list []use, p, as string) bool {
		i := slices.IndexFunc(list, func(u use) bool { return u.path == p || beyond(p) && strings.HasPrefix(p, u.path+"/") })
		if i >= 0 {
			used[as+list[i].path] = true
		}
		return i >= 0
	}
	for _, file := range f.files {
		for p, pos := range file.imports() {
			inside, own := strings.CutPrefix(p, module+"/")
			if own {
				p = inside
			}
			switch {
			case !own && !beyond(p):
			case !file.test():
				if !grants(r.uses, p, "") && !(own && r.floor == programs) {
					problems = append(problems, fmt.Sprintf("%s: %s may not import %s: the table does not grant it", t.at(f, pos), f.path, p))
				}
				if low := slices.IndexFunc(table, func(o room) bool { return o.path == p }); own && low >= 0 &&
					table[low].rank() >= r.rank() && !part(p, f.path) {
					problems = append(problems, fmt.Sprintf("%s: %s imports %s, which is not on a floor below", t.at(f, pos), f.path, p))
				}
			case own: // the compiler refuses cycles, and a test may wire rooms together
			case grants(tools, p, "tool "):
			default:
				if !grants(r.tests, p, "test ") && !grants(r.uses, p, "test ") {
					problems = append(problems, fmt.Sprintf("%s: the tests of %s may not import %s: the table does not grant it", t.at(f, pos), f.path, p))
				}
			}
		}
	}
	for _, u := range tools {
		toolsUsed[u.path] = toolsUsed[u.path] || used["tool "+u.path]
	}
	for _, u := range r.uses {
		if !used[u.path] {
			problems = append(problems, fmt.Sprintf("%s: stale grant: its code does not import %s", f.path, u.path))
		}
	}
	for _, u := range r.tests {
		if !used["test "+u.path] {
			problems = append(problems, fmt.Sprintf("%s: stale grant: its tests do not import %s", f.path, u.path))
		}
	}
	for _, u := range slices.Concat(r.uses, r.tests) {
		if strings.TrimSpace(u.why) == "" {
			problems = append(problems, fmt.Sprintf("%s: the grant of %s gives no reason", f.path, u.path))
		}
	}
	slices.Sort(problems)
	return problems
}

// linked returns the modules that importing a package of the tree links on
// Linux, without its own, sorted, and the number of their packages.
func linked(pkg string) (modules []string, packages int, err error) {
	graph, err := goList()
	if err != nil {
		return nil, 0, err
	}
	deps, known := graph.deps[module+"/"+pkg]
	if !known {
		return nil, 0, fmt.Errorf("go list: there is no package %s", pkg)
	}
	for _, dep := range deps {
		if m := graph.modules[dep]; m != "" && m != module {
			modules = append(modules, m)
			packages++
		}
	}
	slices.Sort(modules)
	return slices.Compact(modules), packages, nil
}

// graph is what the go command says about the tree's packages and those they
// link.
type graph struct {
	deps    map[string][]string // by import path; direct and indirect ones
	modules map[string]string   // by import path; "" in the standard library
}

var goList = sync.OnceValues(func() (graph, error) {
	g := graph{map[string][]string{}, map[string]string{}}
	dir, err := root()
	if err != nil {
		return g, err
	}
	cmd := exec.Command("go", "list", "-deps", "-f", `{{.ImportPath}}|{{with .Module}}{{.Path}}{{end}}|{{join .Deps " "}}`, "./...")
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0") // the same answer everywhere
	out, err := cmd.Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return g, fmt.Errorf("go list: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		if f := strings.Split(strings.TrimSpace(line), "|"); len(f) == 3 {
			g.modules[f[0]], g.deps[f[0]] = f[1], strings.Fields(f[2])
		}
	}
	return g, nil
})

// checkLinks compares what importing each core links with the table.
func checkLinks(table []room, linked func(string) ([]string, int, error)) (problems []string) {
	for _, r := range table {
		if !r.core {
			continue
		}
		have, _, err := linked(r.path)
		if err != nil {
			problems = append(problems, err.Error())
			continue
		}
		for _, m := range have {
			if !slices.Contains(r.links, m) {
				problems = append(problems, fmt.Sprintf("%s: importing it links %s, which the table does not name", r.path, m))
			}
		}
		for _, m := range r.links {
			if !slices.Contains(have, m) {
				problems = append(problems, fmt.Sprintf("%s: stale: importing it does not link %s", r.path, m))
			}
		}
	}
	return problems
}

func TestImportsAreGranted(t *testing.T) {
	report(t, checkImports(rooms, testTools)(realTree(t)))
}

func TestCoresLinkOnlyWhatTheTableNames(t *testing.T) {
	report(t, checkLinks(rooms, linked))
}

func TestTopLevelHoldsOnlyTheRooms(t *testing.T) {
	report(t, checkTopLevel(realTree(t)))
	planted{"a stray folder and file", map[string]string{
		"util/util.go": "package util", "notes.txt": "x", "go.mod": "", ".ci/run": "", "catalog/x.go": "package catalog",
	}, []string{"notes.txt", "util"}}.run(t, checkTopLevel)
}

// checkTopLevel keeps the list of top-level files short.
func checkTopLevel(t *tree) (problems []string) {
	allowed := []string{"catalog", "job", "manifest", "integrity", "reboot", "agentsim", "examples", "internal",
		"go.mod", "go.sum", "README.md", "LICENSE", "CHANGELOG.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"}
	seen := map[string]bool{}
	for p := range t.texts {
		top, _, _ := strings.Cut(p, "/")
		if !seen[top] && !strings.HasPrefix(top, ".") && !slices.Contains(allowed, top) {
			problems = append(problems, top+": does not belong at the top level")
		}
		seen[top] = true
	}
	slices.Sort(problems)
	return problems
}

func TestImportCheckFails(t *testing.T) {
	table := []room{
		{path: "low", floor: 1},
		{path: "high", floor: 2, uses: []use{{"low", "reason"}, {"example.org/x", "reason"}}},
		{path: "high/binding", floor: 2, adapter: true, uses: []use{{"high", "reason"}}, tests: []use{{"example.org/t", "reason"}}},
	}
	good := map[string]string{
		"low/a.go":               "package low",
		"high/a.go":              "package high\nimport (\n_ \"" + module + "/low\"\n_ \"example.org/x/part\"\n_ \"strings\"\n)",
		"high/binding/a.go":      "package binding\nimport _ \"" + module + "/high\"",
		"high/binding/a_test.go": "package binding\nimport (\n_ \"example.org/t\"\n_ \"example.org/tool\"\n_ \"testing\"\n)",
	}
	with := func(name, text string) map[string]string {
		files := map[string]string{name: text}
		for n, s := range good {
			if n != name {
				files[n] = s
			}
		}
		return files
	}
	without := func(name string) map[string]string {
		files := with("README.md", "")
		delete(files, name)
		return files
	}
	check := checkImports(table, []use{{"example.org/tool", "reason"}})
	for _, p := range []planted{
		{"all is well", good, nil},
		{"an import nobody granted", with("low/a.go", "package low\nimport _ \"example.org/y\""),
			[]string{"low/a.go:2: low may not import example.org/y"}},
		{"an import from a floor above", with("low/b.go", "package low\nimport _ \""+module+"/high\""),
			[]string{"low imports high, which is not on a floor below", "low may not import high"}},
		{"a file of another system counts too", with("low/a_windows.go", "package low\nimport _ \"example.org/y\""),
			[]string{"low/a_windows.go:2"}},
		{"a test's import nobody granted", with("low/a_test.go", "package low\nimport _ \"example.org/t\""),
			[]string{"the tests of low may not import example.org/t"}},
		{"a stale grant", with("high/a.go", "package high\nimport _ \""+module+"/low\""),
			[]string{"high: stale grant: its code does not import example.org/x"}},
		{"a stale grant and a stale tool", without("high/binding/a_test.go"),
			[]string{"high/binding: stale grant: its tests do not import example.org/t", "no test imports example.org/tool"}},
		{"a module of its own is none of this one's packages", func() map[string]string {
			files := with("internal/own/go.mod", "module example.org/own")
			files["internal/own/part/a.go"] = "package part\nimport _ \"example.org/y\""
			return files
		}(), nil},
		{"a package without an entry", with("other/a.go", "package other"), []string{"other: has no entry"}},
		{"an entry without a package", without("low/a.go"), []string{"low: stale entry"}},
	} {
		p.run(t, check)
	}

	table[0].uses = []use{{"high", "it wants to"}}
	planted{"an import from above that is granted is refused all the same", with("low/b.go", "package low\nimport _ \""+module+"/high\""),
		[]string{"low imports high, which is not on a floor below"}}.run(t, check)
	table[0].uses = []use{{"example.org/y", " "}}
	planted{"a grant without a reason", with("low/b.go", "package low\nimport _ \"example.org/y\""),
		[]string{"low: the grant of example.org/y gives no reason"}}.run(t, check)
}

func TestProgramsShareTheirOwnPackagesOnly(t *testing.T) {
	main := path.Join("examples", "one")
	table := []room{
		{path: main, floor: programs},
		{path: "examples/one/part", floor: programs},
		{path: "examples/two/part", floor: programs},
	}
	planted{"", map[string]string{
		"examples/one/main.go":   "package main\nimport (\n_ \"" + module + "/examples/one/part\"\n_ \"" + module + "/examples/two/part\"\n)",
		"examples/one/part/a.go": "package part",
		"examples/two/part/a.go": "package part",
	}, []string{"examples/one imports examples/two/part, which is not on a floor below"}}.run(t, checkImports(table, nil))
	planted{"", map[string]string{
		"examples/one/main.go":   "package main\nimport _ \"example.org/x\"",
		"examples/one/part/a.go": "package part", "examples/two/part/a.go": "package part",
	}, []string{"examples/one may not import example.org/x"}}.run(t, checkImports(table, nil))
}

func TestLinkCheckFails(t *testing.T) {
	table := []room{{path: "a", core: true, links: []string{"m", "n"}}, {path: "b"}}
	list := func(modules ...string) func(string) ([]string, int, error) {
		return func(p string) ([]string, int, error) {
			require.Equal(t, "a", p, "only cores are held to it")
			return modules, 0, nil
		}
	}
	require.Empty(t, checkLinks(table, list("m", "n")))
	require.Equal(t, []string{"a: importing it links o, which the table does not name", "a: stale: importing it does not link m"},
		checkLinks(table, list("n", "o")))
	_, _, err := linked("no/such/package")
	require.ErrorContains(t, err, "no/such/package")
}
