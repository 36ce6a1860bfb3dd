package openpgp

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// What rpmkeys does not call good is never valid here, for packages whole and mutated.
func TestNeverValidWhereRPMSaysBad(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: rpmkeys at work takes a while; run without -short")
	}
	reasons := []difference{ // the one case where it is valid here all the same, by what rpmkeys says
		{"MD5 digest: BAD", "MD5 is not signed and proves nothing, and to compute it takes longer than all the rest"},
	}
	stricter := []difference{
		{"not what the package says", "rpm does not look at the size, which a cut-off or extended package does not have"},
		{"is listed twice", "rpm takes one of two values of a tag, and other programs may take the other"},
		{"has to hold as well", "rpm passes over a signature whose digest it does not know"},
		{"is not binary", "rpm passes over a signature of another type"},
		{"does not have the SHA", "and over a digest"},
		{"format 3", "rpm still judges packages of format 3"},
		{"is broken", "rpm passes over entries of the signature header that it does not need"},
	}
	needs(t, "rpmkeys")
	dir := t.TempDir()
	ring := testFile(t, "ring.asc")
	own := armored(t, armorKeys, ringOf(t, rsaKey()))
	rpmkeys := rpmkeysWith(t, ring, own)
	both, err := Join(ring, own)
	require.NoError(t, err)
	v := verifier(t, signer("Vendor", integrity.OpenPGPTrust{Keyring: string(both)}))
	r := rand.New(rand.NewPCG(5, 2))
	var originals [][]byte
	for _, name := range []string{"rsa.rpm", "legacy.rpm", "ed.rpm", "unsigned.rpm"} {
		originals = append(originals, testFile(t, name))
	}
	for _, shape := range rpmShapes(t, rsaKey(), makeKey(t, "stranger", nil)) {
		if shape.status != integrity.Valid || shape.differ == "" {
			originals = append(originals, shape.rpm)
		}
	}
	counts, n := map[string]int{}, len(originals)+budget(t, 400)
	for done := 0; done < n; {
		var files [][]byte
		var paths []string
		for range min(200, n-done) {
			file := originals[done%len(originals)]
			if done >= len(originals) {
				file = mutateRPM(r, file, originals[r.IntN(len(originals))])
			}
			files = append(files, file)
			path := filepath.Join(dir, fmt.Sprintf("%04d.rpm", len(files)))
			require.NoError(t, os.WriteFile(path, file, 0o600))
			paths = append(paths, path)
			done++
		}
		said := rpmkeys(append([]string{"-K"}, paths...)...)
		for i, file := range files {
			good := rpmTakes(said, paths[i])
			answer := v.Verify(bytes.NewReader(file), int64(len(file)), nil)
			switch {
			case answer.Status == integrity.Valid && good:
				counts["both"]++
			case answer.Status == integrity.Valid:
				said := rpmkeys("-Kv", paths[i])
				why := explain(reasons, said)
				for line := range strings.Lines(said) {
					if (strings.Contains(line, "BAD") || strings.Contains(line, "NOKEY") || strings.Contains(line, "error:")) && explain(reasons, line) == "" {
						why = "" // there is more than that
					}
				}
				if why == "" {
					t.Errorf("valid here, but rpmkeys says %s of %x", said, file)
				}
				counts["only here: "+why]++
			case good:
				why := explain(stricter, answer.Detail)
				if why == "" {
					t.Errorf("a difference without a reason: %+v, but rpmkeys takes %x", answer, file)
				}
				counts["only rpm: "+why]++
			default:
				counts["neither"]++
			}
		}
	}
	t.Logf("%d files: %v", n, counts)
	require.NotZero(t, counts["both"])
	require.NotZero(t, counts["neither"])
}

// mutateRPM changes a package, most often where nothing is signed, or puts it
// together with another one.
func mutateRPM(r *rand.Rand, file, other []byte) []byte {
	out := bytes.Clone(file)
	for range 1 + r.IntN(4)/2 {
		end := len(out)
		if r.IntN(4) > 0 {
			end = min(end, 1200) // lead and signatures
		}
		if end == 0 {
			break
		}
		i := r.IntN(end)
		switch r.IntN(12) {
		case 0:
			out = out[:i]
		case 1:
			out = append(out, byte(r.IntN(256)))
		case 2:
			out[i] = byte(r.IntN(256))
		case 3: // the signatures of one, and the rest of another
			if a, b := bytes.LastIndex(out, []byte(headerMagic)), bytes.LastIndex(other, []byte(headerMagic)); a > 0 && b > 0 {
				out = append(out[:a:a], other[b:]...)
			}
		case 4, 5, 6: // a number of an entry, or of a header, is that of another
			if starts := headerStarts(out); len(starts) > 0 {
				at := starts[r.IntN(len(starts))] + 8
				i, j := at+4*r.IntN(40), at+4*r.IntN(40)
				if max(i, j)+4 <= len(out) {
					copy(out[i:i+4], bytes.Clone(out[j:j+4]))
					out[i+3] += byte(r.IntN(3) - 1)
				}
			}
		default:
			out[i] ^= 1 << r.IntN(8)
		}
	}
	return out
}

// headerStarts finds the headers of a package.
func headerStarts(rpm []byte) (list []int) {
	for i := 0; ; {
		at := bytes.Index(rpm[i:], []byte(headerMagic))
		if at < 0 {
			return list
		}
		list = append(list, i+at)
		i += at + 1
	}
}
