package authenticode

import (
	"bytes"
	"encoding/binary"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
)

const (
	peOffsetAt   = 0x3c // where the DOS header says where the PE header is
	peFileHeader = 24   // bytes of the PE mark and the file header, before the optional header
	peMagic32    = 0x10b
	peMagic64    = 0x20b
	peChecksum   = 64 // of the optional header
	peSecurity   = 4  // index of the directory that says where the signatures are
)

const (
	certificateHeader     = 8
	certificateRevision1  = 0x0100
	certificateRevision2  = 0x0200
	certificateSignedData = 2
)

// openPE reads a program, library or driver. The digest covers everything except the checksum in
// the header, the directory entry of the certificate table, and that table, which must be the end
// of the file.
func openPE(s source) (*layout, error) {
	f := &layout{}
	dos, err := s.bytes(0, min(s.size, peOffsetAt+4))
	if err != nil {
		return f, err
	}
	if len(dos) < peOffsetAt+4 {
		return f, errAbsent // a DOS program
	}
	pe := int64(binary.LittleEndian.Uint32(dos[peOffsetAt:]))
	if pe > s.size-4 {
		return f, errAbsent
	}
	head, err := s.bytes(pe, min(s.size-pe, peFileHeader+112+8*(peSecurity+1)))
	if err != nil {
		return f, err
	}
	if !bytes.HasPrefix(head, []byte("PE\x00\x00")) {
		return f, errAbsent
	}
	f.format = integrity.PE
	if len(head) < peFileHeader+2 {
		return f, errCut
	}
	optional := head[peFileHeader:]
	directories := 0
	switch magic := binary.LittleEndian.Uint16(optional); magic {
	case peMagic32:
		directories = 96
	case peMagic64:
		directories = 112
	default:
		return f, cms.Unsupported("the program's header is of kind %#x, which is not known", magic)
	}
	if len(optional) < directories {
		return f, errCut
	}
	if binary.LittleEndian.Uint32(optional[directories-4:]) <= peSecurity {
		return f, errAbsent
	}
	at := directories + 8*peSecurity
	if len(optional) < at+8 {
		return f, errCut
	}
	table := int64(binary.LittleEndian.Uint32(optional[at:]))
	size := int64(binary.LittleEndian.Uint32(optional[at+4:]))
	if table == 0 && size == 0 {
		return f, errAbsent
	}
	begin := pe + peFileHeader
	entry := begin + int64(at)
	checksum := begin + peChecksum
	switch {
	case table < entry+8:
		return f, cms.Broken("the certificate table is inside the headers, at byte %d", table)
	case table+size > s.size:
		return f, cms.Broken("the certificate table ends at byte %d, after the file's %d bytes", table+size, s.size)
	case table+size < s.size:
		return f, cms.Broken("there are %d bytes after the certificate table, which no signature covers", s.size-table-size)
	case table%8 != 0:
		return f, cms.Broken("the certificate table is not aligned, at byte %d", table)
	case size > MaxSignature:
		return f, cms.Unsupported("the certificate table has %d bytes; at most %d are allowed", size, MaxSignature)
	}
	b, err := s.bytes(table, size)
	if err != nil {
		return f, err
	}
	f.digested = s.spans(span{0, checksum}, span{checksum + 4, entry}, span{entry + 8, table})
	f.signatures, err = certificateTable(b)
	return f, err
}

func certificateTable(b []byte) (signatures [][]byte, err error) {
	for len(b) > 0 {
		if len(b) < certificateHeader {
			return nil, cms.Broken("there are %d bytes after the last entry of the certificate table", len(b))
		}
		n := int64(binary.LittleEndian.Uint32(b))
		revision, kind := binary.LittleEndian.Uint16(b[4:]), binary.LittleEndian.Uint16(b[6:])
		switch {
		case n <= certificateHeader || n > int64(len(b)):
			return nil, cms.Broken("an entry of the certificate table says it has %d bytes, with %d left", n, len(b))
		case revision != certificateRevision1 && revision != certificateRevision2 || kind != certificateSignedData:
			return nil, cms.Unsupported("an entry of the certificate table is of kind %d, revision %#x; want PKCS #7", kind, revision)
		case len(signatures) == MaxSignatures:
			return nil, cms.Unsupported("the file has more than %d signatures", MaxSignatures)
		}
		signatures = append(signatures, b[certificateHeader:n])
		end := min((n+7)&^7, int64(len(b)))
		if len(bytes.Trim(b[n:end], "\x00")) > 0 {
			return nil, cms.Broken("the padding in the certificate table is not empty")
		}
		b = b[end:]
	}
	if len(signatures) == 0 {
		return nil, cms.Broken("the certificate table is empty")
	}
	return signatures, nil
}
