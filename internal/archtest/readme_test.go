package archtest

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var rewrite = flag.Bool("rewrite", false, "write COSTS.md again")

// program is the README's program and the output that the README shows.
var program = regexp.MustCompile("(?s)<!-- program -->\n```go\n(.*?)```\n.*?\n```\n(.*?)```")

// A reader pastes the program into a module of their own.
func TestREADMEProgramRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: building the program takes a while; run without -short")
	}
	readme := realTree(t).texts["README.md"]
	found := program.FindSubmatch(readme)
	require.NotNil(t, found, "README.md shows no program with its output")
	dirOfModule, err := root()
	require.NoError(t, err)
	sums, err := os.ReadFile(filepath.Join(dirOfModule, "go.sum"))
	require.NoError(t, err)
	dir := t.TempDir()
	for name, text := range map[string][]byte{
		"main.go": found[1], "go.sum": sums,
		"go.mod": fmt.Appendf(nil, "module example.org/pasted\n\ngo 1.26\n\nrequire %s v0.0.0\n\nreplace %[1]s => %s\n", module, dirOfModule),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o644))
	}
	cmd := exec.Command("go", "run", ".")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOFLAGS=-mod=mod")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	require.Equal(t, string(found[2]), string(out))
}

const (
	costsFile  = "internal/archtest/COSTS.md"
	costsBegin = "<!-- costs: go test ./internal/archtest -run Costs -rewrite -->\n"
	costsEnd   = "<!-- end of costs -->\n"
)

// costs returns the table of what importing each package links, from the go
// command.
func costs(table []room, linked func(string) ([]string, int, error)) (string, error) {
	var b strings.Builder
	b.WriteString("| package | pure | modules it links beyond the standard library | packages of theirs |\n|---|---|---|---|\n")
	for _, r := range table {
		if strings.Contains("/"+r.path, "/internal/") || strings.HasPrefix(r.path, "examples/") || strings.HasSuffix(r.path, "test") {
			continue
		}
		modules, packages, err := linked(r.path)
		if err != nil {
			return "", err
		}
		pure := ""
		if r.core {
			pure = "yes"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %d |\n", r.path, pure, moduleNames(modules), packages)
	}
	return b.String(), nil
}

// moduleNames shortens module paths. For more than five modules it gives their
// number.
func moduleNames(modules []string) string {
	switch n := len(modules); {
	case n == 0:
		return "none"
	case n > 5:
		return fmt.Sprintf("%d modules", n)
	}
	short := make([]string, len(modules))
	for i, m := range modules {
		short[i] = strings.TrimPrefix(m, "github.com/")
	}
	slices.Sort(short)
	return strings.Join(short, ", ")
}

// checkCosts compares the table in the tree with the wanted one.
func checkCosts(want string) func(*tree) []string {
	return func(t *tree) []string {
		_, rest, begun := strings.Cut(string(t.texts[costsFile]), costsBegin)
		have, _, ended := strings.Cut(rest, costsEnd)
		switch {
		case !begun || !ended:
			return []string{costsFile + ": has no table between its two comments"}
		case have != want:
			return []string{"internal/archtest/COSTS.md: the table is stale (go test ./internal/archtest -run Costs -rewrite); want\n" + want}
		}
		return nil
	}
}

func TestCostsAreTrue(t *testing.T) {
	want, err := costs(rooms, linked)
	require.NoError(t, err)
	if *rewrite {
		dir, err := root()
		require.NoError(t, err)
		name := filepath.Join(dir, costsFile)
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		before, rest, begun := strings.Cut(string(text), costsBegin)
		_, after, ended := strings.Cut(rest, costsEnd)
		require.True(t, begun && ended, "no table between its two comments")
		require.NoError(t, os.WriteFile(name, []byte(before+costsBegin+want+costsEnd+after), 0o644))
		t.Skip("SKIPPED: the table is written; run the test again")
	}
	report(t, checkCosts(want)(realTree(t)))

	table := []room{{path: "a", core: true}, {path: "a/atest"}, {path: "internal/b"}, {path: "a/internal/b"}, {path: "examples/c"}}
	fake, err := costs(table, func(string) ([]string, int, error) { return []string{"github.com/x/y", "example.org/z"}, 7, nil })
	require.NoError(t, err)
	require.Equal(t, "| package | pure | modules it links beyond the standard library | packages of theirs |\n|---|---|---|---|\n| `a` | yes | example.org/z, x/y | 7 |\n", fake)
	for _, p := range []planted{
		{"true", map[string]string{costsFile: "# x\n" + costsBegin + fake + costsEnd}, nil},
		{"stale", map[string]string{costsFile: "# x\n" + costsBegin + strings.Replace(fake, "7", "6", 1) + costsEnd}, []string{"is stale"}},
		{"none", map[string]string{costsFile: "# x\n" + fake}, []string{"has no table"}},
	} {
		p.run(t, checkCosts(fake))
	}
}
