package authenticode

import (
	"encoding/binary"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
)

const (
	cabHeader      = 36 // bytes without anything optional
	cabFlagPrev    = 1
	cabFlagReserve = 4
	cabReserve     = 20         // bytes reserved in the header of a signed cabinet
	cabMark        = 0x00100000 // begins them
	cabSigned      = 60         // where what follows the header begins
)

// openCAB reads a cabinet. The digest covers everything before the signature except the first
// reserved field, the cabinet's number in its set, and what the reserved part of the header says
// about the signature. The signature must be the end of the file.
func openCAB(s source) (*layout, error) {
	f := &layout{format: integrity.CAB}
	h, err := s.bytes(0, min(s.size, cabSigned))
	if err != nil {
		return f, err
	}
	if len(h) < cabHeader {
		return f, errCut
	}
	u16 := func(at int) uint16 { return binary.LittleEndian.Uint16(h[at:]) }
	u32 := func(at int) int64 { return int64(binary.LittleEndian.Uint32(h[at:])) }
	flags := u16(30)
	if flags&cabFlagReserve == 0 {
		return f, errAbsent
	}
	if len(h) < cabHeader+4 {
		return f, errCut
	}
	// Writers may reserve bytes for themselves. They point to a signature only if they begin so.
	reserved := u16(36)
	if reserved < cabReserve {
		return f, errAbsent
	}
	if len(h) < cabSigned {
		return f, errCut
	}
	at, size := u32(44), u32(48)
	switch {
	case u32(40) != cabMark, at == 0 && size == 0:
		return f, errAbsent
	case u32(36) != cabReserve:
		return f, cms.Unsupported("the cabinet reserves %d bytes in its header, %d a folder and %d a block; signed ones %d, 0 and 0",
			reserved, h[38], h[39], cabReserve)
	case flags&cabFlagPrev != 0:
		return f, cms.Unsupported("the cabinet is a later part of a set")
	case u32(4) != 0 || u16(34) != 0 || u32(52) != 0:
		return f, cms.Broken("a field of the cabinet's header that no signature covers is not zero")
	case size == 0 || at < cabSigned || at+size > s.size:
		return f, cms.Broken("the signature is at byte %d, with %d bytes, in a file of %d", at, size, s.size)
	case at+size < s.size:
		return f, cms.Broken("there are %d bytes after the signature, which it does not cover", s.size-at-size)
	case size > MaxSignature:
		return f, cms.Unsupported("the signature has %d bytes; at most %d are allowed", size, MaxSignature)
	}
	blob, err := s.bytes(at, size)
	if err != nil {
		return f, err
	}
	f.signatures = [][]byte{blob}
	f.digested = s.spans(span{0, 4}, span{8, 34}, span{56, at})
	return f, nil
}
