package sigstoreverify

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"math/big"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
)

// oracleEnv is how many signatures, certificates and timestamps are judged
// each. OpenSSL is asked about all that are valid here, and of the others about
// maxOthers.
const oracleEnv = "PATCHPOLICY_ORACLE"

const maxOthers = 1000

func budget(t *testing.T) int {
	text := os.Getenv(oracleEnv)
	if text == "" {
		return 40
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

// openSSL is the program, and a folder to show it files in.
type openSSL struct {
	*testing.T
	dir string
}

func newOpenSSL(t *testing.T) openSSL {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: openssl at work takes a while; run without -short")
	}
	if _, err := exec.LookPath("openssl"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("CI has to have openssl")
		}
		t.Skip("SKIPPED: there is no openssl to compare with")
	}
	return openSSL{t, t.TempDir()}
}

func (o openSSL) file(name string, content []byte) string {
	path := filepath.Join(o.dir, name)
	require.NoError(o, os.WriteFile(path, content, 0o600))
	return path
}

// says runs the program: it ends well where what it was asked to verify holds.
func (o openSSL) says(args ...string) (bool, string) {
	cmd := exec.Command("openssl", args...)
	cmd.Dir = o.dir
	out, err := cmd.CombinedOutput()
	return err == nil, string(out)
}

// holds says whether any way in which the key may have signed makes sig a
// signature over the content.
func (o openSSL) holds(public crypto.PublicKey, content, sig []byte) bool {
	key, file := o.file("key.pem", pemOf(o.T, public)), o.file("content", content)
	signature := o.file("sig", sig)
	if k, ok := public.(*ecdsa.PublicKey); ok { // it knows ASN.1 only
		if n := (k.Params().BitSize + 7) / 8; len(sig) == 2*n && !isPair(sig, maxPair) {
			pair := struct{ R, S *big.Int }{new(big.Int).SetBytes(sig[:n]), new(big.Int).SetBytes(sig[n:])}
			der, err := asn1.Marshal(pair)
			require.NoError(o, err)
			signature = o.file("sig", der)
		}
	}
	// Not by "openssl dgst -verify": it reads no more of a signature file than
	// the key's signatures have bytes.
	args := []string{"pkeyutl", "-verify", "-pubin", "-inkey", key, "-sigfile", signature, "-in"}
	if _, ok := public.(ed25519.PublicKey); ok {
		good, _ := o.says(append(args, file, "-rawin")...)
		return good
	}
	for _, hash := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		name := strings.ToLower(strings.ReplaceAll(hash.String(), "-", ""))
		these := append(args, o.file("digest", sum(hash, content)), "-pkeyopt", "digest:"+name)
		if good, _ := o.says(these...); good {
			return true
		}
		if _, ok := public.(*rsa.PublicKey); ok {
			if good, _ := o.says(append(these, "-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", "rsa_pss_saltlen:auto")...); good {
				return true
			}
		}
	}
	return false
}

// mutate changes b a little, or much.
func mutate(r *rand.Rand, b []byte) []byte {
	b = bytes.Clone(b)
	switch n := r.IntN(8); {
	case len(b) == 0 || n == 0:
		return append(b, byte(r.Uint32()))
	case n == 1:
		return b[:r.IntN(len(b))]
	case n == 2:
		return append([]byte{0}, b...)
	case n == 3:
		i := r.IntN(len(b))
		return append(b[:i], b[min(len(b), i+1+r.IntN(8)):]...)
	default:
		for range 1 + r.IntN(2) {
			b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		}
		return b
	}
}

// pairs are forms of an ECDSA signature that a lenient reader could take.
func pairs(r *rand.Rand, curve elliptic.Curve, sig []byte) []byte {
	var pair struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(sig, &pair); err != nil {
		return sig
	}
	order := curve.Params().N
	switch r.IntN(6) {
	case 0:
		pair.S = new(big.Int).Sub(order, pair.S) // the other half: good as well
	case 1:
		pair.S = new(big.Int).Add(order, pair.S)
	case 2:
		pair.R = new(big.Int).Neg(pair.R)
	case 3:
		pair.R, pair.S = new(big.Int), new(big.Int)
	case 4: // a length in more bytes than it needs
		return append([]byte{0x30, 0x81, sig[1]}, sig[2:]...)
	case 5:
		return append(bytes.Clone(sig), 0, 0)
	}
	der, err := asn1.Marshal(pair)
	if err != nil {
		return sig
	}
	return der
}

// Plain signatures: valid here is valid to OpenSSL, and what is not valid is
// not to it, either. It takes no Ed25519ph, and no ECDSA signature as two
// numbers end to end, so the first is left out and the second shown to it as
// ASN.1.
func TestPlainSignaturesAsOpenSSL_INT1(t *testing.T) {
	o := newOpenSSL(t)
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	all := ways(t, patch[:1000])
	agreed := map[integrity.Status]int{}
	for range budget(t) {
		s := all[r.IntN(len(all))]
		if s.way == "Ed25519ph" {
			continue
		}
		content, sig, public := patch[:1000], s.sig, s.key.Public()
		switch r.IntN(5) {
		case 0:
		case 1:
			content = mutate(r, content)
		case 2:
			public = all[r.IntN(len(all))].key.Public()
		case 3:
			if k, ok := public.(*ecdsa.PublicKey); ok {
				sig = pairs(r, k.Curve, sig)
				break
			}
			fallthrough
		default:
			sig = mutate(r, sig)
		}
		got := verify(verifier(t, keyed("Vendor", pemOf(t, public))), content, sig)
		agreed[got.Status]++
		if got.Status != integrity.Valid && r.IntN(max(1, budget(t)/maxOthers)) > 0 {
			continue
		}
		if holds := o.holds(public, content, sig); holds != (got.Status == integrity.Valid) {
			t.Fatalf("%s: %s here (%s), holds to OpenSSL: %v\ncontent %x\nsignature %x\n%s", s.way, got.Status, got.Detail, holds, content, sig, pemOf(t, public))
		}
	}
	t.Logf("judged: %v", agreed)
}

// Certificates: a chain that is good here is good to OpenSSL. The other way
// round it is stricter here: code signing must be among the uses, keys must be
// strong, one certificate a subject; OpenSSL is asked for any use.
func TestChainsAsOpenSSL_INT1(t *testing.T) {
	o := newOpenSSL(t)
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 2))
	t.Logf("seed %d", seed)
	s, other := newStage(t), newStage(t)
	stricter := map[string]int{}
	valid, refused := 0, 0
	for range budget(t) {
		leaf, middle, root, at := s.signer.Raw, s.middle.Raw, s.root.Raw, signedOn
		switch r.IntN(6) {
		case 0:
			leaf = mutate(r, leaf)
		case 1:
			middle = mutate(r, middle)
		case 2:
			at = signedOn.Add(time.Duration(r.IntN(5)-2) * 59 * time.Minute)
		case 3:
			root = other.root.Raw
		case 4:
			middle = other.middle.Raw
		}
		id := s.identity()
		id.Anchors, id.Timestampers, id.At = []string{pemOfDER(root)}, nil, at
		b := bundleOf(messageOf(patch, s.signer.sign(t, patch)), []*holder{s.signer, s.middle})
		b["verificationMaterial"] = object{"x509CertificateChain": object{"certificates": []object{{"rawBytes": b64(leaf)}, {"rawBytes": b64(middle)}}}}
		v, err := New(identified(id))
		require.NoError(t, err)
		got := verify(v, patch, text(t, b))
		if got.Status != integrity.Valid && r.IntN(max(1, budget(t)/maxOthers)) > 0 {
			refused++
			continue
		}
		args := []string{"verify", "-partial_chain", "-attime", fmt.Sprint(at.Unix()), "-CAfile", o.file("root.pem", asPEM(root)), "-untrusted", o.file("middle.pem", asPEM(middle)), o.file("leaf.pem", asPEM(leaf))}
		holds, out := o.says(args...)
		switch {
		case got.Status == integrity.Valid:
			valid++
			require.True(t, holds, "valid here, and to OpenSSL: %s\nleaf %x\nmiddle %x", out, leaf, middle)
		case holds:
			stricter[got.Detail]++
		}
	}
	t.Logf("%d valid to both, %d refused here and not asked about; refused here alone: %v", valid, refused, stricter)
}

func asPEM(der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}) }

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return b
}

// Timestamps: OpenSSL makes some that are taken here, and what is taken here
// after a change is taken by it.
func TestTimestampsAsOpenSSL_INT1(t *testing.T) {
	o := newOpenSSL(t)
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 3))
	t.Logf("seed %d", seed)
	s := newStage(t)
	// A clock that is good today, since OpenSSL tells today's time.
	now := time.Now()
	signer := s.clock.key.(*ecdsa.PrivateKey)
	authority := issue(t, nil, s.clockRoot.key, func(c *x509.Certificate) {
		c.Subject.CommonName, c.IsCA, c.KeyUsage, c.NotBefore, c.NotAfter = "Clocks", true, x509.KeyUsageCertSign, now.Add(-time.Hour), now.Add(time.Hour)
	})
	clock := issue(t, authority, signer, func(c *x509.Certificate) {
		c.Subject.CommonName, c.KeyUsage, c.NotBefore, c.NotAfter = "Clock", x509.KeyUsageDigitalSignature, now.Add(-time.Hour), now.Add(time.Hour)
		for _, e := range s.clock.Extensions {
			if e.Critical && e.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 37}) {
				c.ExtraExtensions = append(c.ExtraExtensions, e)
			}
		}
	})
	private, err := cryptoutils.MarshalPrivateKeyToPEM(signer)
	require.NoError(t, err)
	root := o.file("root.pem", []byte(clock.above.pem()))
	o.file("clock.pem", []byte(clock.pem()))
	o.file("clock.key", private)
	o.file("serial", []byte("01\n"))
	conf := o.file("ts.conf", []byte(strings.Join([]string{
		"[tsa]", "default_tsa=clock", "[clock]", "serial=serial", "crypto_device=builtin", "signer_cert=clock.pem", "signer_key=clock.key", "signer_digest=sha256",
		"default_policy=1.2.3", "digests=sha256,sha384,sha512", "accuracy=secs:1,millisecs:500,microsecs:100", "ordering=yes", "tsa_name=yes", "ess_cert_id_alg=sha256", "clock_precision_digits=3",
	}, "\n")))
	sig := s.signer.sign(t, patch)
	made := map[string][]byte{}
	for _, hash := range []string{"-sha256", "-sha384", "-sha512"} {
		for _, more := range [][]string{nil, {"-cert"}, {"-no_nonce"}} {
			for _, id := range []string{"sha1", "sha256", "sha512"} {
				require.NoError(t, os.WriteFile(conf, bytes.ReplaceAll(read(t, conf), []byte("ess_cert_id_alg=sha256"), []byte("ess_cert_id_alg="+id)), 0o600))
				args := append([]string{"ts", "-query", "-data", o.file("sig", sig), hash, "-out", "query"}, more...)
				ok, out := o.says(args...)
				require.True(t, ok, out)
				ok, out = o.says("ts", "-reply", "-config", conf, "-section", "clock", "-queryfile", "query", "-out", "reply")
				require.True(t, ok, out)
				made[fmt.Sprint(hash, more, id)] = read(t, filepath.Join(o.dir, "reply"))
				require.NoError(t, os.WriteFile(conf, bytes.ReplaceAll(read(t, conf), []byte("ess_cert_id_alg="+id), []byte("ess_cert_id_alg=sha256")), 0o600))
			}
		}
	}
	anchors := []*cms.Certificate{rules.Certificate(clock.Certificate), rules.Certificate(clock.above.Certificate)}
	pins := []cms.Fingerprint{anchors[0].Print, anchors[1].Print}
	times := func(reply, over []byte) ([]time.Time, error) { // that reply gives, if it holds
		file := cms.NewFile(rules, anchors)
		dated, _, err := file.Dated([]cms.Stamp{file.Answer(reply, over)}, pins)
		return cms.Times(dated, pins), err
	}
	var names []string
	for name, reply := range made {
		told, err := times(reply, sig)
		require.NoError(t, err, name)
		require.Len(t, told, 1, name)
		require.WithinDuration(t, now, told[0], time.Hour)
		names = append(names, name)
	}
	odd := bytes.Clone(made[fmt.Sprint("-sha256", []string{"-cert"}, "sha256")])
	odd[bytes.Index(odd, clock.Raw)] = 0x38 // the tag of a time, where a certificate is
	_, err = times(odd, sig)
	require.ErrorContains(t, err, "among its certificates")
	taken, unreadable := 0, 0
	for range budget(t) {
		reply, over := made[names[r.IntN(len(names))]], sig
		if r.IntN(8) == 0 {
			over = mutate(r, over)
		} else {
			reply = mutate(r, reply)
		}
		if told, err := times(reply, over); err != nil || len(told) == 0 {
			continue
		}
		taken++
		holds, out := o.says("ts", "-verify", "-data", o.file("sig", over), "-in", o.file("reply", reply), "-CAfile", root, "-untrusted", "clock.pem")
		if strings.Contains(out, "Field=cert, Type=PKCS7_SIGNED") { // certificates beside those that are needed may be unreadable here
			unreadable++
			continue
		}
		require.True(t, holds, "taken here, and to OpenSSL: %s\nreply %x", out, reply)
	}
	t.Logf("%d changed ones taken here, %d of them with a certificate that OpenSSL cannot read", taken, unreadable)
}
