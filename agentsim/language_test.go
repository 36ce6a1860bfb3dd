package agentsim

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLanguageExample checks that the example in the package's documentation is
// what the tables of the parser have.
func TestLanguageExample(t *testing.T) {
	const file = "example_language_test.go"
	want := `package agentsim_test

import (
	"fmt"

	"github.com/patchpolicy/patchpolicy/agentsim"
)

// The reference of the scenario language.
func ExampleLanguage() {
	fmt.Print(agentsim.Language())
	// Output:
` + strings.ReplaceAll("\t// "+strings.ReplaceAll(strings.TrimSpace(Language()), "\n", "\n\t// ")+"\n", "// \n", "//\n") + "}\n"
	if *rewrite {
		require.NoError(t, os.WriteFile(file, []byte(want), 0o644))
	}
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, want, string(data), "go test -run LanguageExample ./agentsim -rewrite")
}
