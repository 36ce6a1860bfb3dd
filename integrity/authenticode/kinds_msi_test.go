package authenticode

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// opened is a package as the reader sees it, to find places in it.
func (c *maker) opened(b []byte) *compound {
	m, err := openCompound(source{bytes.NewReader(b), int64(len(b))})
	require.NoError(c.t, err)
	return m
}

// streamNamed finds a stream's entry, and where it lies in the file.
func (c *maker) streamNamed(b []byte, name string) (e entry, at int) {
	i := bytes.Index(b, append(utf16Name(name), 0)) // the name is followed by zeros
	require.Positive(c.t, i)
	for _, e := range c.opened(b).directory {
		if bytes.Equal(e.name, utf16Name(name)) {
			return e, i
		}
	}
	c.t.Fatalf("no stream %q", name)
	return e, 0
}

// largest finds the entry of the largest stream that is not the signature.
func (c *maker) largest(b []byte) (e entry, at int) {
	for _, other := range c.opened(b).directory {
		if other.kind == kindStream && other.size > e.size && !bytes.Equal(other.name, nameSignature) {
			e = other
		}
	}
	require.GreaterOrEqual(c.t, e.size, int64(miniCutoff))
	return e, bytes.Index(b, append(bytes.Clone(e.name), 0))
}

// link is where the table says which sector follows n.
func (c *maker) link(b []byte, n uint32) int {
	m := c.opened(b)
	return int(m.at(m.fat.list[n>>(m.shift-2)])) + 4*int(n&(1<<(m.shift-2)-1))
}

// put writes a 32-bit number into a copy of b.
func put(b []byte, at int, v uint32) []byte {
	b = bytes.Clone(b)
	binary.LittleEndian.PutUint32(b[at:], v)
	return b
}

// Where a directory entry has what.
const (
	entryLeft, entryRight, entryChild, entryClass, entryTimes, entryStart, entryBytes = 68, 72, 76, 80, 100, 116, 120
)

// msiKinds are what can be done to a package.
func msiKinds() []kind {
	ok, no, cannot, missing := integrity.SignatureValid, integrity.SignatureBad, integrity.SignatureUnsupported, integrity.SignatureMissing
	const signature, extended = "\x05DigitalSignature", "\x05MsiDigitalSignatureEx"
	large := func(offset int, v func(c *maker, e entry) uint32) func(*maker) []byte {
		return func(c *maker) []byte {
			e, at := c.largest(c.good)
			return put(c.good, at+offset, v(c, e))
		}
	}
	header := func(at int, change func(uint32) uint32) func(*maker) []byte {
		return func(c *maker) []byte { return c.edit(at, change) }
	}
	withExtended := func(change func(c *maker, b []byte) []byte) func(*maker) []byte {
		return func(c *maker) []byte { return change(c, c.m.vendorSigned(c.t, c.format, "-add-msi-dse")) }
	}
	return []kind{
		{"with MsiDigitalSignatureEx", withExtended(func(_ *maker, b []byte) []byte { return b }), nil, valid, "", ok},
		{"a stream's time changed, as it may", func(c *maker) []byte {
			_, at := c.largest(c.good)
			return put(c.good, at+entryTimes, 7)
		}, nil, valid, "", ok},
		{"free sectors of zeros at the end", func(c *maker) []byte {
			return append(bytes.Clone(c.good), make([]byte, 1024)...)
		}, nil, valid, "", ok},

		{"the signature stripped", func(c *maker) []byte {
			dir := c.t.(interface{ TempDir() string }).TempDir()
			require.NoError(c.t, os.WriteFile(filepath.Join(dir, "a.msi"), c.good, 0o600))
			run(c.t, dir, "osslsigncode", "remove-signature", "-in", "a.msi", "-out", "b.msi")
			b, err := os.ReadFile(filepath.Join(dir, "b.msi"))
			require.NoError(c.t, err)
			return b
		}, nil, absentStatus, "", missing},
		{"the signature's stream renamed", func(c *maker) []byte {
			_, at := c.streamNamed(c.good, signature)
			return c.flip(int64(at + 2))
		}, nil, absentStatus, "", missing},
		{"with MsiDigitalSignatureEx, a stream's time changed", withExtended(func(c *maker, b []byte) []byte {
			_, at := c.largest(b)
			return put(b, at+entryTimes, 7)
		}), nil, bad, "the file was changed", no},
		{"with MsiDigitalSignatureEx, which changed", withExtended(func(c *maker, b []byte) []byte {
			e, _ := c.streamNamed(b, extended)
			stream, err := c.opened(b).read(e, 64)
			require.NoError(c.t, err)
			b[bytes.Index(b, stream)] ^= 1
			return b
		}), nil, bad, "MsiDigitalSignatureEx", no},
		{"MsiDigitalSignatureEx without a signature", withExtended(func(c *maker, b []byte) []byte {
			_, at := c.streamNamed(b, signature)
			b[at+2] ^= 1
			return b
		}), nil, bad, "no signature", no},
		{"MsiDigitalSignatureEx renamed", withExtended(func(c *maker, b []byte) []byte {
			_, at := c.streamNamed(b, extended)
			b[at+2] ^= 1
			return b
		}), nil, bad, "renamed", no},
		{"the package's class changed", func(c *maker) []byte {
			at := bytes.Index(c.good, utf16Name("Root Entry"))
			return c.flip(int64(at + entryClass + 8))
		}, nil, bad, "the file was changed", no},
		{"a stream names the sectors of another", large(entryStart, func(c *maker, e entry) uint32 {
			s, _ := c.streamNamed(c.good, signature)
			return s.start
		}), nil, bad, "twice", no},
		{"a stream begins beyond the file", large(entryStart, func(*maker, entry) uint32 { return 0x00ffffff }), nil, bad, "names sector", no},
		{"a stream is longer than its sectors", large(entryBytes, func(_ *maker, e entry) uint32 { return uint32(e.size) + 512 }), nil, bad, "", no},
		{"a stream is as long as nothing can be", large(entryBytes, func(*maker, entry) uint32 { return 0xfffffff0 }), nil, bad, "", no},
		{"a stream is shorter by a byte", large(entryBytes, func(_ *maker, e entry) uint32 { return uint32(e.size) - 1 }), nil, bad, "", no},
		{"a stream is shorter by a sector", large(entryBytes, func(_ *maker, e entry) uint32 { return uint32(e.size) - 512 }), nil, bad, "more sectors than", no},
		{"a stream is empty", large(entryBytes, func(*maker, entry) uint32 { return 0 }), nil, bad, "belongs to nothing", no},
		{"a chain of sectors in a circle", func(c *maker) []byte {
			e, _ := c.largest(c.good)
			return put(c.good, c.link(c.good, e.start+1), e.start)
		}, nil, bad, "twice", no},
		{"a chain of sectors that ends early", func(c *maker) []byte {
			e, _ := c.largest(c.good)
			return put(c.good, c.link(c.good, e.start+1), endOfChain)
		}, nil, bad, "too early", no},
		{"a sector that belongs to nothing", func(c *maker) []byte {
			n := uint32(len(c.good)/512 - 1)
			return put(append(bytes.Clone(c.good), bytes.Repeat([]byte("payload!"), 64)...), c.link(c.good, n), endOfChain)
		}, nil, bad, "belongs to nothing", no},
		{"siblings in a circle", func(c *maker) []byte {
			_, at := c.largest(c.good)
			i := slices.IndexFunc(c.opened(c.good).directory, func(e entry) bool { return bytes.Equal(e.name, nameSignature) })
			b := put(c.good, at+entryLeft, uint32(i))
			return put(b, at+entryRight, uint32(i))
		}, nil, bad, "twice", no},
		{"a sibling that is missing", large(entryLeft, func(*maker, entry) uint32 { return 0x7000 }), nil, bad, "missing or in it twice", no},
		{"the root is its own child", func(c *maker) []byte {
			return put(c.good, bytes.Index(c.good, utf16Name("Root Entry"))+entryChild, 0)
		}, nil, bad, "missing or in it twice", no},
		{"the root has no children", func(c *maker) []byte {
			return put(c.good, bytes.Index(c.good, utf16Name("Root Entry"))+entryChild, noEntry)
		}, nil, absentStatus, "", missing},
		{"the root has a sibling", func(c *maker) []byte {
			return put(c.good, bytes.Index(c.good, utf16Name("Root Entry"))+entryLeft, 1)
		}, nil, bad, "siblings", no},
		{"a stream has a child", large(entryChild, func(*maker, entry) uint32 { return 1 }), nil, bad, "has children", no},
		{"the directory has no root", func(c *maker) []byte {
			return c.flip(int64(bytes.Index(c.good, utf16Name("Root Entry")) + 66))
		}, nil, bad, "no root", no},
		{"the signature's stream is a storage", func(c *maker) []byte {
			_, at := c.streamNamed(c.good, signature)
			b := bytes.Clone(c.good)
			b[at+66] = kindStorage
			return b
		}, nil, absentStatus, "", missing},
		{"the signature's stream is cut", func(c *maker) []byte {
			e, at := c.streamNamed(c.good, signature)
			return put(c.good, at+entryBytes, uint32(e.size)-1)
		}, nil, bad, "", no},
		{"the signature's stream is larger than any", func(c *maker) []byte {
			_, at := c.streamNamed(c.good, signature)
			return put(c.good, at+entryBytes, MaxSignature+1)
		}, nil, unsupportedStatus, "at most", cannot},
		{"the table covers less than the file", header(44, to(0)), nil, bad, "table", no},
		{"the table is larger than the file", header(44, to(0x00ffffff)), nil, bad, "table", no},
		{"the table lies beyond the file", header(headerFAT, to(0x00ffffff)), nil, bad, "names sector", no},
		{"the table has a sector more than it says", header(headerFAT+400, to(3)), nil, bad, "more sectors of its table", no},
		{"the directory lies beyond the file", header(48, to(0x00ffffff)), nil, bad, "names sector", no},
		{"the mini stream's table has more sectors", header(64, plus(1)), nil, bad, "chain", no},
		{"more lists of the table's sectors than there are", header(72, to(0xffffffff)), nil, bad, "", no},
		{"another bound of small streams", header(56, to(0)), nil, unsupportedStatus, "unknown kind", cannot},
		{"another version", header(24, to(0x0005003e)), nil, unsupportedStatus, "unknown kind", cannot},
		{"a count of the directory's sectors", header(40, to(1)), nil, unsupportedStatus, "unknown kind", cannot},
		{"another size of sectors", header(30, to(0x00060003)), nil, unsupportedStatus, "unknown kind", cannot},
		{"the header alone", func(c *maker) []byte { return c.good[:512] }, nil, unsupportedStatus, "", cannot},
	}
}
