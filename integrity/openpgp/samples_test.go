package openpgp

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// Packages that others made, judged as rpmkeys judges them. PATCHPOLICY_RPMS is
// a folder of packages, with public keys in its folder "keys"; it is no part of
// this repository.
func TestSamplesAsRPM_INT9(t *testing.T) {
	dir := os.Getenv("PATCHPOLICY_RPMS")
	if dir == "" {
		t.Skip("PATCHPOLICY_RPMS names no folder of packages")
	}
	needs(t, "rpmkeys")
	db := filepath.Join(t.TempDir(), "db")
	rpmkeys := func(args ...string) string {
		out, _ := exec.CommandContext(t.Context(), "rpmkeys", append([]string{"--dbpath", db, "--define", "_pkgverify_level all"}, args...)...).CombinedOutput()
		return string(out)
	}
	var rings [][]byte
	files, err := filepath.Glob(filepath.Join(dir, "keys", "*"))
	require.NoError(t, err)
	for _, file := range files {
		ring, err := os.ReadFile(file)
		require.NoError(t, err)
		if _, err := Keys(ring); err != nil {
			t.Logf("%s: %v", filepath.Base(file), err)
			continue
		}
		rings = append(rings, ring)
		rpmkeys("--import", file) // it knows fewer kinds of keys
	}
	ring, err := Join(rings...)
	require.NoError(t, err)
	v := verifier(t, signer("Vendors", integrity.OpenPGPTrust{Keyring: string(ring)}))
	packages, err := filepath.Glob(filepath.Join(dir, "*.rpm"))
	require.NoError(t, err)
	require.NotEmpty(t, packages)
	counts := map[string]int{}
	for _, file := range packages {
		rpm, err := os.ReadFile(file)
		require.NoError(t, err)
		r := inspect(t, v, rpm, nil)
		good := strings.HasSuffix(rpmkeys("-K", file), ": digests signatures OK\n")
		verdict := map[bool]string{true: "good", false: "not good"}[good]
		counts[r.Answer.Status.String()+" here, "+verdict+" for rpmkeys"]++
		if good != (r.Answer.Status == integrity.Valid) && r.Answer.Status != integrity.Absent {
			t.Logf("%s: %v %s; %s for rpmkeys", filepath.Base(file), r.Answer.Status, r.Answer.Detail, verdict)
		}
	}
	t.Log(counts)
}
