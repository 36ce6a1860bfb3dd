package authenticode

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
)

// kind is one thing done to a file that osslsigncode signed, or a way of
// signing, and what the answer must be.
type kind struct {
	name   string
	file   func(c *maker) []byte
	signer func(*known) // what the policy says otherwise
	status integrity.Status
	detail string           // part of it
	reason integrity.Reason // of Judge, for an order that expects the vendor and the good file's checksum
}

// maker makes the files of one format.
type maker struct {
	t      testing.TB
	m      *material
	format integrity.Format
	good   []byte // signed by the vendor and stamped
}

func (c *maker) sign(who identity, above []identity, args ...string) []byte {
	return c.m.sign(c.t, c.format, c.m.unsigned[c.format], who, above, args...)
}

// by has one of the people sign, with a timestamp.
func (c *maker) by(name string, args ...string) []byte {
	p := everybody()
	above := []identity{p.ca}
	if between, own := p.between[name]; own {
		above = []identity{between, p.ca}
	}
	return c.sign(p.people[name], above, append([]string{"-h", "sha256", "-ts", c.m.stamps}, args...)...)
}

// change alters the good file at a place that find names; it must be there once.
func (c *maker) change(find []byte, offset int) []byte {
	c.t.Helper()
	require.Equal(c.t, 1, bytes.Count(c.good, find), "want the place once in the file")
	b := bytes.Clone(c.good)
	b[bytes.Index(b, find)+offset] ^= 1
	return b
}

// blob is the good file's signature, and where it lies in the file.
func (c *maker) blob() (b []byte, at int) {
	l, err := open(bytes.NewReader(c.good), int64(len(c.good)))
	require.NoError(c.t, err)
	_, b, _ = cms.Read(l.signatures[0]).Next()
	return b, bytes.Index(c.good, b[:64])
}

// parsed is the good file's signature.
func (c *maker) parsed() *signature {
	b, _ := c.blob()
	s, _ := parseSignature(b, c.format, cms.NewFile(rules, nil))
	require.NoError(c.t, s.err)
	var err error
	s.stamps, err = cms.NewFile(rules, nil).Stamps(&s.signer)
	require.NoError(c.t, err)
	return s
}

const (
	valid, bad, absentStatus, unsupportedStatus = integrity.Valid, integrity.Bad, integrity.Absent, integrity.Unsupported
)

// kinds are those that all formats share.
func kinds() []kind {
	p := everybody()
	good := func(c *maker) []byte { return c.good }
	args := func(args ...string) func(*maker) []byte {
		return func(c *maker) []byte { return c.sign(p.vendor, []identity{p.ca}, args...) }
	}
	by := func(name string) func(*maker) []byte { return func(c *maker) []byte { return c.by(name) } }
	ok, no, cannot := integrity.SignatureValid, integrity.SignatureBad, integrity.SignatureUnsupported
	strange := integrity.NotTrusted
	return []kind{
		{"stamped", good, nil, valid, "", ok},
		{"by a key on P-256", by("P-256"), nil, valid, "", ok},
		{"by a key on P-384", by("P-384"), nil, valid, "", ok},
		{"SHA-384", func(c *maker) []byte { return c.m.vendorSigned(c.t, c.format, "-h", "sha384") }, nil, valid, "", ok},
		{"SHA-512", func(c *maker) []byte { return c.m.vendorSigned(c.t, c.format, "-h", "sha512") }, nil, valid, "", ok},
		{"not stamped, and the policy says when", args("-h", "sha256"), func(s *known) { s.At = now }, valid, "", ok},
		{"stamped before the certificate expired, long ago", func(c *maker) []byte {
			return c.by("expired")
		}, func(s *known) { s.At = now.Add(-48 * time.Hour); s.Timestampers = nil }, valid, "", ok},
		{"the anchor is the authority", good, func(s *known) { s.Anchors = []string{p.ca.anchor()} }, valid, "", ok},
		{"the anchor is the certificate itself", good, func(s *known) { s.Anchors = []string{p.vendor.anchor()} }, valid, "", ok},
		{"any organization", by("other organization"), func(s *known) { s.Organization = "" }, valid, "", ok},
		{"a usage that it has", by("ends with its time"), func(s *known) { s.Usage, s.At = usageLifetime, now }, valid, "", ok},
		{"nested: SHA-1 outside, SHA-256 inside", func(c *maker) []byte {
			first := c.sign(p.vendor, []identity{p.ca}, "-h", "sha1", "-ts", c.m.stamps)
			return c.m.sign(c.t, c.format, first, p.vendor, []identity{p.ca}, "-nest", "-h", "sha256", "-ts", c.m.stamps)
		}, nil, valid, "", ok},
		{"nested: a stranger outside, the vendor inside", func(c *maker) []byte {
			first := c.by("stranger")
			return c.m.sign(c.t, c.format, first, p.vendor, []identity{p.ca}, "-nest", "-h", "sha256", "-ts", c.m.stamps)
		}, nil, valid, "", ok},

		{"never signed", func(c *maker) []byte { return c.m.unsigned[c.format] }, nil, absentStatus, "", integrity.SignatureMissing},
		{"by a stranger", by("stranger"), nil, bad, "leads to no certificate that is pinned", strange},
		{"by another organization", by("other organization"), nil, bad, "by organization", strange},
		{"by two organizations", by("two organizations"), nil, bad, "by organization", strange},
		{"for servers", by("for servers"), nil, bad, "not for signing code", no},
		{"for anything", by("for anything"), nil, bad, "not for signing code", no},
		{"without a usage that the policy wants", good, func(s *known) { s.Usage = "1.3.6.1.4.1.311.10.3.6" }, bad, "not for usage", strange},
		{"RSA-1024", by("RSA-1024"), nil, bad, "RSA key of 1024 bits", no},
		{"by an authority with RSA-1024", by("by an authority with RSA-1024"), nil, bad, "no certificate that is pinned", no},
		{"by a certificate that is no authority", by("by a certificate that is no authority"), nil, bad, "no certificate that is pinned", no},
		{"by an authority for servers", by("by an authority for servers"), nil, bad, "incompatible key usage", no},
		{"after the certificate expired", by("expired"), nil, bad, "was not valid at", no},
		{"before the certificate was valid", by("not yet valid"), nil, bad, "was not valid at", no},
		{"after its authority expired", by("by an expired authority"), nil, bad, "was not valid at", no},
		{"SHA-1", args("-h", "sha1"), func(s *known) { s.At = now }, bad, "sha1", no},
		{"MD5", args("-h", "md5"), func(s *known) { s.At = now }, bad, "md5", no},
		{"not stamped", args("-h", "sha256"), nil, unsupportedStatus, "no trusted timestamp", cannot},
		{"not stamped, and the policy's time is past it", args("-h", "sha256"), func(s *known) { s.At = notAfter.Add(time.Hour) }, bad, "was not valid at", no},
		{"stamped by a stranger", func(c *maker) []byte {
			return c.sign(p.vendor, []identity{p.ca}, "-h", "sha256", "-ts", c.m.otherStamp)
		}, nil, unsupportedStatus, "no trusted timestamp", cannot},
		{"ends with its certificate, stamped or not", by("ends with its time"), nil, unsupportedStatus, "only while it is valid", cannot},
		{"no authority of timestamps is trusted", good, func(s *known) { s.Timestampers = nil }, unsupportedStatus, "no trusted timestamp", cannot},
		{"the first byte of the content changed", func(c *maker) []byte {
			first, _ := c.contentAt()
			return c.flip(first)
		}, nil, bad, "the file was changed", no},
		{"the last byte of the content changed", func(c *maker) []byte {
			_, last := c.contentAt()
			return c.flip(last)
		}, nil, bad, "the file was changed", no},
		{"the signed digest changed", func(c *maker) []byte { return c.change(c.parsed().sum, 5) }, nil, bad, "the file was changed", no},
		{"the signed attributes changed", func(c *maker) []byte {
			_, sum, err := c.parsed().signer.Signed(oidMessageDigest, 0)
			require.NoError(c.t, err)
			return c.change(sum, 0)
		}, nil, bad, "not that of its content", no},
		{"the signature value changed", func(c *maker) []byte { return c.change(c.parsed().signer.Signature, 100) }, nil, bad, "did not make it", no},
		{"the timestamp changed", func(c *maker) []byte { return c.change(c.parsed().stamps[0].Signer.Signature, 100) }, nil, bad, "timestamp", no},
		{"the stamped time changed", func(c *maker) []byte {
			return c.change([]byte(c.parsed().stamps[0].Time.Format("20060102150405Z")), 13)
		}, nil, bad, "timestamp", no},
		{"the certificate changed", func(c *maker) []byte { return c.change(p.vendor.cert.RawTBSCertificate[200:264], 20) }, nil, bad, "", no},
		{"cut off in the middle", func(c *maker) []byte { return c.good[:len(c.good)/2] }, nil, 0, "", 0},
		{"cut off by a byte", func(c *maker) []byte { return c.good[:len(c.good)-1] }, nil, 0, "", 0},
		{"a byte added", func(c *maker) []byte { return append(bytes.Clone(c.good), 0) }, nil, bad, "", no},
		{"much added", func(c *maker) []byte { return append(bytes.Clone(c.good), bytes.Repeat([]byte("PK\x03\x04"), 1024)...) }, nil, bad, "", no},
		{"the signature is no ASN.1", func(c *maker) []byte {
			_, at := c.blob()
			b := bytes.Clone(c.good)
			b[at] ^= 1
			return b
		}, nil, bad, "not well-formed DER", no},
	}
}

// contentAt finds the first and the last byte of what is signed; in a package,
// of its first and its last stream.
func (c *maker) contentAt() (first, last int64) {
	size := int64(len(c.good))
	switch c.format {
	case integrity.PE:
		return 0x50, size - int64(binary.LittleEndian.Uint32(c.good[0x80+peFileHeader+112+8*peSecurity+4:])) - 1
	case integrity.CAB:
		return 8, int64(binary.LittleEndian.Uint32(c.good[44:])) - 1
	}
	m, err := openCompound(source{bytes.NewReader(c.good), size})
	require.NoError(c.t, err)
	streams := m.directory[0].children
	at := func(n uint32, i int64) int64 {
		e := m.directory[n]
		if e.size >= miniCutoff {
			return m.at(e.start) + i // its sectors follow each other
		}
		offset := int64(e.start)<<miniShift + i
		return m.at(m.mini.list[offset>>m.shift]) + offset&(1<<m.shift-1)
	}
	end := streams[len(streams)-1]
	return at(streams[2], 0), at(end, m.directory[end].size-1) // the first two are the signature and another's summary
}

// flip changes a bit of the good file.
func (c *maker) flip(at int64) []byte {
	b := bytes.Clone(c.good)
	b[at] ^= 1
	return b
}

func TestKinds_INT1_INT4_INT9(t *testing.T) {
	m := newMaterial(t)
	least := 20
	if testing.Short() {
		least = 10
	}
	own := map[integrity.Format][]kind{integrity.PE: peKinds(), integrity.MSI: msiKinds(), integrity.CAB: cabKinds()}
	for at, f := range formats() {
		c := &maker{m: m, format: f, t: t}
		c.good = m.vendorSigned(t, f)
		sum := sha256.Sum256(c.good)
		// The signature alone decides here: were the file pinned, any other
		// would fail by its checksum (INT-5).
		order := integrity.Expectation{Signer: "Vendor", LatestOnly: true, Digests: []integrity.Digest{{Algorithm: integrity.SHA256, Sum: hex.EncodeToString(sum[:])}}}
		counts := map[bool]int{}
		seen := map[string]bool{}
		for i, k := range append(kinds(), own[f]...) {
			t.Run(string(f)+"/"+k.name, func(t *testing.T) {
				if testing.Short() && i < len(kinds()) && i%len(formats()) != at {
					t.Skip("SKIPPED ALOUD: each kind in one format is enough in a short run; run without -short")
				}
				c := *c
				c.t = t
				require.False(t, seen[k.name], "two kinds by one name")
				seen[k.name] = true
				signer := everybody().signer()
				if k.signer != nil {
					k.signer(&signer)
				}
				b := k.file(&c)
				got := verify(newVerifier(t, signer), b)
				if k.status == 0 { // cut off: bad or unsupported, by what is left
					require.Contains(t, []integrity.Status{bad, unsupportedStatus}, got.Status, "%+v", got)
				} else {
					require.Equal(t, k.status, got.Status, "%+v", got)
				}
				require.Contains(t, got.Detail, k.detail)
				require.Equal(t, f, got.Format)

				computed := integrity.NewDigester(order.Algorithms()...)
				computed.Write(b)
				verdict := integrity.Judge(order, got, computed.Sums())
				require.Equal(t, got.Status == valid, verdict.Passed, "%+v", verdict)
				if k.reason != 0 {
					require.Equal(t, k.reason, verdict.Reason)
				}
				if !verdict.Passed {
					require.Equal(t, integrity.FileSignatureFailed, verdict.Code)
				}
				wantChecksum := integrity.Mismatched // INT-5: told, whoever decided
				if bytes.Equal(b, c.good) {
					wantChecksum = integrity.Matched
				}
				require.Equal(t, wantChecksum, verdict.Checksum)
				counts[verdict.Passed]++
			})
		}
		t.Logf("%s: %d good and %d kinds of bad", f, counts[true], counts[false])
		require.GreaterOrEqual(t, counts[false], least)
	}
}
