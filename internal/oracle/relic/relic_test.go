package relic

import (
	"bufio"
	"bytes"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sassoftware/relic/v8/lib/authenticode"
	"github.com/sassoftware/relic/v8/lib/pkcs9"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	ours "github.com/patchpolicy/patchpolicy/integrity/authenticode"
)

// To try more: go -C internal/oracle/relic test ./... -mutants 20000
var (
	mutants = flag.Int("mutants", 2000, "how many changed files to ask relic about")
	seed    = flag.Uint64("seed", 1, "for the changes")
)

// folder has files signed by osslsigncode, and the roots of who signed them.
const folder = "../../../integrity/authenticode/testdata/seeds"

// childVariable makes the test's program a child that answers about files.
const childVariable = "PATCHPOLICY_RELIC_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		limitMemory()
		answer(os.Stdin, os.Stdout)
		return
	}
	flag.Parse()
	os.Exit(m.Run())
}

// answer reads files, each behind its length, with a letter for its format, and
// writes a line about each.
func answer(in io.Reader, out io.Writer) {
	roots := x509.NewCertPool()
	for _, name := range []string{"root.pem", "stamp-root.pem"} {
		b, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil || !roots.AppendCertsFromPEM(b) {
			fmt.Fprintln(out, "no roots", err)
			return
		}
	}
	for {
		var header [5]byte
		if _, err := io.ReadFull(in, header[:]); err != nil {
			return
		}
		b := make([]byte, binary.BigEndian.Uint32(header[1:]))
		if _, err := io.ReadFull(in, b); err != nil {
			return
		}
		if err := verify(header[0], b, roots); err != nil {
			fmt.Fprintln(out, "bad:", strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			fmt.Fprintln(out, "ok")
		}
	}
}

// verify asks relic.
func verify(format byte, b []byte, roots *x509.CertPool) error {
	var all []pkcs9.TimestampedSignature
	switch format {
	case 'p':
		signatures, err := authenticode.VerifyPE(bytes.NewReader(b), false)
		if err != nil {
			return err
		}
		for _, s := range signatures {
			all = append(all, s.TimestampedSignature)
		}
	case 'm':
		s, err := authenticode.VerifyMSI(bytes.NewReader(b), false)
		if err != nil {
			return err
		}
		all = append(all, s.TimestampedSignature)
	default:
		s, err := authenticode.VerifyCab(bytes.NewReader(b), false)
		if err != nil {
			return err
		}
		all = append(all, s.TimestampedSignature)
	}
	for _, s := range all {
		if err := s.VerifyChain(roots, nil, x509.ExtKeyUsageCodeSigning); err != nil {
			return err
		}
	}
	return nil
}

// child is the process that asks relic.
type child struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func start(t *testing.T) *child {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"=1", "GOMEMLIMIT=512MiB")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return &child{cmd, in, bufio.NewReader(out)}
}

func (c *child) stop() {
	_ = c.in.Close()
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// errNoAnswer says that relic ended, or took too long.
var errNoAnswer = errors.New("no answer")

func (c *child) ask(format byte, b []byte) (said string, err error) {
	timer := time.AfterFunc(20*time.Second, func() { _ = c.cmd.Process.Kill() })
	defer timer.Stop()
	header := binary.BigEndian.AppendUint32([]byte{format}, uint32(len(b)))
	if _, err := c.in.Write(append(header, b...)); err != nil {
		return "", errNoAnswer
	}
	line, err := c.out.ReadString('\n')
	if err != nil {
		return "", errNoAnswer
	}
	return strings.TrimSpace(line), nil
}

// stricter are the reasons why Patchpolicy refuses what relic 8.2.0 takes.
var stricter = []struct{ detail, why string }{
	{"after the package's last sector", "bytes that no signature covers are refused"},
	{"after the last sector that the package uses", "the same"},
	{"after the certificate table", "the same"},
	{"after the signature", "the same"},
	{"bytes after it", "the same, behind the signature in its own place"},
	{"padding in the certificate table", "the same"},
	{"is not aligned", "the certificate table begins where the format says"},
	{"an entry of the certificate table", "the certificate table holds nothing but signatures"},
	{"no signature covers is not zero", "fields that are not digested have one right value"},
	{"compound file", "the container must be right in whole, not only where streams are read"},
	{"a chain", "the same"},
	{"the stream ", "the same"},
	{"MsiDigitalSignatureEx", "the same"},
	{"the package ends", "the same"},
	{"ends too early", "the same"},
	{"by organization", "the policy wants the vendor's name"},
	{"in a file of", "what the header says of the signature must be right"},
	{"reserves", "the same"},
	{"later part of a set", "parts of a set are not judged"},
	{"not well-formed DER", "signatures are in strict DER, or in BER throughout"},
	{"attribute", "each attribute that counts is there once, with one value"},
	{"its timestamp: ", "a timestamp is held to the same rules"},
	{"no trusted timestamp", "without a trusted time the certificate is not judged by today"},
	{"was changed: ", "a certificate that its issuer did not sign makes the file bad, needed or not"},
	{"does not name its signer's digest", "the outer list of digests names the one that is used"},
	{"it is not PKCS #7 SignedData", "the outer type must be right, which relic does not look at"},
	{"it is over a file of format", "a signature says what kind of file it is over"},
}

func TestNeverValidWhereRelicSaysBad(t *testing.T) {
	pinned := func(name string) []string {
		b, err := os.ReadFile(filepath.Join(folder, name))
		require.NoError(t, err)
		return []string{string(b)}
	}
	v, err := ours.New(integrity.Signer{Name: "Vendor", Authenticode: []integrity.AuthenticodeTrust{{
		Organization: "Vendor Inc.", Anchors: pinned("root.pem"), Timestampers: pinned("stamp-root.pem"),
	}}})
	require.NoError(t, err)
	// Relic looks at the first signature alone, so the nested seeds are left out.
	var names []string
	for _, pattern := range []string{"stamped.*", "extended.*"} {
		found, err := filepath.Glob(filepath.Join(folder, pattern))
		require.NoError(t, err)
		names = append(names, found...)
	}
	slices.Sort(names)
	require.Len(t, names, 4)
	random := rand.New(rand.NewPCG(*seed, 9))
	oracle := start(t)
	defer func() { oracle.stop() }()
	counts, reasons := map[string]int{}, map[string]int{}
	judge := func(name, how string, b []byte) (agreed string) {
		got := v.Verify(bytes.NewReader(b), int64(len(b)), nil)
		said, err := oracle.ask(filepath.Ext(name)[1], b)
		switch {
		case err != nil:
			oracle.stop()
			oracle = start(t)
			counts["no answer by relic"]++
			require.NotEqual(t, integrity.Valid, got.Status, "%s, %s", name, how)
		case got.Status == integrity.Valid && said != "ok":
			t.Errorf("%s, %s: Patchpolicy says %+v, and relic %s", name, how, got, said)
		case got.Status == integrity.Valid:
			counts["both valid"]++
			return "valid"
		case said != "ok":
			counts["both bad"]++
		case got.Status == integrity.Absent:
			counts["relic finds a signature where there is none"]++ // a cabinet's reserved bytes that do not begin as a signed one's
		default:
			i := slices.IndexFunc(stricter, func(s struct{ detail, why string }) bool { return strings.Contains(got.Detail, s.detail) })
			if i < 0 {
				t.Errorf("%s, %s: a difference without a reason: Patchpolicy says %+v, and relic ok", name, how, got)
				return ""
			}
			counts["only relic"]++
			reasons[stricter[i].detail+": "+stricter[i].why]++
		}
		return ""
	}
	files := map[string][]byte{}
	for _, name := range names {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		files[name] = b
		require.Equal(t, "valid", judge(name, "as it is", b), name)
	}
	for range *mutants {
		name := names[random.IntN(len(names))]
		b, how := mutant(random, files[name])
		judge(name, how, b)
	}
	t.Logf("-mutants %d -seed %d: %v", *mutants, *seed, counts)
	for why, n := range reasons {
		t.Logf("%d times only relic takes it: %s", n, why)
	}
}

// mutant changes a file somewhere, often in its headers.
func mutant(r *rand.Rand, b []byte) (changed []byte, how string) {
	b = bytes.Clone(b)
	at := r.IntN(len(b))
	if r.IntN(3) == 0 {
		at = r.IntN(min(1024, len(b)))
	}
	switch r.IntN(5) {
	case 0:
		b[at] ^= 1 << r.IntN(8)
		return b, fmt.Sprintf("a bit of byte %d", at)
	case 1:
		b[at] = []byte{0, 1, 0x7f, 0x80, 0xff}[r.IntN(5)]
		return b, fmt.Sprintf("byte %d", at)
	case 2:
		n := 1 + r.IntN(32)
		return append(b, bytes.Repeat([]byte{byte(r.IntN(2))}, n)...), fmt.Sprintf("%d bytes added", n)
	case 3:
		return b[:at], fmt.Sprintf("cut to %d bytes", at)
	default:
		n := min(1+r.IntN(8), len(b)-at)
		return slices.Delete(b, at, at+n), fmt.Sprintf("%d bytes taken out at %d", n, at)
	}
}
