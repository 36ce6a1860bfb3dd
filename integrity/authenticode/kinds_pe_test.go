package authenticode

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
)

// Where a test's program has what its signature depends on.
const (
	programOptional = 0x80 + peFileHeader
	programEntry    = programOptional + 112 + 8*peSecurity
)

// table is where the good program's certificate table lies.
func (c *maker) table() (at, size int) {
	return int(binary.LittleEndian.Uint32(c.good[programEntry:])), int(binary.LittleEndian.Uint32(c.good[programEntry+4:]))
}

// edit writes a 32-bit number into the good file.
func (c *maker) edit(at int, change func(uint32) uint32) []byte {
	b := bytes.Clone(c.good)
	binary.LittleEndian.PutUint32(b[at:], change(binary.LittleEndian.Uint32(b[at:])))
	return b
}

func plus(n int) func(uint32) uint32  { return func(old uint32) uint32 { return old + uint32(n) } }
func to(n uint32) func(uint32) uint32 { return func(uint32) uint32 { return n } }

// peKinds are what can be done to a program.
func peKinds() []kind {
	ok, no, cannot := integrity.SignatureValid, integrity.SignatureBad, integrity.SignatureUnsupported
	edit := func(at int, change func(uint32) uint32) func(*maker) []byte {
		return func(c *maker) []byte { return c.edit(at, change) }
	}
	inTable := func(offset int, change func(uint32) uint32) func(*maker) []byte {
		return func(c *maker) []byte {
			at, _ := c.table()
			return c.edit(at+offset, change)
		}
	}
	// padded appends n zeros, or what they are replaced by, to the table's only entry.
	padded := func(pad []byte, inside bool) func(*maker) []byte {
		return func(c *maker) []byte {
			at, size := c.table()
			b := append(bytes.Clone(c.good), pad...)
			binary.LittleEndian.PutUint32(b[programEntry+4:], uint32(size+len(pad)))
			if inside {
				binary.LittleEndian.PutUint32(b[at:], uint32(size+len(pad)))
			}
			return b
		}
	}
	return []kind{
		{"the checksum in the header changed, as it may", edit(programOptional+peChecksum, plus(1)), nil, valid, "", ok},
		{"a second entry in the table, by a stranger", func(c *maker) []byte {
			blob := c.strangersBlob()
			at, size := c.table()
			entry := make([]byte, certificateHeader, certificateHeader+len(blob))
			binary.LittleEndian.PutUint32(entry, uint32(certificateHeader+len(blob)))
			binary.LittleEndian.PutUint16(entry[4:], certificateRevision2)
			binary.LittleEndian.PutUint16(entry[6:], certificateSignedData)
			entry = append(entry, blob...)
			b := slices.Concat(c.good[:at], entry, make([]byte, -len(entry)&7), c.good[at:])
			binary.LittleEndian.PutUint32(b[programEntry+4:], uint32(size+(len(entry)+7)&^7))
			return b
		}, nil, valid, "", ok},

		{"the signature stripped", func(c *maker) []byte {
			at, _ := c.table()
			b := bytes.Clone(c.good[:at])
			clear(b[programEntry : programEntry+8])
			return b
		}, nil, absentStatus, "", integrity.SignatureMissing},
		{"the directory entry cleared, the table left", func(c *maker) []byte {
			b := bytes.Clone(c.good)
			clear(b[programEntry : programEntry+8])
			return b
		}, nil, absentStatus, "", integrity.SignatureMissing},
		{"the directories end before the table's", edit(programOptional+108, to(peSecurity)), nil, absentStatus, "", integrity.SignatureMissing},
		{"the directory is too large", edit(programEntry+4, plus(8)), nil, bad, "after the file's", no},
		{"the directory is larger than any file", edit(programEntry+4, to(0xffffffff)), nil, bad, "after the file's", no},
		{"the directory is too small", edit(programEntry+4, plus(-8)), nil, bad, "after the certificate table", no},
		{"the directory is empty", edit(programEntry+4, to(0)), nil, bad, "after the certificate table", no},
		{"the directory names no place", edit(programEntry, to(0)), nil, bad, "inside the headers", no},
		{"the table lies in the headers", edit(programEntry, to(0x40)), nil, bad, "inside the headers", no},
		{"the table begins earlier", func(c *maker) []byte {
			at, size := c.table()
			b := c.edit(programEntry, to(uint32(at-8)))
			binary.LittleEndian.PutUint32(b[programEntry+4:], uint32(size+8))
			return b
		}, nil, bad, "", no},
		{"the table is not aligned", func(c *maker) []byte {
			at, _ := c.table()
			b := slices.Insert(bytes.Clone(c.good), at, 0)
			binary.LittleEndian.PutUint32(b[programEntry:], uint32(at+1))
			return b
		}, nil, bad, "not aligned", no},
		{"tagged with zeros", padded(make([]byte, 16), true), nil, unsupportedStatus, "is tagged", cannot},
		{"tagged", padded([]byte("payload!"), true), nil, unsupportedStatus, "bytes after its signature", cannot},
		{"tagged by Omaha", padded([]byte("Gact2.0Omaha\x00\x14appguid={1}&lang=en\x00\x00\x00\x00\x00\x00"), true), nil, unsupportedStatus, "is tagged", cannot},
		{"tagged and changed", func(c *maker) []byte {
			b := padded([]byte("payload!"), true)(c)
			b[len(b)/3] ^= 1
			return b
		}, nil, bad, "the file was changed", no},
		{"bytes added behind the entry", padded([]byte("payload!"), false), nil, bad, "certificate table says", no},
		{"zeros added behind the entry", padded(make([]byte, 8), false), nil, bad, "certificate table says", no},
		{"the padding of the signature changed", func(c *maker) []byte {
			for n := range 8 { // a signature that needs padding
				b := c.m.vendorSigned(c.t, c.format, "-n", "12345678"[:n+1])
				l, err := open(bytes.NewReader(b), int64(len(b)))
				if err == nil {
					if _, whole, _ := cms.Read(l.signatures[0]).Next(); len(whole) < len(l.signatures[0]) {
						b[len(b)-1] = 1
						return b
					}
				}
			}
			c.t.Fatal("no signature with padding")
			return nil
		}, nil, bad, "bytes after it", no},
		{"the entry is shorter than its header", inTable(0, to(7)), nil, bad, "certificate table says", no},
		{"the entry has nothing", inTable(0, to(8)), nil, bad, "certificate table says", no},
		{"the entry is longer than the table", inTable(0, plus(8)), nil, bad, "certificate table says", no},
		{"the entry is shorter than the signature", inTable(0, plus(-16)), nil, bad, "", no},
		{"the entry is of another kind", inTable(4, to(certificateRevision2|1<<16)), nil, unsupportedStatus, "want PKCS #7", cannot},
		{"the entry is of another revision", inTable(4, to(0x300|certificateSignedData<<16)), nil, unsupportedStatus, "want PKCS #7", cannot},
		{"a second entry that is broken", func(c *maker) []byte {
			b, _ := c.blob()
			_, size := c.table()
			entry := make([]byte, certificateHeader+len(b)+(-(certificateHeader+len(b))&7))
			binary.LittleEndian.PutUint32(entry, uint32(len(entry)))
			binary.LittleEndian.PutUint16(entry[4:], certificateRevision2)
			binary.LittleEndian.PutUint16(entry[6:], certificateSignedData)
			copy(entry[certificateHeader:], b)
			i := bytes.Index(entry, c.parsed().signer.Signature)
			entry[i+100] ^= 1
			out := append(bytes.Clone(c.good), entry...)
			binary.LittleEndian.PutUint32(out[programEntry+4:], uint32(size+len(entry)))
			return out
		}, nil, bad, "did not make it", no},
		{"a header of no known kind", func(c *maker) []byte {
			return c.flip(programOptional)
		}, nil, unsupportedStatus, "not known", cannot},
		{"the header's sizes changed", edit(programOptional+56, plus(0x1000)), nil, bad, "the file was changed", no},
	}
}

// strangersBlob is a stranger's signature of the unsigned file.
func (c *maker) strangersBlob() []byte {
	b := c.by("stranger")
	l, err := open(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		c.t.Fatal(err)
	}
	_, whole, _ := cms.Read(l.signatures[0]).Next()
	return whole
}
