package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/catalog"
)

// "patch check" says what a sync would say, and prints every reason.
func TestPatchCheck_CAT16(t *testing.T) {
	s := newShell(t)
	s.write("example.json", s.okOffline("patch", "example"))
	require.Contains(t, s.okOffline("patch", "check", "example.json"), "good records: 1 of products, 1 of patches")
	var schema map[string]any
	require.NoError(t, json.Unmarshal([]byte(s.okOffline("patch", "schema")), &schema))
	require.Equal(t, "object", schema["type"])

	s.write("bad.json", strings.Replace(feedFile, `"patches": [`, `"patches": [
		{"id": "a", "product": "editor", "version": "debian:1.0"},
		{"id": "b\u001b[2J", "product": "editor", "version": "semver:1.0.0"},
		{"id": "f", "product": "nobody", "version": "semver:1.0.0"},
		{"id": "c", "product": "", "version": "semver:1.0.0", "artifacts": [{"name": "x/y", "availability": "Pinned", "size": -1}]},
		{"id": "d", "product": "editor", "version": "semver:1.0.0", "requires": [{"patch": "e"}]},
		{"id": "e", "product": "editor", "version": "semver:1.1.0", "requires": [{"patch": "d"}]},`, 1))
	stdout, stderr, code := s.run("patch", "check", "bad.json")
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "a sync rejects the records above")
	for _, says := range []string{"patch a\n  ", "scheme", `patch b\x1b[2J`, "patch f\n  ", `product "nobody"`, "patch c\n  ", "the product is empty\n  ",
		"is not a plain file name\n  ", "needs a URL\n  ", "negative size -1\n", "patch d\n  ", "good records: 1 of products, 1 of patches"} {
		require.Contains(t, stdout, says)
	}
	require.NotContains(t, stdout, "\x1b")
	stdout, _, code = s.run("patch", "check", "bad.json", "--json")
	require.Equal(t, 1, code)
	var answer struct{ Rejected []catalog.Rejected }
	require.NoError(t, json.Unmarshal([]byte(stdout), &answer))
	require.Len(t, answer.Rejected, 6)

	for name, c := range map[string]struct{ document, says string }{
		"truncated":     {feedFile[:100], "ends too early"},
		"another form":  {`{"format": 2}`, "format 2 is not known"},
		"of the future": {`{"format": 1, "dated": "2999-01-01T00:00:00Z"}`, "in the future"},
	} {
		s.write("broken.json", c.document)
		_, stderr, code = s.run("patch", "check", "broken.json")
		require.Equal(t, 1, code, name)
		require.Contains(t, stderr, c.says)
	}
	_, stderr, code = s.run("patch", "check", "missing.json")
	require.Equal(t, 1, code)
	require.Contains(t, stderr, "missing.json")
	_, _, code = s.run("patch", "check", "gopher://x")
	require.Equal(t, 2, code)
}
