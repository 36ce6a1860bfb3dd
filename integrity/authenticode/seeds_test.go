package authenticode

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
)

// The files in testdata/seeds are signed by osslsigncode and stamped by
// "openssl ts", so fuzzing begins with what real programs write, and with keys
// that its processes share. To make them again, with new keys:
//
//	go test ./integrity/authenticode -run Seeds -rewrite
var rewrite = flag.Bool("rewrite", false, "make the files in testdata/seeds again")

const seedFolder = "testdata/seeds"

func seed(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(seedFolder, name))
	require.NoError(t, err)
	return b
}

// seeds are the seeds of a format, by name.
func seeds(t testing.TB, format integrity.Format) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(seedFolder, "*."+string(format)))
	require.NoError(t, err)
	require.NotEmpty(t, names)
	all := map[string][]byte{}
	for _, name := range names {
		all[filepath.Base(name)] = seed(t, filepath.Base(name))
	}
	return all
}

// seedSigner trusts whoever signed the seeds.
func seedSigner(t testing.TB) known {
	return known{"Vendor", integrity.AuthenticodeTrust{
		Organization: "Vendor Inc.", Anchors: []string{string(seed(t, "root.pem"))}, Timestampers: []string{string(seed(t, "stamp-root.pem"))},
	}}
}

func TestSeedsAreValid(t *testing.T) {
	if *rewrite {
		rewriteSeeds(t)
	}
	v := newVerifier(t, seedSigner(t))
	for _, f := range formats() {
		for name, b := range seeds(t, f) {
			want := integrity.Valid
			if strings.HasPrefix(name, "unsigned") {
				want = integrity.Absent
			}
			got := verify(v, b)
			require.Equal(t, want, got.Status, "%s: %+v", name, got)
			require.Equal(t, f, got.Format)
		}
	}
}

func rewriteSeeds(t *testing.T) {
	m, p := newMaterial(t), everybody()
	m.unsigned[integrity.PE] = program([]byte("small"))
	write := func(name string, b []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(seedFolder, name), b, 0o644))
	}
	root, _ := p.root.write(t, t.TempDir())
	stampRoot, _ := p.stampRoot.write(t, t.TempDir())
	for name, file := range map[string]string{"root.pem": root, "stamp-root.pem": stampRoot} {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		write(name, b)
	}
	for _, f := range formats() {
		write("unsigned."+string(f), m.unsigned[f])
		write("stamped."+string(f), m.vendorSigned(t, f))
		first := m.sign(t, f, m.unsigned[f], p.vendor, []identity{p.ca}, "-h", "sha1", "-ts", m.stamps)
		write("nested."+string(f), m.sign(t, f, first, p.people["P-384"], []identity{p.ca, p.root}, "-nest", "-h", "sha384", "-ts", m.stamps))
	}
	write("extended.msi", m.vendorSigned(t, integrity.MSI, "-add-msi-dse"))
	for f, place := range places(700) {
		legacy := vendorForgery()
		legacy.legacyStamp = true
		write("legacy."+string(f), sealed(t, f, legacy, place).bytes())
	}
}

// loose writes elements, and those in them, with lengths that are given by end marks.
func loose(t testing.TB, r *cms.Reader) (out []byte) {
	t.Helper()
	for r.More() {
		tag, whole, body := r.Next()
		if tag&tagConstructed == 0 {
			out = append(out, whole...)
		} else {
			out = cat(out, []byte{tag, indefinite}, loose(t, body), []byte{0, 0})
		}
	}
	return out
}
