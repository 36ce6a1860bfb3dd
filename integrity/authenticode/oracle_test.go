package authenticode

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// oracleEnv is how many changed files of each format are judged: a few, or as
// many as it says. A seed for the changes may follow behind a colon.
// Osslsigncode is asked about all that are valid here, and of the others about
// maxOthers a format.
const oracleEnv = "PATCHPOLICY_ORACLE"

const maxOthers = 500

func budget(t *testing.T) (mutants int, seed uint64) {
	n, s, _ := strings.Cut(cmp.Or(os.Getenv(oracleEnv), "20"), ":")
	mutants, err := strconv.Atoi(n)
	require.NoError(t, err)
	seed, err = strconv.ParseUint(cmp.Or(s, "1"), 10, 64)
	require.NoError(t, err)
	return mutants, seed
}

// osslsigncode reports whether osslsigncode verifies a file by the seeds'
// roots. It exits well where only a timestamp or a nested signature is wrong,
// but it says so.
func osslsigncode(t testing.TB, dir string, format integrity.Format, content []byte) (ok bool, said string) {
	t.Helper()
	file := filepath.Join(dir, fileNames[format])
	require.NoError(t, os.WriteFile(file, content, 0o600))
	roots, err := filepath.Abs(seedFolder)
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), "osslsigncode", "verify", "-in", file,
		"-CAfile", filepath.Join(roots, "root.pem"), "-TSA-CAfile", filepath.Join(roots, "stamp-root.pem"))
	out, err := cmd.CombinedOutput()
	return err == nil && !bytes.Contains(out, []byte("ignature verification: failed")), string(out)
}

// mutant changes a signed file somewhere: most changes are small, some move what follows.
func mutant(r *rand.Rand, b []byte) (changed []byte, how string) {
	b = bytes.Clone(b)
	at := r.IntN(len(b))
	switch r.IntN(8) {
	case 0:
		b[at] ^= 1 << r.IntN(8)
		return b, fmt.Sprintf("bit of byte %d", at)
	case 1:
		b[at] = byte(r.IntN(256))
		return b, fmt.Sprintf("byte %d", at)
	case 2:
		at = r.IntN(min(len(b), 1024)) &^ 1 // headers
		b[at] = byte(r.IntN(256))
		return b, fmt.Sprintf("byte %d of the headers", at)
	case 3:
		return b[:at], fmt.Sprintf("cut to %d bytes", at)
	case 4:
		n := r.IntN(100)
		return append(b, make([]byte, n)...), fmt.Sprintf("%d zeros added", n)
	case 5:
		n := 1 + r.IntN(16)
		return slices.Insert(b, at, make([]byte, n)...), fmt.Sprintf("%d zeros put in at %d", n, at)
	case 6:
		n := min(1+r.IntN(16), len(b)-at)
		return slices.Delete(b, at, at+n), fmt.Sprintf("%d bytes taken out at %d", n, at)
	default:
		from, n := r.IntN(len(b)), 1+r.IntN(64)
		copy(b[at:], b[from:min(from+n, len(b))])
		return b, fmt.Sprintf("%d bytes of %d put over %d", n, from, at)
	}
}

// stricter are the reasons why we refuse what osslsigncode 2.9 takes, each a decision of ours.
var stricter = []struct{ detail, why string }{
	{"after the package's last sector", "bytes that no signature covers are refused at the end of a package, too"},
	{"after the last sector that the package uses", "the same, in whole sectors"},
	{"belongs to nothing", "the same, in sectors that the table calls used"},
	{"digest of the package's metadata", "what the stream MsiDigitalSignatureEx holds is compared, too"},
	{"is tagged", "what follows a program's signature in its entry is anybody's"},
	{"bytes after it, in a place that no signature covers", "what follows the signature in its place may only align it"},
	{"a field of the cabinet's header that no signature covers", "the fields that are not digested have one right value"},
	{"certificate table", "the table is the end of the file and holds nothing but signatures"},
	{"not well-formed DER", "a signature is in DER but for lengths that are given by an end mark"},
	{"longer than the", "a chain of sectors has the length that the stream's size says"},
	{"has more sectors", "the same"},
	{"has more parts", "the same"},
	{"should have", "the same"},
	{"twice", "a sector and an entry belong to one stream"},
	{"table covers", "the table of sectors covers the whole file"},
	{"the compound file", "the structure must be right in whole, also where the signed streams can be reached without it"},
	{"the file is not a well-formed", "the same"},
	{"carries no trust", "SHA-1 and MD5 carry no trust (INT-7)"},
	{"no trusted timestamp", "without a trusted time the certificate is not judged by today"},
	{"its timestamp: ", "a timestamp that does not hold makes the file bad, not merely undated"},
	{"it is made by algorithm", "algorithms and kinds that nobody uses are not guessed at, in a nested signature either"},
	{"what is signed is of type", "the same"},
	{"is not known", "algorithms and kinds that nobody uses are not guessed at"},
	{"its signed digest is not that of its content", "each signature of the file must hold, weak and nested ones too"},
	{"did not make it", "the same"},
	{"the file was changed", "the same"},
	{"signer's certificate", "the same"},
	{"leads to no certificate that is pinned", "osslsigncode leaves a nested signature out that it cannot read"},
	{"was changed: ", "a certificate that its issuer did not sign makes the file bad, whichever signature it is for"},
}

// oneHolds reports whether osslsigncode verified one of a file's signatures, and its timestamp.
func oneHolds(said string) bool {
	return slices.ContainsFunc(strings.Split(said, "Signature Index:"), func(one string) bool {
		return strings.Contains(one, "\nTimestamp Server Signature verification: ok") && strings.Contains(one, "\nSignature verification: ok")
	})
}

// TestOracle_NeverValidWhereOsslsigncodeSaysBad wants a reason for every
// difference, one that is written here.
func TestOracle_NeverValidWhereOsslsigncodeSaysBad(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: osslsigncode at work takes a while; run without -short")
	}
	needTools(t, "osslsigncode")
	mutants, seed := budget(t)
	t.Logf("%s=%d:%d", oracleEnv, mutants, seed)
	v := newVerifier(t, seedSigner(t))
	random := rand.New(rand.NewPCG(seed, 5))
	dir := t.TempDir()
	type pair struct{ ours, theirs bool }
	counts, judged := map[pair]int{}, map[integrity.Status]int{}
	reasons, looser := map[string]int{}, map[string]int{}
	ask := func(name, how string, format integrity.Format, b []byte) {
		got := verify(v, b)
		judged[got.Status]++
		if got.Status != integrity.Valid && random.IntN(max(1, mutants/maxOthers)) > 0 {
			return
		}
		theirs, said := osslsigncode(t, dir, format, b)
		counts[pair{got.Status == integrity.Valid, theirs}]++
		if got.Status == integrity.Valid && !theirs {
			report, err := Inspect(bytes.NewReader(b), int64(len(b)))
			require.NoError(t, err)
			switch unread := slices.ContainsFunc(report.Odd, func(o string) bool { return strings.Contains(o, "certificates cannot be read") }); {
			case strings.HasPrefix(name, "nested") && oneHolds(said):
				looser["osslsigncode wants every signature of a file to be trusted; here one must be, and none broken"]++
				return
			case unread:
				looser["osslsigncode wants to read every certificate; here those that no chain needs may be anything"]++
				return
			}
			t.Errorf("%s, %s: we say %+v, and osslsigncode\n%s", name, how, got, said)
		}
		if got.Status != integrity.Valid && theirs {
			i := slices.IndexFunc(stricter, func(s struct{ detail, why string }) bool { return strings.Contains(got.Detail, s.detail) })
			if i < 0 {
				t.Errorf("%s, %s: a difference without a reason: we say %+v, and osslsigncode\n%s", name, how, got, said)
				return
			}
			reasons[regexp.MustCompile(`\d+`).ReplaceAllString(got.Detail, "N")]++
		}
	}
	for _, format := range formats() {
		all := seeds(t, format)
		delete(all, "unsigned."+string(format))
		var names []string
		for name, b := range all {
			names = append(names, name)
			ask(name, "as it is", format, b)
		}
		slices.Sort(names)
		for range mutants {
			name := names[random.IntN(len(names))]
			b, how := mutant(random, all[name])
			ask(name, how, format, b)
		}
	}
	t.Logf("judged %v", judged)
	t.Logf("both valid %d, both bad %d, only osslsigncode %d, only we %d", counts[pair{true, true}], counts[pair{false, false}],
		counts[pair{false, true}], counts[pair{true, false}])
	for why, n := range looser {
		t.Logf("%d times we take what osslsigncode refuses: %s", n, why)
	}
	for why, n := range reasons {
		t.Logf("%d times we refuse what osslsigncode takes: %s", n, why)
	}
	require.GreaterOrEqual(t, counts[pair{true, true}], 7)
}
