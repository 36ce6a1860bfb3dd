package openpgp

import (
	"bytes"
	"context"
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
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// budget is how many files of a format the oracles are asked about: a few, or
// as many as PATCHPOLICY_ORACLE says.
func budget(t *testing.T, few int) int {
	if n, err := strconv.Atoi(os.Getenv("PATCHPOLICY_ORACLE")); err == nil {
		return n
	}
	return few
}

func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			missing(t, "there is no "+p+" here")
		}
	}
}

// mutate makes up to three small changes, as an attacker or a bad line would.
func mutate(r *rand.Rand, data []byte) []byte {
	out := bytes.Clone(data)
	for range 1 + r.IntN(3) {
		if len(out) == 0 {
			break
		}
		i := r.IntN(len(out))
		switch r.IntN(9) {
		case 0, 1, 2:
			out[i] ^= 1 << r.IntN(8)
		case 3:
			out = out[:i]
		case 4:
			out = append(out, out[i:]...)
		case 5:
			out = append(out[:i:i], append([]byte{"\n -=\r\t\x00A"[r.IntN(8)]}, out[i:]...)...)
		case 6:
			out = append(out[:i:i], out[min(len(out), i+1+r.IntN(8)):]...)
		case 7: // a line twice
			if line := bytes.SplitAfter(out, []byte("\n")); len(line) > 2 {
				j := r.IntN(len(line) - 1)
				out = bytes.Join(append(line[:j:j], append([][]byte{line[j]}, line[j:]...)...), nil)
			}
		case 8: // a line less
			if line := bytes.SplitAfter(out, []byte("\n")); len(line) > 2 {
				j := r.IntN(len(line) - 1)
				out = bytes.Join(append(line[:j:j], line[j+1:]...), nil)
			}
		}
	}
	return out
}

// checksum is the line that RFC 9580 no longer wants at the end of armor, and
// that gpgv 2.2 looks for: without it, it reports "no data" after the good
// signature.
var checksum = regexp.MustCompile("\n=[^\n]{4}\\s")

// gpgOracle is gpgv with a keyring, and gpg with the same one, which judges
// many files in one process.
type gpgOracle struct{ dir string }

// made is a file with its signature.
type made struct{ file, detached []byte }

func (g gpgOracle) run(t *testing.T, program string, args ...string) (out, said string) {
	t.Helper()
	args = append([]string{"--homedir", g.dir, "--keyring", filepath.Join(g.dir, "ring.gpg"), "--status-fd", "2", "--logger-fd", "2"}, args...)
	ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute)
	defer stop()
	var plain, status bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stdout, cmd.Stderr = &plain, &status
	_ = cmd.Run() // it fails for one unknown key beside a good one
	return plain.String(), status.String()
}

// write writes the file and its signature, if it has one, and returns the name
// that gpg wants for both, and the file's.
func (g gpgOracle) write(t *testing.T, name string, m made) (first, file string) {
	t.Helper()
	file = filepath.Join(g.dir, name)
	require.NoError(t, os.WriteFile(file, m.file, 0o600))
	if m.detached == nil {
		return file, file
	}
	require.NoError(t, os.WriteFile(file+".sig", m.detached, 0o600))
	return file + ".sig", file
}

// good reports whether gpgv finds a good signature and no bad one, and the text
// of a clear-signed message.
func (g gpgOracle) good(t *testing.T, m made) (good bool, plain, said string) {
	t.Helper()
	first, file := g.write(t, "file", m)
	if m.detached == nil {
		plain, said = g.run(t, "gpgv", "--output", "-", file)
	} else {
		plain, said = g.run(t, "gpgv", first, file)
	}
	return m.good(said), plain, said
}

// each is what gpg says of each file.
func (g gpgOracle) each(t *testing.T, list []made) []string {
	t.Helper()
	// Not --batch, with which it stops at the first bad signature.
	args := []string{"--no-default-keyring", "--trust-model", "always", "--no-tty", "--multifile", "--verify"}
	var names []string
	for i, m := range list {
		first, _ := g.write(t, fmt.Sprintf("%04d", i), m)
		names = append(names, first)
	}
	var out []string
	for len(out) < len(list) {
		_, said := g.run(t, "gpg", append(args[:len(args):len(args)], names[len(out):]...)...)
		for _, name := range names[len(out):] {
			_, rest, _ := strings.Cut(said, "] FILE_START 1 "+name+"\n")
			one, _, found := strings.Cut(rest, "] FILE_DONE")
			if !found { // it gave up here, and is asked again about those after
				_, _, one = g.good(t, list[len(out)])
			}
			if out = append(out, one); !found {
				break
			}
		}
	}
	return out
}

// good reports whether what a program says of the file is a good signature and no bad one.
func (m made) good(said string) bool {
	bad := strings.Contains(said, "] BADSIG") || strings.Contains(said, "] UNEXPECTED") || strings.Contains(said, "] ERROR") ||
		strings.Contains(said, "] NODATA") && checksum.Match(append(bytes.Clone(m.file), m.detached...))
	return strings.Contains(said, "] GOODSIG") && !bad
}

// difference is why an oracle and this package may differ, known by a part of
// what one of them says.
type difference struct{ part, why string }

// explain finds the difference that was met.
func explain(list []difference, said string) string {
	for _, d := range list {
		if strings.Contains(said, d.part) {
			return d.part
		}
	}
	return ""
}

// What gpgv calls bad is never valid here, for detached signatures and
// clear-signed texts of all kinds of keys, whole and mutated. The other way
// round there are differences, each of which has to be one of these:
func TestNeverValidWhereGPGVSaysBad(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: gpgv at work takes a while; run without -short")
	}
	reasons := []difference{
		{"text before", "gpgv passes over text before a signed block, which a reader takes for signed"},
		{"text after", "gpgv passes over text after it, likewise"},
		{"text outside", "gpgv passes over text around an armored signature"},
		{"not OpenPGP", "gpgv passes over text before an armored signature"},
		{"more than one", "gpgv judges each block by itself"},
		{"bad armor", "gpgv repairs armor: headers, long lines, padding"},
		{"no detached signature", "and passes over the beginning of another block"},
		{"cut off", "gpgv needs neither an END line nor the last packet's full length"},
		{"not escaped", "gpgv takes lines that begin with a dash as they are"},
		{"carriage return", "programs differ in what a carriage return within a line is"},
		{"does not hold", "of several signatures gpgv may pass over one that it cannot read"},
		{"beside a good signature", "or over one that it cannot judge"},
		{"another fingerprint", "or over one by a key that only its id is known of"},
		{"names several keys", "or over one whose key is unknown"},
		{"is not one of those", "or over one by a digest that it does not know"},
		{"beside the signature there is a packet", "gpgv passes over packets of types that it does not know"},
		{"broken", "gpgv passes over packets and bytes that are no signature, and headers it does not need"},
	}
	shorter := []difference{ // beside a good signature, of which gpgv does not get to hear
		{"Only the first will be checked", "of signatures of two types gpgv looks only at the first, whose key does not count here"},
		{"with unknown version", "gpgv gives up at a signature of a version that it does not know"},
		{"Invalid digest algorithm", "gpgv gives up at a signature by a digest that it does not know"},
	}
	needs(t, "gpgv", "gpg")
	now := time.Now().UTC().Truncate(time.Second)
	key := func(name string, change func(*packet.Config)) *openpgp.Entity {
		return makeKey(t, name, func(c *packet.Config) {
			c.Time = at(now.Add(-48 * time.Hour)).Time
			if change != nil {
				change(c)
			}
		})
	}
	signing := at(now.Add(-24 * time.Hour))
	expiring, revoked, stranger, below := key("expired", lifetime(36*time.Hour)), key("revoked", nil), key("stranger", nil), key("subkey", nil)
	addSubkey(t, below, now.Add(-47*time.Hour))
	keys := []*openpgp.Entity{key("ed25519", nil), key("rsa", rsaBits(2048)), key("p256", func(c *packet.Config) {
		c.Algorithm, c.Curve = packet.PubKeyAlgoECDSA, packet.CurveNistP256
	}), below, expiring, revoked, stranger}
	texts := []string{"", "a", "a\n", "Suite: x\n- dash\nFrom here\n\nend", "tab\t \n\n\n", "-----BEGIN\n--\n"}
	for range 3 {
		texts = append(texts, strings.Repeat("line of text\n", 200))
	}
	r := rand.New(rand.NewPCG(5, 1))
	originals := map[string][]made{}
	for i := range 90 {
		signers := []*openpgp.Entity{keys[r.IntN(len(keys))]}
		if r.IntN(3) == 0 {
			signers = append(signers, keys[r.IntN(len(keys))])
		}
		content := []byte(texts[i/3%len(texts)])
		var sig []byte
		for _, s := range signers {
			var one bytes.Buffer
			if i%2 == 1 {
				require.NoError(t, openpgp.DetachSign(&one, s, bytes.NewReader(content), signing))
			} else {
				require.NoError(t, openpgp.DetachSignText(&one, s, bytes.NewReader(content), signing))
			}
			sig = append(sig, one.Bytes()...)
		}
		switch i % 3 {
		case 0:
			originals["cleartext"] = append(originals["cleartext"], made{file: clearSignAt(t, string(content), signing, signers...)})
		case 1:
			originals["detached"] = append(originals["detached"], made{content, sig})
		case 2:
			originals["armored"] = append(originals["armored"], made{content, armored(t, armorSignature, sig)})
		}
	}
	require.NoError(t, revoked.RevokeKey(packet.KeyCompromised, "", at(now.Add(-time.Hour))))
	ring := ringOf(t, keys[:len(keys)-1]...)
	oracle := gpgOracle{t.TempDir()}
	require.NoError(t, os.WriteFile(filepath.Join(oracle.dir, "ring.gpg"), ring, 0o600))
	v := verifier(t, signer("Vendor", integrity.OpenPGPTrust{Keyring: string(ring)})).At(now)

	asked := map[string]bool{} // gpgv, which agreed
	check := func(t *testing.T, m made, said string) string {
		answer := v.Verify(bytes.NewReader(m.file), int64(len(m.file)), m.detached)
		key := fmt.Sprintf("%q %q", m.file, m.detached)
		switch {
		case answer.Status == integrity.Valid && asked[key]:
			return "both"
		case answer.Status == integrity.Valid:
			good, plain, said := oracle.good(t, m)
			if why := explain(shorter, said); why != "" && !strings.Contains(said, "BADSIG") {
				return "only here: " + why
			}
			require.True(t, good, "valid here, but gpgv says\n%s\nof %s", said, key)
			if m.detached == nil {
				ours, _ := v.Clearsigned(m.file)
				require.Equal(t, strings.TrimSuffix(canonical(plain), "\n"), canonical(string(ours)), "the text of %s", key)
			}
			asked[key] = true
			return "both"
		case m.good(said):
			why := explain(reasons, answer.Detail)
			if why == "" {
				t.Errorf("a difference without a reason: %+v, but gpg says\n%s\nof %s", answer, said, key)
			}
			return "only gpg: " + why
		default:
			return "neither"
		}
	}
	for _, format := range []string{"cleartext", "detached", "armored"} {
		t.Run(format, func(t *testing.T) {
			originals, counts, n := originals[format], map[string]int{}, len(originals[format])+budget(t, 100)
			var list []made
			for i := range n {
				m, other := originals[i%len(originals)], originals[r.IntN(len(originals))]
				switch {
				case i < len(originals):
				case format == "cleartext":
					m.file = mutate(r, m.file)
				case r.IntN(10) == 0:
					m.detached = slices.Concat(m.detached[:r.IntN(2)*len(m.detached)], other.detached)
				case r.IntN(3) > 0:
					m.detached = append([]byte{}, mutate(r, m.detached)...)
				default:
					m.file = mutate(r, m.file)
				}
				if list = append(list, m); len(list) < 500 && i+1 < n {
					continue
				}
				for i, said := range oracle.each(t, list) {
					counts[check(t, list[i], said)]++
				}
				list = nil
			}
			t.Logf("%d files: %v", n, counts)
			require.NotZero(t, counts["both"])
			require.NotZero(t, counts["neither"])
		})
	}
}

// canonical is a text as both programs may print it: gpgv prints the line ends
// it finds, and one more at the end.
func canonical(text string) string {
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \t\r")
	}
	return strings.Join(lines, "\n")
}
