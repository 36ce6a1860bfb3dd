package unjudged

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// fat searches the programs in a fat one. Entries of its list have the given size. The position
// of a program is the upper 64-shift bits of a field.
func (f *file) fat(size int64, shift int) bool {
	count := f.bytes(4, 4)
	if count == nil || be.Uint32(count) > maxArchs { // more are a Java class's version
		return false
	}
	for i := range int64(be.Uint32(count)) {
		arch := f.bytes(8+i*size, size)
		if arch == nil {
			break
		}
		if f.macho(int64(be.Uint64(arch[8:]) >> shift)) {
			return true
		}
	}
	return false
}

// macho searches the macOS program at base for a code signature.
func (f *file) macho(base int64) bool {
	header := f.bytes(base, 28)
	if header == nil {
		return false
	}
	order, at := binary.ByteOrder(le), base+28
	switch be.Uint32(header) {
	case 0xfeedface, 0xfeedfacf:
		order = be
	case 0xcefaedfe, 0xcffaedfe:
	default:
		return false
	}
	if order.Uint32(header)&1 != 0 { // of 64 bits
		at += 4
	}
	size := int64(order.Uint32(header[20:]))
	if size > maxCommands {
		f.fail("the program has %d bytes of load commands; at most %d are allowed", size, maxCommands)
	}
	commands := f.bytes(at, size)
	for len(commands) >= 8 {
		if order.Uint32(commands) == 0x1d && len(commands) >= 16 {
			return f.codeSigned(base + int64(order.Uint32(commands[8:])))
		}
		commands = commands[min(len(commands), max(8, int(order.Uint32(commands[4:])))):]
	}
	return false
}

// codeSigned reads the blob of a code signature. An ad-hoc one has no CMS signature. What is not
// of this form counts as signed.
func (f *file) codeSigned(at int64) bool {
	blob := f.bytes(at, 12)
	if blob == nil || be.Uint32(blob) != 0xfade0cc0 || be.Uint32(blob[8:]) > maxSlots {
		return true
	}
	index := f.bytes(at+12, 8*int64(be.Uint32(blob[8:])))
	for slot := range slices.Chunk(index, 8) {
		if be.Uint32(slot) == 0x10000 {
			return string(f.bytes(at+int64(be.Uint32(slot[4:])), 8)) != "\xfa\xde\x0b\x01\x00\x00\x00\x08" // empty
		}
	}
	return index == nil
}

// appImage searches for the section of an AppImage's signature, which is empty in an unsigned
// one.
func (f *file) appImage() bool {
	if !f.has(0, "\x7fELF") || len(f.head) < 64 {
		return false
	}
	table, counts, entry, offset, size := int64(le.Uint32(f.head[32:])), f.head[48:], 40, 16, 20
	if f.head[4] == 2 {
		table, counts, entry, offset, size = int64(le.Uint64(f.head[40:])), f.head[60:], 64, 24, 32
	}
	sections := f.bytes(table, int64(entry)*int64(le.Uint16(counts)))
	content := func(section []byte) []byte {
		return f.bytes(int64(le.Uint32(section[offset:])), min(int64(le.Uint32(section[size:])), maxNames))
	}
	last := entry * int(le.Uint16(counts[2:]))
	if last+entry > len(sections) {
		return false
	}
	names := content(sections[last:])
	for section := range slices.Chunk(sections, entry) {
		if name := names[min(int64(len(names)), int64(le.Uint32(section))):]; bytes.HasPrefix(name, []byte(".sha256_sig\x00")) {
			b := content(section) // of the first; others cost as much again
			return b == nil || len(bytes.Trim(b, "\x00")) > 0
		}
	}
	return false
}
