package authenticode

import (
	"bytes"
	"encoding/binary"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// cabKinds are what can be done to a cabinet.
func cabKinds() []kind {
	no, cannot, missing := integrity.SignatureBad, integrity.SignatureUnsupported, integrity.SignatureMissing
	edit := func(at int, change func(uint32) uint32) func(*maker) []byte {
		return func(c *maker) []byte { return c.edit(at, change) }
	}
	set := func(at int, v byte) func(*maker) []byte {
		return func(c *maker) []byte {
			b := bytes.Clone(c.good)
			b[at] = v
			return b
		}
	}
	return []kind{
		{"the signature stripped", func(c *maker) []byte {
			b := bytes.Clone(c.good[:binary.LittleEndian.Uint32(c.good[44:])])
			clear(b[44:52])
			return b
		}, nil, absentStatus, "", missing},
		{"the header names no signature", func(c *maker) []byte {
			b := bytes.Clone(c.good)
			clear(b[44:52])
			return b
		}, nil, absentStatus, "", missing},
		{"the mark is another", edit(40, plus(1)), nil, absentStatus, "", missing},
		{"nothing is reserved", set(30, 0), nil, absentStatus, "", missing},
		{"too little is reserved", set(36, 19), nil, absentStatus, "", missing},
		{"more is reserved", set(36, 24), nil, unsupportedStatus, "reserves 24 bytes", cannot},
		{"more is reserved in folders", set(38, 8), nil, unsupportedStatus, "8 a folder", cannot},
		{"more is reserved in blocks", set(39, 8), nil, unsupportedStatus, "8 a block", cannot},
		{"a later part of a set", set(30, cabFlagReserve|cabFlagPrev), nil, unsupportedStatus, "later part", cannot},
		{"the first reserved field changed", set(4, 1), nil, bad, "not zero", no},
		{"the number in its set changed", set(34, 1), nil, bad, "not zero", no},
		{"the last field that is not digested changed", set(53, 1), nil, bad, "not zero", no},
		{"the last reserved field changed", set(57, 1), nil, bad, "the file was changed", no},
		{"the cabinet's size changed", edit(8, plus(1)), nil, bad, "the file was changed", no},
		{"the number of folders changed", set(26, 2), nil, bad, "the file was changed", no},
		{"the number of the set changed", set(32, 77), nil, bad, "the file was changed", no},
		{"the version changed", set(24, 9), nil, bad, "the file was changed", no},
		{"the signature lies further on", edit(44, plus(8)), nil, bad, "in a file of", no},
		{"the signature begins earlier", edit(44, plus(-8)), nil, bad, "after the signature", no},
		{"the signature lies in the header", edit(44, to(cabSigned-4)), nil, bad, "in a file of", no},
		{"the signature is larger", edit(48, plus(8)), nil, bad, "in a file of", no},
		{"the signature is larger than any file", edit(48, to(0xffffffff)), nil, bad, "in a file of", no},
		{"the signature is smaller", edit(48, plus(-8)), nil, bad, "after the signature", no},
		{"the signature is empty", edit(48, to(0)), nil, bad, "in a file of", no},
		{"zeros after the signature, counted in", func(c *maker) []byte {
			b := append(bytes.Clone(c.good), make([]byte, 8)...)
			binary.LittleEndian.PutUint32(b[48:], binary.LittleEndian.Uint32(b[48:])+8)
			return b
		}, nil, bad, "bytes after it", no},
		{"a byte after the signature, counted in", func(c *maker) []byte {
			b := append(bytes.Clone(c.good), 1)
			binary.LittleEndian.PutUint32(b[48:], binary.LittleEndian.Uint32(b[48:])+1)
			return b
		}, nil, bad, "bytes after it", no},
		{"the header alone", func(c *maker) []byte { return c.good[:40] }, nil, unsupportedStatus, "is cut off", cannot},
	}
}
