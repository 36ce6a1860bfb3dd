//go:build unix

package sigstoreverify

import (
	"bytes"
	"crypto/elliptic"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// What any signature file may cost (INT-9: unsupported in time is an answer,
// never coming back is none).
const (
	maxTime   = time.Second
	maxMemory = 64 << 20 // bytes held at once
)

// bombs are made by hand to be slow: many things, large things, nested things,
// things that point at each other.
func bombs(t testing.TB) map[string][]byte {
	room := MaxDocument - 4096
	if testing.Short() {
		room /= 16
	}
	list := func(one string, size int) string {
		return strings.TrimSuffix(strings.Repeat(one+",", size/(len(one)+1)), ",")
	}
	mediaType := `"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"`
	statement := func(subjects string) []byte {
		payload := `{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://slsa.dev/provenance/v1","subject":[` + subjects + `]}`
		return text(t, envelopeOf(t, statementType, []byte(payload), keys().ed))
	}
	var names strings.Builder
	for i := 0; names.Len() < room; i++ {
		fmt.Fprintf(&names, `"%x":0,`, i)
	}
	all := strings.Repeat(list(`{"digest":{"sha256":"00","sha384":"00","sha512":"00"}}`, 50<<10)+",", 1)
	out := map[string][]byte{
		"nested lists":                 []byte(`{"a":` + strings.Repeat("[", room/2) + strings.Repeat("]", room/2) + "}"),
		"lists nested as deep as goes": []byte(`{"a":` + strings.Repeat("[", 9998) + strings.Repeat("]", 9998) + "}"),
		"nested objects":               []byte(strings.Repeat(`{"a":`, 9999) + "1" + strings.Repeat("}", 9999)),
		"many numbers":                 []byte(`{"a":[` + list("1", room) + "]}"),
		"many objects":                 []byte(`{"a":[` + list(`{"a":1}`, room) + "]}"),
		"many names":                   []byte("{" + names.String() + `"x":0}`),
		"one long name":                []byte(`{"` + strings.Repeat("a", room) + `":1}`),
		"escaped name":                 []byte(`{"` + strings.Repeat(`\u00e4`, room/6) + `":1}`),
		"many signatures":              []byte(`{"payload":"YQ==","payloadType":"x","signatures":[` + list(`{"sig":"YQ=="}`, room) + "]}"),
		"many empty signatures":        []byte(`{"payload":"YQ==","payloadType":"x","signatures":[` + list(`{}`, room) + "]}"),
		"many certificates":            []byte(`{` + mediaType + `,"verificationMaterial":{"x509CertificateChain":{"certificates":[` + list(`{"rawBytes":"YQ=="}`, room) + `]}},"messageSignature":{}}`),
		"many empty certificates":      []byte(`{` + mediaType + `,"verificationMaterial":{"x509CertificateChain":{"certificates":[` + list(`{}`, room) + `]}},"messageSignature":{}}`),
		"many timestamps":              []byte(`{` + mediaType + `,"verificationMaterial":{"publicKey":{},"timestampVerificationData":{"rfc3161Timestamps":[` + list(`{}`, room) + `]}},"messageSignature":{"signature":"YQ=="}}`),
		"many log entries":             []byte(`{` + mediaType + `,"verificationMaterial":{"publicKey":{},"tlogEntries":[` + list(`{}`, room) + `]},"messageSignature":{"signature":"YQ=="}}`),
		"many subjects":                statement(list("{}", room*3/4-200)),
		"many digests of many":         statement(strings.TrimSuffix(all, ",")),
		"one subject, many digests":    statement(`{"digest":{` + strings.TrimSuffix(strings.ReplaceAll(names.String()[:room/2], ":0,", `:"",`), ",") + `x":""}}`),
		"huge type":                    []byte(`{"payload":"YQ==","payloadType":"` + strings.Repeat("x", room) + `","signatures":[{"sig":"YQ=="}]}`),
		"spaces":                       append(bytes.Repeat([]byte(" "), room), '{'),
		"zeros":                        make([]byte, MaxDocument),
		"base64":                       bytes.Repeat([]byte("QUJD"), MaxDocument/4),
		"lines":                        bytes.Repeat([]byte("\n"), MaxDocument-1),
		"OpenPGP packets":              bytes.Repeat(append([]byte{0xC2, 10, 4, 0, 1, 8}, make([]byte, 6)...), MaxSignature/12),
		"sequences":                    nested(0x30, MaxSignature),
	}
	for name, b := range out {
		require.LessOrEqual(t, len(b), MaxDocument, name)
	}
	return out
}

// nested is DER, one element in the other.
func nested(tag byte, size int) []byte {
	b := []byte{tag, 0}
	for len(b) < size-5 {
		b = append([]byte{tag, 0x84, byte(len(b) >> 24), byte(len(b) >> 16), byte(len(b) >> 8), byte(len(b))}, b...)
	}
	return b
}

// costly wants an answer in time and memory. It counts the processor's time:
// other programs share the machine.
func costly(t *testing.T, v *Verifier, content, file []byte) (got integrity.Signature) {
	t.Helper()
	start := processorTime(t)
	got = verify(v, content, file)
	took := processorTime(t) - start
	require.Less(t, took, maxTime)
	memory := held(func() { verify(v, content, file) })
	require.LessOrEqual(t, memory, uint64(maxMemory), "bytes held")
	start = processorTime(t)
	_, _ = Inspect(bytes.NewReader(content), int64(len(content)), file)
	inspecting := processorTime(t) - start
	require.Less(t, inspecting, maxTime)
	t.Logf("%v, %d KiB; to inspect: %v", took, memory>>10, inspecting)
	return got
}

func processorTime(t *testing.T) time.Duration {
	var u syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// held returns about how many bytes f holds at once: the most that a look every
// while saw, with garbage swept early.
func held(f func()) uint64 {
	defer debug.SetGCPercent(debug.SetGCPercent(25))
	heap := func() uint64 {
		s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(s)
		return s[0].Value.Uint64()
	}
	runtime.GC()
	base, most := heap(), uint64(0)
	done, seen := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(seen)
		for {
			most = max(most, heap())
			select {
			case <-done:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	f()
	close(done)
	<-seen
	return max(most, base) - base
}

func TestBombs_INT9(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: hostile files take a while; run without -short")
	}
	s := newStage(t)
	v := verifier(t, key(t, "Vendor", keys().ed), identified(s.identity()))
	for name, file := range bombs(t) {
		t.Run(name, func(t *testing.T) { require.NotEqual(t, integrity.Valid, costly(t, v, patch, file).Status) })
	}
}

// As many keys, identities and signatures as go, each of which must be tried.
func TestEverythingAtItsLimit_INT9(t *testing.T) {
	full := func(payload []byte, size int) []byte {
		var signatures []object
		for i := range MaxSignatures {
			signatures = append(signatures, object{"sig": b64(bytes.Repeat([]byte{byte(i + 1)}, size))})
		}
		return text(t, object{"payloadType": statementType, "payload": b64(payload), "signatures": signatures})
	}
	large := statementOf(patch)
	large["predicate"] = strings.Repeat("x", MaxDocument*3/4-16<<10)
	t.Run("Ed25519", func(t *testing.T) {
		var all [][]byte
		for i := range MaxKeys {
			all = append(all, pemOf(t, ed25519Key("many "+strconv.Itoa(i)).Public()))
		}
		require.Equal(t, integrity.Bad, costly(t, verifier(t, keyed("Vendor", all...)), patch, full(text(t, large), 64)).Status)
	})
	slow := func(t *testing.T) {
		if testing.Short() {
			t.Skip("SKIPPED ALOUD: the slower keys take a while; run without -short")
		}
	}
	t.Run("P-521", func(t *testing.T) {
		slow(t)
		var all [][]byte
		for i := range MaxKeys {
			all = append(all, pemOf(t, ecdsaKey(elliptic.P521(), "many "+strconv.Itoa(i)).Public()))
		}
		file := full(text(t, statementOf(patch)), 132)
		require.Equal(t, integrity.Bad, costly(t, verifier(t, keyed("Vendor", all...)), patch, file).Status)
	})
	t.Run("RSA", func(t *testing.T) {
		slow(t)
		var all [][]byte
		for i := range MaxKeys {
			k := rsaOf(MaxRSA)
			k.N.Add(k.N, big.NewInt(int64(2*i)))
			all = append(all, pemOf(t, k))
		}
		require.Equal(t, integrity.Bad, costly(t, verifier(t, keyed("Vendor", all...)), patch, full(text(t, statementOf(patch)), MaxRSA/8)).Status)
	})
}

// A stranger's certificate that claims to be everybody, under authorities that
// could each be above each other, with timestamps made alike.
func TestHostileCertificates_INT9(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: hostile certificates take a while; run without -short")
	}
	s := newStage(t)
	id := s.identity()
	id.Issuer = ""
	ids := make([]integrity.Identity, MaxIdentities)
	for i := range ids {
		ids[i] = id
	}
	v := verifier(t, identified(ids...))
	var ring []*holder
	common := ecdsaKey(elliptic.P521(), "ring")
	for range MaxCertificates - 1 {
		ring = append(ring, issue(t, nil, common, func(c *x509.Certificate) {
			c.Subject.CommonName, c.IsCA, c.KeyUsage = "Ring", true, x509.KeyUsageCertSign
		}))
	}
	crowded := func(c *x509.Certificate) {
		for i := range 300 {
			c.DNSNames = append(c.DNSNames, strings.Repeat("a.", 10)+strconv.Itoa(i)+".example")
		}
	}
	for name, signer := range map[string]*holder{
		"in a ring":     leaf(t, ring[0], nil),
		"of many names": leaf(t, ring[0], crowded),
		"under an authority of many names": leaf(t, issue(t, s.root, nil, func(c *x509.Certificate) {
			c.Subject.CommonName, c.IsCA = "Crowded", true
			for i := range 300 {
				c.PermittedDNSDomains = append(c.PermittedDNSDomains, strings.Repeat("a.", 10)+strconv.Itoa(i)+".example")
			}
		}), crowded),
		"with a large extension": leaf(t, ring[0], func(c *x509.Certificate) {
			c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3}, Value: nested(0x30, 12<<10)})
		}),
	} {
		t.Run(name, func(t *testing.T) {
			sig := signer.sign(t, patch)
			clock := issue(t, ring[0], nil, func(c *x509.Certificate) {
				c.Subject.CommonName = "Clock"
				c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}
			})
			hostile := stamp(t, clock, sig, func(k *token) { k.shown = append([]*holder{clock}, ring...) })
			chain := append([]*holder{signer}, ring...)
			if signer.above != ring[0] {
				chain[1] = signer.above
			}
			file := text(t, bundleOf(messageOf(patch, sig), chain, hostile, hostile, hostile, stamp(t, s.clock, sig, nil)))
			got := costly(t, v, patch, file)
			want, detail := integrity.Unsupported, "too many chains" // those are counted, not followed to their ends
			if signer.above != ring[0] {
				want, detail = integrity.Valid, ""
			}
			require.Equal(t, want, got.Status, got.Detail)
			require.Contains(t, got.Detail, detail)
		})
	}
}
