package cli

import (
	"bytes"
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
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

// damageStride is the distance in bytes between the places where seeds are damaged. PATCHPOLICY_DAMAGE_STRIDE sets another.
func damageStride(t *testing.T) int {
	stride, err := strconv.Atoi(cmp.Or(os.Getenv("PATCHPOLICY_DAMAGE_STRIDE"), "997"))
	require.NoError(t, err)
	return stride
}

// Whatever is wrong with a file, it gets one line, and the files after it get theirs.
func TestEveryFileGetsOneLine(t *testing.T) {
	dir := t.TempDir()
	var names, errs []string
	add := func(name string, data []byte) {
		name = filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(name, data, 0o600))
		names = append(names, name)
	}
	stride := damageStride(t)
	check := func(flags ...string) {
		code, out, text := call(t, append(append([]string{"verify", "--json"}, flags...), names...)...)
		require.Contains(t, []int{OK, Failed, Usage}, code, text)
		lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
		require.Len(t, lines, len(names), "%s %v", text, names)
		passed := true
		for i, line := range lines {
			var f inspect.File
			require.NoError(t, json.Unmarshal([]byte(line), &f), line)
			require.Equal(t, names[i], f.Name)
			passed = passed && f.Outcome() == inspect.Passed
			if f.Error != "" {
				errs = append(errs, f.Error)
			}
		}
		require.Equal(t, passed, code == OK)
		names = nil
	}
	damaged := func(seed []byte, use func([]byte)) {
		for at := 0; at < len(seed); at += stride {
			for _, change := range []func(byte) byte{func(b byte) byte { return ^b }, func(byte) byte { return 0 }} {
				data := bytes.Clone(seed)
				data[at] = change(data[at])
				use(data)
			}
			use(seed[:at])
		}
	}
	seeds, err := filepath.Glob("../../../integrity/*/testdata/*")
	require.NoError(t, err)
	more, err := filepath.Glob("../../../integrity/*/testdata/*/*")
	require.NoError(t, err)
	for _, seed := range append(seeds, more...) {
		data, err := os.ReadFile(seed)
		if err != nil {
			continue // a folder
		}
		damaged(data, func(changed []byte) { add(strconv.Itoa(len(names)), changed) })
		check()
	}
	for _, ending := range []string{"sig", "asc"} {
		sig, err := os.ReadFile("../../../integrity/openpgp/testdata/patch.txt." + ending)
		require.NoError(t, err)
		for at := 0; at < len(sig); at += max(1, stride/40) {
			data := bytes.Clone(sig)
			data[at] ^= 0x55
			names = []string{"../../../integrity/openpgp/testdata/patch.txt"}
			check("--signature", put(t, "s", string(data)))
		}
	}
	require.Empty(t, errs, "a damaged file can be read")

	add("empty", nil)
	names = append(names, dir, filepath.Join(dir, "missing"), os.DevNull, "")
	add("after them", []byte("x"))
	check()
	require.Len(t, errs, 4)
	names = []string{filepath.Join(dir, "empty")}
	check("--signature", filepath.Join(dir, "missing"))
	require.Contains(t, errs[4], "signature file")
}

// Numbers that have names are told by both.
func TestJSONNamesCodes(t *testing.T) {
	_, out, _ := call(t, "verify", "--json", put(t, "x", "x"))
	require.Contains(t, out, `"code":7,"codeName":"FileValidationFailed"`)
}
