package archtest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"testing"
)

var (
	// In go.mod, a requirement that is not marked indirect; blocks and single
	// lines alike.
	requirement = regexp.MustCompile(`(?m)^(?:require )?\t?([a-z]\S*\.\S+/\S+) (v\S+)$`)
	// In CONTRIBUTING.md, a line of the table of dependencies.
	dependency = regexp.MustCompile("(?m)^\\| `([^`]+\\.[^`]+/[^`]+)` \\| (v\\S+) \\| (.*) \\|$")
)

// checkDependencyList compares CONTRIBUTING.md's table with go.mod.
func checkDependencyList(t *tree) (problems []string) {
	listed := map[string]string{}
	for _, m := range dependency.FindAllStringSubmatch(string(t.texts["CONTRIBUTING.md"]), -1) {
		listed[m[1]] = m[2]
		if len(m[3]) < 10 {
			problems = append(problems, fmt.Sprintf("CONTRIBUTING.md: gives no reason for %s", m[1]))
		}
	}
	for _, m := range requirement.FindAllStringSubmatch(string(t.texts["go.mod"]), -1) {
		if listed[m[1]] != m[2] {
			problems = append(problems, fmt.Sprintf("CONTRIBUTING.md: go.mod requires %s %s, the table has %q", m[1], m[2], listed[m[1]]))
		}
		delete(listed, m[1])
	}
	for _, left := range slices.Sorted(maps.Keys(listed)) {
		problems = append(problems, fmt.Sprintf("CONTRIBUTING.md: stale: go.mod does not require %s directly", left))
	}
	return problems
}

func TestContributingListsTheDependencies(t *testing.T) {
	report(t, checkDependencyList(realTree(t)))
	const mod = "module example.org/m\n\ngo 1.26.0\n\nrequire (\n\texample.org/a v1.0.0\n\texample.org/b v2.0.0\n)\n\nrequire example.org/c v3.0.0\n\nrequire (\n\texample.org/i v1.0.0 // indirect\n)\n"
	const good = "| module | version | reason |\n|---|---|---|\n| `example.org/a` | v1.0.0 | it does a thing |\n| `example.org/b` | v2.0.0 | it does a thing |\n"
	for _, p := range []planted{
		{"as it should be", map[string]string{"go.mod": mod, "CONTRIBUTING.md": good + "| `example.org/c` | v3.0.0 | it does a thing |\n"}, nil},
		{"one is not listed", map[string]string{"go.mod": mod, "CONTRIBUTING.md": good}, []string{"requires example.org/c v3.0.0"}},
		{"one has another version", map[string]string{"go.mod": mod, "CONTRIBUTING.md": good + "| `example.org/c` | v3.0.1 | it does a thing |\n"},
			[]string{`the table has "v3.0.1"`}},
		{"one is not required, or only by others", map[string]string{"go.mod": mod, "CONTRIBUTING.md": good + "| `example.org/c` | v3.0.0 | it does a thing |\n| `example.org/i` | v1.0.0 | it does a thing |\n"},
			[]string{"stale: go.mod does not require example.org/i"}},
		{"one has no reason", map[string]string{"go.mod": mod, "CONTRIBUTING.md": good + "| `example.org/c` | v3.0.0 | yes |\n"},
			[]string{"gives no reason for example.org/c"}},
	} {
		p.run(t, checkDependencyList)
	}
}
