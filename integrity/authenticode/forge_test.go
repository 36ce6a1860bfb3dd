package authenticode

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/binary"
	"io"
	"math"
	"slices"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
)

// A small signer of our own, for what no program would sign: broken structures,
// bombs, files of any size.

func cat(parts ...[]byte) []byte          { return slices.Concat(parts...) }
func seq(parts ...[]byte) []byte          { return cms.Encode(cms.TagSequence, cat(parts...)) }
func set(parts ...[]byte) []byte          { return cms.Encode(cms.TagSet, cat(parts...)) }
func octets(b []byte) []byte              { return cms.Encode(cms.TagOctets, b) }
func object(id cms.OID) []byte            { return cms.Encode(cms.TagOID, []byte(id)) }
func number(n byte) []byte                { return cms.Encode(cms.TagInteger, []byte{n}) }
func attr(id cms.OID, v ...[]byte) []byte { return seq(object(id), set(v...)) }

// algorithmID names an algorithm.
func algorithmID(id cms.OID) []byte { return seq(object(id), []byte{5, 0}) }

// What a signature names, as in the standards.
var (
	oidSignedData         = cms.NewOID("1.2.840.113549.1.7.2")
	oidContentType        = cms.NewOID("1.2.840.113549.1.9.3")
	oidMessageDigest      = cms.NewOID("1.2.840.113549.1.9.4")
	oidSigningTime        = cms.NewOID("1.2.840.113549.1.9.5")
	oidCountersignature   = cms.NewOID("1.2.840.113549.1.9.6")
	oidSigningCertificate = cms.NewOID("1.2.840.113549.1.9.16.2.47")
	oidMicrosoftTimestamp = cms.NewOID("1.3.6.1.4.1.311.3.3.1")
	oidRSA                = cms.NewOID("1.2.840.113549.1.1.1")
	oidRSAPSS             = cms.NewOID("1.2.840.113549.1.1.10")
	oidECDSA              = cms.NewOID("1.2.840.10045.2.1")
)

const (
	tagConstructed = 0x20
	indefinite     = 0x80 // a length that an end mark tells
)

func digestOID(a integrity.Algorithm) cms.OID {
	return map[integrity.Algorithm]cms.OID{
		integrity.SHA256: cms.NewOID("2.16.840.1.101.3.4.2.1"), integrity.SHA384: cms.NewOID("2.16.840.1.101.3.4.2.2"),
		integrity.SHA512: cms.NewOID("2.16.840.1.101.3.4.2.3"), integrity.SHA1: cms.NewOID("1.3.14.3.2.26"),
	}[a]
}

func sumOf(a integrity.Algorithm, b []byte) []byte {
	h := a.Hash().New()
	h.Write(b)
	return h.Sum(nil)
}

// forgery says how to make a SignedData. The zero value of a field is what is right.
type forgery struct {
	who         identity
	certs       []identity
	digest      integrity.Algorithm // SHA-256
	contentType cms.OID
	content     []byte // the element that is signed
	attributes  func([][]byte) [][]byte
	others      [][]byte // attributes that are not signed
	stampedBy   *identity
	stampedAt   time.Time // now
	legacyStamp bool
	scheme      cms.OID // by the key: RSA or ECDSA
	looseStamp  bool    // its lengths are given by end marks
	byKeyID     bool    // the signer is named by its key, not by issuer and serial number
}

func (f forgery) signedData(t testing.TB) []byte {
	t.Helper()
	if f.digest == 0 {
		f.digest = integrity.SHA256
	}
	r := cms.Read(f.content)
	_, _, body := r.Next()
	require.NoError(t, r.Err())
	attributes := [][]byte{attr(oidContentType, object(f.contentType)), attr(oidMessageDigest, octets(sumOf(f.digest, body.Rest())))}
	if f.contentType == cms.OIDTimestampInfo {
		attributes = append(attributes, attr(oidSigningCertificate, seq(seq(seq(octets(sumOf(integrity.SHA256, f.who.cert.Raw)))))))
	}
	si := f.signerInfo(t, attributes)
	var certs []byte
	for _, c := range append([]identity{f.who}, f.certs...) {
		certs = append(certs, c.cert.Raw...)
	}
	return seq(object(oidSignedData), cms.Encode(cms.TagContext0, seq(
		number(1), set(algorithmID(digestOID(f.digest))), seq(object(f.contentType), cms.Encode(cms.TagContext0, f.content)),
		cms.Encode(cms.TagContext0, certs), set(si))))
}

func (f forgery) signerInfo(t testing.TB, attributes [][]byte) []byte {
	t.Helper()
	if f.attributes != nil {
		attributes = f.attributes(attributes)
	}
	hash := map[integrity.Algorithm]crypto.Hash{integrity.SHA256: crypto.SHA256, integrity.SHA384: crypto.SHA384, integrity.SHA512: crypto.SHA512, integrity.SHA1: crypto.SHA1}[f.digest]
	scheme, options := f.scheme, crypto.SignerOpts(hash)
	switch {
	case scheme == oidRSAPSS:
		options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
	case scheme == "" && f.who.cert.PublicKeyAlgorithm == x509.ECDSA:
		scheme = oidECDSA
	case scheme == "":
		scheme = oidRSA
	}
	signature, err := f.who.key.Sign(rand.Reader, sumOf(f.digest, set(attributes...)), options)
	require.NoError(t, err)
	others := f.others
	if f.stampedBy != nil {
		at := f.stampedAt
		if at.IsZero() {
			at = now
		}
		s := forgery{who: *f.stampedBy, digest: integrity.SHA256, contentType: cms.OIDTimestampInfo}
		if f.legacyStamp {
			others = append(others, attr(oidCountersignature, s.signerInfo(t, [][]byte{
				attr(oidContentType, object(cms.NewOID("1.2.840.113549.1.7.1"))), attr(oidMessageDigest, octets(sumOf(integrity.SHA256, signature))),
				attr(oidSigningTime, cms.Encode(cms.TagUTCTime, []byte(at.Format("060102150405Z")))),
			})))
		} else {
			s.content = octets(seq(number(1), object(cms.NewOID("1.2.3.4")), seq(algorithmID(digestOID(integrity.SHA256)), octets(sumOf(integrity.SHA256, signature))),
				number(7), cms.Encode(cms.TagTime, []byte(at.Format("20060102150405Z")))))
			token := s.signedData(t)
			if f.looseStamp {
				token = loose(t, cms.Read(token))
			}
			others = append(others, attr(oidMicrosoftTimestamp, token))
		}
	}
	name := seq(f.who.cert.RawIssuer, cms.Encode(cms.TagInteger, f.who.cert.SerialNumber.Bytes()))
	if f.byKeyID {
		name = cms.Encode(cms.TagContext, f.who.cert.SubjectKeyId)
	}
	si := cat(number(1), name, algorithmID(digestOID(f.digest)),
		cms.Encode(cms.TagContext0, cat(attributes...)), algorithmID(scheme), octets(signature))
	if len(others) > 0 {
		si = append(si, cms.Encode(cms.TagContext1, cat(others...))...)
	}
	return seq(si)
}

// indirectData is what a signature of a file is over.
func indirectData(format integrity.Format, a integrity.Algorithm, sum []byte) []byte {
	var about []byte
	switch format {
	case integrity.PE: // no flags, and a link to nowhere
		about = seq(cms.Encode(0x03, []byte{0}), cms.Encode(cms.TagContext0, cms.Encode(cms.TagContext0+2, cms.Encode(cms.TagContext, nil))))
	case integrity.MSI:
		about = subjectInfo(subjectInstaller)
	}
	return dataOver(dataTypes[format], about, a, sum)
}

// dataOver is what a signature is over that names the data's type and says something about it.
func dataOver(id cms.OID, about []byte, a integrity.Algorithm, sum []byte) []byte {
	return seq(seq(object(id), about), seq(algorithmID(digestOID(a)), octets(sum)))
}

// vendorForgery is a right one, by the vendor, stamped.
func vendorForgery() forgery {
	p := everybody()
	return forgery{who: p.vendor, certs: []identity{p.ca, p.stamper}, contentType: oidIndirectData, stampedBy: &p.stamper}
}

// sparse is a file of any size: pieces of content, and zeros between them.
type sparse struct {
	size   int64
	pieces []piece
}

type piece struct {
	off int64
	b   []byte
}

func (s sparse) ReadAt(p []byte, off int64) (int, error) {
	n := int(min(int64(len(p)), s.size-off))
	if n <= 0 {
		return 0, io.EOF
	}
	clear(p[:n])
	for _, x := range s.pieces {
		if begin, end := max(off, x.off), min(off+int64(n), x.off+int64(len(x.b))); begin < end {
			copy(p[begin-off:], x.b[begin-x.off:end-x.off])
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (s sparse) bytes() []byte {
	b := make([]byte, s.size)
	s.ReadAt(b, 0)
	return b
}

// sealed signs a file: place puts a signature into it, whose size, which may
// vary by a few bytes, no digest depends on.
func sealed(t testing.TB, format integrity.Format, f forgery, place func(blob []byte) sparse) sparse {
	t.Helper()
	alg := integrity.SHA256
	f.content = indirectData(format, alg, make([]byte, alg.Size()))
	file := place(f.signedData(t))
	layout, err := open(file, file.size)
	require.NoError(t, err)
	sums, err := layout.digest([]integrity.Algorithm{alg})
	require.NoError(t, err)
	f.content = indirectData(format, alg, sums[alg])
	return place(f.signedData(t))
}

// placePE returns a place for sealed: a program whose only section has the size.
func placePE(size int64) func([]byte) sparse {
	return func(blob []byte) sparse {
		head := program(nil)
		end := int64(len(head)) + (size+7)&^7
		table := make([]byte, (certificateHeader+len(blob)+7)&^7)
		binary.LittleEndian.PutUint32(table, uint32(certificateHeader+len(blob)))
		binary.LittleEndian.PutUint16(table[4:], certificateRevision2)
		binary.LittleEndian.PutUint16(table[6:], certificateSignedData)
		copy(table[certificateHeader:], blob)
		at := 0x80 + peFileHeader + 112 + 8*peSecurity
		binary.LittleEndian.PutUint32(head[at:], uint32(end))
		binary.LittleEndian.PutUint32(head[at+4:], uint32(len(table)))
		return sparse{end + int64(len(table)), []piece{{0, head}, {end, table}}}
	}
}

// placeCAB returns a place for sealed: a cabinet with no folders and so many bytes of nothing.
func placeCAB(size int64) func([]byte) sparse {
	return func(blob []byte) sparse {
		h := make([]byte, cabSigned)
		copy(h, magicCabinet)
		le := binary.LittleEndian
		at := cabSigned + size
		le.PutUint32(h[8:], uint32(at))
		le.PutUint32(h[16:], cabSigned)
		h[24], h[25] = 3, 1
		le.PutUint16(h[30:], cabFlagReserve)
		le.PutUint32(h[36:], cabReserve)
		le.PutUint32(h[40:], cabMark)
		le.PutUint32(h[44:], uint32(at))
		le.PutUint32(h[48:], uint32(len(blob)))
		return sparse{at + int64(len(blob)), []piece{{0, h}, {at, blob}}}
	}
}

// placeMSI returns a place for sealed: a package with a large stream, two small
// ones, and a storage.
func placeMSI(size int64, shift int) func([]byte) sparse {
	return func(blob []byte) sparse {
		return compoundFile(shift, []file{
			{name: "\x05DigitalSignature", content: blob}, {name: "Small", content: []byte("small")},
			{name: "Table", content: bytes.Repeat([]byte("row"), 1000)}, {name: "Large", size: size},
		})
	}
}

// file is a stream; what of its size the content lacks is zeros.
type file struct {
	name    string
	content []byte
	size    int64
}

// compoundFile makes a compound file with streams in its root.
func compoundFile(shift int, streams []file) sparse {
	sector := int64(1) << shift
	sectors := func(n int64) int64 { return (n + sector - 1) / sector }
	le := binary.LittleEndian
	var mini, miniFAT []byte
	var fat []byte
	var pieces []piece
	next := uint32(0)
	put := func(content []byte, size int64) uint32 { // a chain of sectors that follow each other
		first, n := next, sectors(size)
		if n == 0 {
			return endOfChain
		}
		if len(content) > 0 {
			pieces = append(pieces, piece{int64(first+1) << shift, content})
		}
		for i := range n - 1 {
			fat = le.AppendUint32(fat, first+uint32(i)+1)
		}
		fat = le.AppendUint32(fat, endOfChain)
		next += uint32(n)
		return first
	}
	entries := make([]byte, entrySize*(1+len(streams)))
	entry := func(i int, name string, kind byte, child, right, start uint32, size int64) {
		e := entries[i*entrySize:]
		units := utf16.Encode([]rune(name))
		for j, u := range units {
			le.PutUint16(e[2*j:], u)
		}
		le.PutUint16(e[64:], uint16(2*len(units)+2))
		e[66], e[67] = kind, 1
		le.PutUint32(e[68:], noEntry)
		le.PutUint32(e[72:], right)
		le.PutUint32(e[76:], child)
		le.PutUint32(e[116:], start)
		le.PutUint64(e[120:], uint64(size))
	}
	for i, s := range streams {
		s.size = max(s.size, int64(len(s.content)))
		right := uint32(i + 2)
		if i == len(streams)-1 {
			right = noEntry
		}
		start := uint32(endOfChain)
		switch {
		case s.size >= miniCutoff:
			start = put(s.content, s.size)
		case s.size > 0:
			start = uint32(len(mini) >> miniShift)
			mini = append(mini, append(s.content, make([]byte, s.size-int64(len(s.content)))...)...)
			for len(mini)%(1<<miniShift) > 0 {
				mini = append(mini, 0)
			}
			for n := uint32(len(mini)>>miniShift) - start; n > 1; n-- {
				miniFAT = le.AppendUint32(miniFAT, uint32(len(miniFAT)/4+1))
			}
			miniFAT = le.AppendUint32(miniFAT, endOfChain)
		}
		entry(i+1, s.name, kindStream, noEntry, right, start, s.size)
	}
	entry(0, "Root Entry", kindRoot, 1, noEntry, put(mini, int64(len(mini))), int64(len(mini)))
	copy(entries[80:], append([]byte{0x84}, classInstaller...))
	for int64(len(entries))%sector > 0 {
		entries = append(entries, 0)
	}
	directory := put(entries, int64(len(entries)))
	for int64(len(miniFAT))%sector > 0 {
		miniFAT = le.AppendUint32(miniFAT, freeSector)
	}
	miniTable := put(miniFAT, int64(len(miniFAT)))

	// The table covers itself and the list of its sectors.
	perSector := sector / 4
	tables, lists := int64(0), int64(0)
	for need := int64(1); need != tables; {
		tables = need
		lists = max(0, int64(math.Ceil(float64(tables-headerFATs)/float64(perSector-1))))
		need = sectors(4 * (int64(next) + tables + lists))
	}
	var names []uint32
	for range tables {
		fat = le.AppendUint32(fat, 0xfffffffd)
		names = append(names, next)
		next++
	}
	firstList := uint32(endOfChain)
	h := bytes.Repeat([]byte{0xff}, compoundHeader)
	clear(h[:headerFAT])
	for i, n := range names[:min(len(names), headerFATs)] {
		le.PutUint32(h[headerFAT+4*i:], n)
	}
	if lists > 0 {
		firstList = next
		left := names[headerFATs:]
		for i := range lists {
			b := bytes.Repeat([]byte{0xff}, int(sector))
			k := min(len(left), int(perSector-1))
			for j, n := range left[:k] {
				le.PutUint32(b[4*j:], n)
			}
			left = left[k:]
			link := uint32(endOfChain)
			if i < lists-1 {
				link = next + 1
			}
			le.PutUint32(b[sector-4:], link)
			pieces = append(pieces, piece{int64(next+1) << shift, b})
			fat = le.AppendUint32(fat, 0xfffffffc)
			next++
		}
	}
	for int64(len(fat)) < tables*sector {
		fat = le.AppendUint32(fat, freeSector)
	}
	pieces = append(pieces, piece{int64(names[0]+1) << shift, fat})
	copy(h, magicCompound)
	version := uint16(3)
	if shift == 12 {
		version = 4
	}
	for at, v := range map[int]uint16{24: 0x3e, 26: version, 28: 0xfffe, 30: uint16(shift), 32: miniShift} {
		le.PutUint16(h[at:], v)
	}
	for at, v := range map[int]uint32{44: uint32(tables), 48: directory, 56: miniCutoff, 60: miniTable, 64: uint32(sectors(int64(len(miniFAT)))),
		68: firstList, 72: uint32(lists)} {
		le.PutUint32(h[at:], v)
	}
	pieces = append(pieces, piece{0, h})
	return sparse{int64(next+1) << shift, pieces}
}

// places are the formats' places, for content of the size.
func places(size int64) map[integrity.Format]func([]byte) sparse {
	return map[integrity.Format]func([]byte) sparse{integrity.PE: placePE(size), integrity.MSI: placeMSI(size, 9), integrity.CAB: placeCAB(size)}
}
