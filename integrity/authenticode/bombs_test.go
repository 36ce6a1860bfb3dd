package authenticode

import (
	"bytes"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/binary"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
)

// What any file of up to 1 MiB may cost, in what the code itself counts: how
// long that takes depends on the machine.
const (
	hostileSize   = 1 << 20
	hostileReads  = 20 // times the file's size; of a mini stream each 64 bytes may take a sector of it and one of its table
	hostileMemory = 64 << 20
)

// metered counts what is read of a file.
type metered struct {
	io.ReaderAt
	read int
}

func (m *metered) ReadAt(p []byte, off int64) (int, error) {
	m.read += len(p)
	return m.ReaderAt.ReadAt(p, off)
}

// cost judges and inspects a file; it wants either within the bounds.
func cost(t *testing.T, v *Verifier, b []byte) (got integrity.Signature) {
	t.Helper()
	require.LessOrEqual(t, len(b), hostileSize)
	for what, do := range map[string]func(io.ReaderAt, int64){
		"verify":  func(at io.ReaderAt, size int64) { got = v.Verify(at, size, nil) },
		"inspect": func(at io.ReaderAt, size int64) { _, _ = Inspect(at, size) },
	} {
		m := &metered{ReaderAt: bytes.NewReader(b)}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		do(m, int64(len(b)))
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(hostileMemory), "bytes allocated to %s", what)
		require.LessOrEqual(t, m.read, hostileReads*len(b)+blockSize, "bytes read to %s", what)
	}
	if f, err := open(bytes.NewReader(b), int64(len(b))); err == nil {
		file := cms.NewFile(rules, v.pinned)
		_, _ = v.judge(f, file)
		require.LessOrEqual(t, file.Checks, cms.MaxChecks+cms.MaxChain)
		require.LessOrEqual(t, file.Bytes, cms.MaxWork+2*len(b))
		t.Logf("%d public-key operations, %d KiB of messages read", file.Checks, file.Bytes>>10)
	}
	return got
}

// inPE puts a blob into a program's certificate table.
func inPE(blob []byte) []byte { return placePE(0)(blob).bytes() }

// withSigner is a SignedData whose only signer has the content.
func withSigner(certs, signer []byte) []byte {
	return seq(object(oidSignedData), cms.Encode(cms.TagContext0, seq(number(1), set(), seq(object(oidIndirectData), cms.Encode(cms.TagContext0, indirectData(integrity.PE, integrity.SHA256, make([]byte, 32)))),
		cms.Encode(cms.TagContext0, certs), set(signer))))
}

// matching makes a program whose digest is the signed one, so that the certificates are looked at.
func matching(t *testing.T, f forgery) []byte {
	return sealed(t, integrity.PE, f, placePE(100)).bytes()
}

// clones are n authorities of one name and key, each of which may have signed every other.
func clones(n int) (all []identity) {
	key := newEC(elliptic.P521())
	first := issue("Clone", nil, key, authority)
	for range n {
		all = append(all, issue("Clone", &first, key, authority))
	}
	return all
}

func bombs(t *testing.T) map[string][]byte {
	p := everybody()
	many := func(n int, b []byte) []byte { return bytes.Repeat(b, n) }
	small := seq(number(1))
	all := map[string][]byte{}

	// PKCS #7
	deep := []byte{2, 1, 7}
	for range 5000 {
		deep = cms.Encode(cms.TagSequence, deep)
	}
	all["sequences in sequences"] = inPE(deep)
	all["sequences in sequences without a length"] = inPE(many(500_000, []byte{0x30, 0x80}))
	all["a million pieces of a string"] = inPE(append(append([]byte{0x30, 0x80, 0x24, 0x80}, many(300_000, []byte{4, 1, 7})...), 0, 0, 0, 0))
	all["a million empty certificates"] = inPE(withSigner(many(500_000, []byte{0x30, 0}), small))
	all["a million signers"] = inPE(seq(object(oidSignedData), cms.Encode(cms.TagContext0, seq(number(1), set(many(500_000, []byte{0x30, 0}))))))
	wrapped := octets(make([]byte, hostileSize/2))
	for range cms.MaxBERDepth - 2 {
		wrapped = cms.Encode(cms.TagOctets|tagConstructed, wrapped)
	}
	all["a string in pieces in pieces"] = inPE(cat([]byte{0x30, 0x80}, wrapped, []byte{0, 0}))
	distinct := func() (b []byte) {
		for i := range 100_000 {
			b = append(b, seq(cms.Encode(cms.TagInteger, binary.BigEndian.AppendUint32(nil, uint32(i)|1<<30)))...)
		}
		return b
	}
	all["certificates that differ and are none"] = inPE(withSigner(distinct(), small))
	f := vendorForgery()
	f.attributes = func(a [][]byte) [][]byte { return append(a, many(40_000, attr(cms.NewOID("1.2.3"), number(1)))) }
	all["many attributes"] = matching(t, f)
	f = vendorForgery()
	f.others = [][]byte{many(40_000, attr(oidNested, number(1)))}
	all["many attributes that are not signed"] = matching(t, f)
	f.others = [][]byte{attr(oidNested, many(200_000, number(1)))}
	all["many nested signatures that are none"] = matching(t, f)
	inner := vendorForgery()
	inner.content = indirectData(integrity.PE, integrity.SHA256, make([]byte, 32))
	f.others = [][]byte{attr(oidNested, many(100, inner.signedData(t)))}
	all["many nested signatures"] = matching(t, f)
	nested := inner.signedData(t)
	for len(nested) < hostileSize/2 {
		g := inner
		g.others = [][]byte{attr(oidNested, nested)}
		g.stampedBy = nil
		nested = g.signedData(t)
		if len(nested) > 200_000 {
			break
		}
	}
	f.others = [][]byte{attr(oidNested, nested)}
	all["signatures nested in nested ones"] = matching(t, f)
	f.others = [][]byte{attr(oidMicrosoftTimestamp, many(200_000, number(1)))}
	all["many timestamps that are none"] = matching(t, f)
	f.others = nil

	// certificates
	group := clones(cms.MaxCertificates - 3)
	f = vendorForgery()
	f.who = issue("Leaf", &group[0], newEC(elliptic.P521()), forCode)
	f.certs = append([]identity{p.stamper}, group...)
	all["authorities that signed each other"] = matching(t, f)
	for i := range 3 {
		f.certs[i+1] = issue("Clone", nil, newEC(elliptic.P521()), authority)
	}
	all["authorities that did not sign each other"] = matching(t, f)
	huge := &rsa.PublicKey{N: new(big.Int).SetBit(new(big.Int).Lsh(big.NewInt(1), 400_000), 0, 1), E: 1<<31 - 1}
	template := *p.ca.cert
	template.PublicKey, template.Raw = nil, nil
	der, err := x509.CreateCertificate(nilReader{}, &template, p.root.cert, huge, p.root.key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	f = vendorForgery()
	f.certs = []identity{{cert: cert}, p.stamper}
	all["an authority with a key of 400,000 bits"] = matching(t, f)

	// the table
	entry := make([]byte, 16)
	binary.LittleEndian.PutUint32(entry, 16)
	binary.LittleEndian.PutUint32(entry[4:], certificateRevision2|certificateSignedData<<16)
	table := inPE(make([]byte, 800_000))
	copy(table[0x400:], many(50_000, entry))
	all["many entries in the certificate table"] = table
	return all
}

// nilReader is randomness for keys that need none.
type nilReader struct{}

func (nilReader) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// compoundBombs are packages whose chains, directory and tables go in circles or on for ever.
func compoundBombs(t *testing.T) map[string][]byte {
	base := sealed(t, integrity.MSI, vendorForgery(), placeMSI(900_000, 9)).bytes()
	c := &maker{t: t, format: integrity.MSI, good: base}
	m := c.opened(base)
	root := bytes.Index(base, utf16Name("Root Entry"))
	e, at := m.directory[4], bytes.Index(base, utf16Name("Large"))
	require.Equal(t, utf16Name("Large"), e.name)
	all := map[string][]byte{
		"a stream in a circle":          put(base, c.link(base, e.start+1700), e.start),
		"a stream that stays":           put(base, c.link(base, e.start), e.start),
		"a directory in a circle":       put(base, c.link(base, binary.LittleEndian.Uint32(base[48:])), binary.LittleEndian.Uint32(base[48:])),
		"a directory through it all":    put(base, 48, e.start),
		"a mini stream through it all":  put(put(base, root+entryStart, e.start), root+entryBytes, uint32(e.size)),
		"a list of tables in a circle":  put(put(put(base, 44, 1000), 68, 5), 72, 0xffffffff),
		"a table of all sectors":        put(base, 44, uint32(len(base)/512-1)),
		"the signature is it all":       put(put(base, bytes.Index(base, nameSignature)+entryStart, e.start), bytes.Index(base, nameSignature)+entryBytes, uint32(e.size)),
		"a stream of four gigabytes":    put(base, at+entryBytes, 0xfffffff0),
		"a mini stream of all the file": put(base, root+entryBytes, 0xfffffff0),
	}
	// A directory of nothing but storages, each in the one before, and one of
	// streams that all name the same sectors.
	var streams []file
	for i := range 4000 {
		streams = append(streams, file{name: "s" + strconv.Itoa(i), size: 1})
	}
	wide := compoundFile(9, append(streams, file{name: "\x05DigitalSignature", content: []byte{0x30, 0}})).bytes()
	all["many streams"] = wide
	deepStorages := bytes.Clone(wide)
	same := bytes.Clone(wide)
	entries := c.opened(wide).directory
	for i := range 4000 {
		at := bytes.Index(wide, append(utf16Name("s"+strconv.Itoa(i)), 0))
		deepStorages[at+66] = kindStorage
		binary.LittleEndian.PutUint32(deepStorages[at+entryChild:], entries[i+1].right)
		binary.LittleEndian.PutUint32(deepStorages[at+entryRight:], noEntry)
		binary.LittleEndian.PutUint32(same[at+entryStart:], 0)
		binary.LittleEndian.PutUint32(same[at+entryBytes:], 1_000_000)
	}
	all["storages in storages"] = deepStorages
	all["streams that share"] = same
	return all
}

// cabinetBombs say they hold more than they can.
func cabinetBombs(t *testing.T) map[string][]byte {
	b := sealed(t, integrity.CAB, vendorForgery(), placeCAB(900_000)).bytes()
	folders := bytes.Clone(b)
	copy(folders[26:], []byte{0xff, 0xff, 0xff, 0xff})
	return map[string][]byte{
		"more folders and files than fit":    folders,
		"a signature of four gigabytes":      put(b, 48, 0xffffffff),
		"a signature that is all the rest":   put(put(b, 44, cabSigned), 48, uint32(len(b)-cabSigned)),
		"files that begin beyond the end":    put(b, 16, 0xffffffff),
		"a signature that begins at the end": put(b, 44, uint32(len(b))),
	}
}

func TestHostileFilesAreCheap(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: hostile files take a while; run without -short")
	}
	v := newVerifier(t, everybody().signer())
	for kind, files := range map[string]map[string][]byte{"pe": bombs(t), "msi": compoundBombs(t), "cab": cabinetBombs(t)} {
		for name, b := range files {
			t.Run(kind+"/"+name, func(t *testing.T) {
				got := cost(t, v, b)
				t.Logf("%s: %s", got.Status, got.Detail)
			})
		}
	}
}

// TestCorpusIsCheap holds what fuzzing found to the same bounds.
func TestCorpusIsCheap(t *testing.T) {
	v := newVerifier(t, seedSigner(t))
	files := map[string][]byte{}
	for _, f := range formats() {
		for name, b := range seeds(t, f) {
			files[name] = b
		}
	}
	names, err := filepath.Glob("testdata/fuzz/*/*")
	require.NoError(t, err)
	for _, name := range names {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		text := strings.TrimSuffix(strings.TrimPrefix(strings.SplitN(string(b), "\n", 3)[1], "[]byte("), ")")
		content, err := strconv.Unquote(text)
		require.NoError(t, err, name)
		files[name] = []byte(content)
		if strings.Contains(name, "FuzzSignature") {
			files[name] = inPE([]byte(content))
		}
	}
	for name, b := range files {
		t.Run(name, func(t *testing.T) { cost(t, v, b) })
	}
	t.Logf("%d files", len(files))
}
