package cli

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/examples/agent/inspect"
	"github.com/patchpolicy/patchpolicy/integrity"
)

// The exit code is that of the worst file; every file is told, whatever the others are.
func TestVerifyCommand_INT2_INT3(t *testing.T) {
	hello, other := put(t, "hello", "hello\n"), put(t, "other", "other\n")
	const digest = "sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
	packages := put(t, "policy.json", anyUnsigned)
	for _, tc := range []struct {
		name     string
		args     []string
		code     int
		out, err []string
	}{
		{"passes by its digest", []string{hello, "--digest", digest}, OK, []string{hello, "PASSED by INT-2"}, nil},
		{"passes by policy and digest", []string{hello, "--digest", digest, "--policy", packages}, OK, []string{`(clause "packages")`, "under policy sha256:"}, nil},
		{"refused by its digest", []string{other, "--digest", digest}, Failed, []string{"REFUSED by INT-2"}, []string{"1 of 1 files did not pass"}},
		{"refused by a policy", []string{hello, "--digest", digest, "--policy", put(t, "n", nobody)}, Failed, []string{"REFUSED by INT-4", `clause "nothing"`}, nil},
		{"two refused", []string{hello, other}, Failed, []string{hello, other, "REFUSED by INT-3"}, []string{"2 of 2"}},
		{"one is none", []string{t.TempDir(), hello}, Usage, []string{"cannot be judged", "a folder", hello}, []string{"1 of 2 files could not be judged"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			code, out, err := call(t, append([]string{"verify"}, tc.args...)...)
			require.Equal(t, tc.code, code, err)
			for _, want := range tc.out {
				require.Contains(t, out, want)
			}
			for _, want := range tc.err {
				require.Contains(t, err, want)
			}
		})
	}

	code, out, _ := call(t, "verify", "--json", hello, "/nowhere", other)
	require.Equal(t, Usage, code)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(t, lines, 3)
	var files [3]inspect.File
	for i, line := range lines {
		require.NoError(t, json.Unmarshal([]byte(line), &files[i]))
	}
	require.Equal(t, []string{hello, "/nowhere", other}, []string{files[0].Name, files[1].Name, files[2].Name})
	require.Equal(t, integrity.NoEvidence, files[0].Verdict.Reason)
	require.NotEmpty(t, files[1].Error)
	require.Equal(t, digest, files[0].Digests[0].String())
}
