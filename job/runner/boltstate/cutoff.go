package boltstate

import (
	"encoding/binary"
	"fmt"
	"os"
)

// The beginning of bbolt's two meta pages. After a page header come magic,
// version, page size and flags, then the root bucket, the free list's page and
// the number of pages in use.
const (
	metaAt     = 16
	metaMagic  = 0xED0CDAED
	pageSizeAt = metaAt + 8
	pagesAt    = metaAt + 40
	metaEnd    = pagesAt + 8
	maxPage    = 64 << 10
)

// cutOff says why a file is shorter than its own headers say; empty: it is not,
// or does not exist. bbolt maps the file into memory, where reading a missing
// page would end the process.
func cutOff(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return ""
	}
	first := make([]byte, metaEnd)
	if _, err := f.ReadAt(first, 0); err != nil {
		return fmt.Sprintf("it has only %d bytes", info.Size())
	}
	pageSize := int64(os.Getpagesize())
	if binary.NativeEndian.Uint32(first[metaAt:]) == metaMagic {
		if n := int64(binary.NativeEndian.Uint32(first[pageSizeAt:])); n >= 512 && n <= maxPage {
			pageSize = n
		}
	}
	if info.Size() < 4*pageSize {
		return fmt.Sprintf("it has only %d bytes, and the shortest has %d", info.Size(), 4*pageSize)
	}
	second := make([]byte, metaEnd)
	if _, err := f.ReadAt(second, pageSize); err != nil {
		return err.Error()
	}
	for _, meta := range [][]byte{first, second} {
		if binary.NativeEndian.Uint32(meta[metaAt:]) != metaMagic {
			continue // bbolt checks it
		}
		if pages := binary.NativeEndian.Uint64(meta[pagesAt:]); pages > uint64(info.Size()/pageSize) {
			return fmt.Sprintf("it is cut off: it should have %d pages, and has %d", pages, info.Size()/pageSize)
		}
	}
	return ""
}
