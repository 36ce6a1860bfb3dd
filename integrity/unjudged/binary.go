package unjudged

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/patchpolicy/patchpolicy/integrity"
)

var be, le = binary.BigEndian, binary.LittleEndian

// magic knows files by a mark at one end.
func (f *file) magic() (integrity.Format, error) {
	switch {
	case bytes.HasSuffix(f.tail, []byte("~Module signature appended~\n")):
		return "module", nil
	case f.size >= 10 && string(f.tail[len(f.tail)-10:len(f.tail)-6]) == "XapS":
		return "xap", nil
	case f.begins("Cr24"):
		return "crx", nil
	case f.begins("MAR1") && len(f.head) >= 20 && be.Uint64(f.head[8:]) == uint64(f.size) && be.Uint32(f.head[16:]) > 0:
		return "mar", nil
	case f.begins("untrusted comment: "):
		// A public key has as many lines, and the second is shorter.
		if lines := bytes.SplitN(f.head, []byte("\n"), 3); len(lines) > 1 && len(lines[1]) >= 100 {
			return "signify", nil
		}
	case f.size >= 512:
		if b := f.tail[len(f.tail)-512:]; bytes.HasPrefix(b, []byte("koly")) && be.Uint64(b[304:]) > 0 {
			return "dmg", nil
		}
	}
	return "", nil
}

// compressed looks at how a gzip file begins: 512 bytes of it are inflated.
func (f *file) compressed() (integrity.Format, error) {
	if !f.begins("\x1f\x8b") {
		return "", nil
	}
	if f.begins("\x1f\x8b\x08\x10") && len(f.head) > 10 && bytes.HasPrefix(f.head[10:], []byte("untrusted comment: ")) {
		return "signify", nil
	}
	b := make([]byte, 512)
	if z, err := gzip.NewReader(bytes.NewReader(f.head)); err != nil {
		return "", nil
	} else if n, _ := io.ReadFull(z, b); bytes.HasPrefix(b[:n], []byte(".SIGN.")) {
		return "alpine", nil
	}
	return "", nil
}

// xar looks through a xar's table of contents, which is XML.
func (f *file) xar() (integrity.Format, error) {
	if !f.begins("xar!") || len(f.head) < 28 {
		return "", nil
	}
	at, size := int64(be.Uint16(f.head[4:])), int64(be.Uint64(f.head[8:]))
	if size < 0 || size > f.size-at {
		return "xar", errors.New("the xar's table of contents is cut off")
	}
	table, err := zlib.NewReader(io.NewSectionReader(f.at, at, size))
	if err != nil {
		return "xar", fmt.Errorf("the xar's table of contents cannot be read: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(table, maxTable+1))
	switch {
	case bytes.Contains(text, []byte("<signature")) || bytes.Contains(text, []byte("<x-signature")):
		return "xar", nil
	case len(text) > maxTable:
		return "xar", fmt.Errorf("the xar's table of contents has more than %d bytes", maxTable)
	case err != nil:
		return "xar", fmt.Errorf("the xar's table of contents cannot be read: %w", err)
	}
	return "", nil
}

// macho looks for the code signature of a program, or of one of the programs in a fat one.
func (f *file) macho() (integrity.Format, error) {
	if !f.begins("\xca\xfe\xba\xbe", "\xca\xfe\xba\xbf") {
		return f.machoAt(0)
	}
	if len(f.head) < 8 || be.Uint32(f.head[4:]) > maxArchs { // more are a Java class's version
		return "", nil
	}
	wide := f.head[3] == 0xbf
	for i := range int(be.Uint32(f.head[4:])) {
		size := 20
		if wide {
			size = 32
		}
		arch := f.head[min(len(f.head), 8+i*size):]
		if len(arch) < size {
			return "", nil
		}
		at := int64(be.Uint32(arch[8:]))
		if wide {
			at = int64(be.Uint64(arch[8:]))
		}
		if format, err := f.machoAt(at); format != "" || err != nil && !errors.Is(err, errCut) {
			return format, err
		}
	}
	return "", nil
}

// machoAt looks at the program that begins there.
func (f *file) machoAt(base int64) (integrity.Format, error) {
	header, err := f.bytes(base, 28)
	if err != nil {
		return "", err
	}
	order, at := binary.ByteOrder(le), base+28
	switch magic := be.Uint32(header); magic {
	case 0xfeedface, 0xfeedfacf:
		order = be
	case 0xcefaedfe, 0xcffaedfe:
	default:
		return "", nil
	}
	if order.Uint32(header)&1 != 0 {
		at += 4
	}
	size := int64(order.Uint32(header[20:]))
	if size > maxCommands {
		return "macho", fmt.Errorf("the program has %d bytes of load commands; at most %d", size, maxCommands)
	}
	commands, err := f.bytes(at, size)
	for ; err == nil && len(commands) >= 8; commands = commands[min(len(commands), max(8, int(order.Uint32(commands[4:])))):] {
		if order.Uint32(commands) == 0x1d && len(commands) >= 16 {
			return f.codeSignature(base + int64(order.Uint32(commands[8:])))
		}
	}
	return "", err
}

// codeSignature looks into the blob that is a program's signature: one that nobody's key made has no CMS signature. What
// is not of its form counts as signed.
func (f *file) codeSignature(at int64) (integrity.Format, error) {
	blob, err := f.bytes(at, 12)
	if err == nil && be.Uint32(blob) == 0xfade0cc0 && be.Uint32(blob[8:]) <= maxSlots {
		var index []byte
		index, err = f.bytes(at+12, 8*int64(be.Uint32(blob[8:])))
		for ; len(index) > 0; index = index[8:] {
			if be.Uint32(index) != 0x10000 {
				continue
			}
			cms, err := f.bytes(at+int64(be.Uint32(index[4:])), 8)
			if err == nil && be.Uint32(cms) == 0xfade0b01 && be.Uint32(cms[4:]) == 8 { // empty
				return "", nil
			}
			return "macho", notCut(err)
		}
		if err == nil {
			return "", nil
		}
	}
	return "macho", notCut(err)
}

func notCut(err error) error {
	if errors.Is(err, errCut) {
		return nil
	}
	return err
}

// appImage looks for the section that holds an AppImage's signature; it is there and empty in one that is not signed.
func (f *file) appImage() (integrity.Format, error) {
	if !f.begins("\x7fELF") || len(f.head) < 64 || string(f.head[8:11]) != "AI\x02" {
		return "", nil
	}
	table, counts, entry, offset, size := int64(le.Uint32(f.head[32:])), f.head[48:], 40, 16, 20
	if f.head[4] == 2 {
		table, counts, entry, offset, size = int64(le.Uint64(f.head[40:])), f.head[60:], 64, 24, 32
	}
	sections, err := f.bytes(table, int64(entry)*int64(le.Uint16(counts)))
	if err != nil {
		return "", err
	}
	content := func(section []byte) ([]byte, error) {
		return f.bytes(int64(le.Uint32(section[offset:])), min(int64(le.Uint32(section[size:])), maxNames))
	}
	last := entry * int(le.Uint16(counts[2:]))
	if last+entry > len(sections) {
		return "", nil
	}
	names, err := content(sections[last:])
	if err != nil {
		return "", err
	}
	for section := range slices.Chunk(sections, entry) {
		name := names[min(int64(len(names)), int64(le.Uint32(section))):]
		if !bytes.HasPrefix(name, []byte(".sha256_sig\x00")) {
			continue
		}
		if b, err := content(section); err != nil || len(bytes.Trim(b, "\x00")) > 0 {
			return "appimage", notCut(err)
		}
	}
	return "", nil
}
