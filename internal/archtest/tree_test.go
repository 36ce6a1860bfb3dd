package archtest

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

const module = "github.com/patchpolicy/patchpolicy"

// tree is the source tree as the checks see it. The real one and the planted
// ones of the self-tests are loaded alike.
type tree struct {
	fset     *token.FileSet
	packages []folder          // folders with Go files, by path, without testdata
	texts    map[string][]byte // every file that is not binary, by slash-separated path
}

type folder struct {
	path  string // below the module, "." for its root
	files []file // by name
}

type file struct {
	name string // within its folder
	ast  *ast.File
}

func (f file) test() bool { return strings.HasSuffix(f.name, "_test.go") }

// imports lists the imports of f, each path once, with its position.
func (f file) imports() map[string]token.Pos {
	all := map[string]token.Pos{}
	for _, spec := range f.ast.Imports {
		p, _ := strconv.Unquote(spec.Path.Value)
		all[p] = spec.Pos()
	}
	return all
}

// code lists the files that are not tests.
func (f folder) code() []file {
	return slices.DeleteFunc(slices.Clone(f.files), file.test)
}

// at writes a position as path:line.
func (t *tree) at(f folder, pos token.Pos) string {
	p := t.fset.Position(pos)
	return fmt.Sprintf("%s:%d", path.Join(f.path, filepath.Base(p.Filename)), p.Line)
}

func load(fsys fs.FS) (*tree, error) {
	t := &tree{fset: token.NewFileSet(), texts: map[string][]byte{}}
	folders := map[string][]file{}
	var modules []string // folders below the root that are other modules
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if d.Name() == ".git" || p == "dist" {
				return fs.SkipDir
			}
			if _, err := fs.Stat(fsys, path.Join(p, "go.mod")); err == nil && p != "." {
				modules = append(modules, p+"/")
			}
			return nil
		}
		if !d.Type().IsRegular() {
			return nil
		}
		text, err := fs.ReadFile(fsys, p)
		if err != nil {
			return err
		}
		if !bytes.ContainsRune(text[:min(len(text), 8000)], 0) {
			t.texts[p] = text
		}
		if path.Ext(p) != ".go" || slices.Contains(strings.Split(p, "/"), "testdata") ||
			slices.ContainsFunc(modules, func(m string) bool { return strings.HasPrefix(p, m) }) {
			return nil
		}
		parsed, err := parser.ParseFile(t.fset, path.Base(p), text, parser.ParseComments)
		if err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
		folders[path.Dir(p)] = append(folders[path.Dir(p)], file{path.Base(p), parsed})
		return nil
	})
	for _, p := range slices.Sorted(maps.Keys(folders)) {
		slices.SortFunc(folders[p], func(a, b file) int { return cmp.Compare(a.name, b.name) })
		t.packages = append(t.packages, folder{p, folders[p]})
	}
	return t, err
}

// root returns the module's folder.
var root = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	return filepath.Dir(strings.TrimSpace(string(out))), nil
})

var loadReal = sync.OnceValues(func() (*tree, error) {
	dir, err := root()
	if err != nil {
		return nil, err
	}
	return load(os.DirFS(dir))
})

// realTree returns the tree around this test.
func realTree(t *testing.T) *tree {
	t.Helper()
	loaded, err := loadReal()
	require.NoError(t, err)
	return loaded
}

// plant makes a tree of the given files.
func plant(t *testing.T, files map[string]string) *tree {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	planted, err := load(fsys)
	require.NoError(t, err)
	return planted
}

// planted is one self-test: files that break a rule, and what the check must
// say, once each, in order.
type planted struct {
	name  string
	files map[string]string
	want  []string
}

func (p planted) run(t *testing.T, check func(*tree) []string) {
	t.Helper()
	t.Run(p.name, func(t *testing.T) {
		problems := check(plant(t, p.files))
		require.Len(t, problems, len(p.want), "%q", problems)
		for i, want := range p.want {
			require.Contains(t, problems[i], want)
		}
	})
}

// report fails the test with one line per problem.
func report(t *testing.T, problems []string) {
	t.Helper()
	if len(problems) > 0 {
		t.Errorf("%d problems:\n%s", len(problems), strings.Join(problems, "\n"))
	}
}
