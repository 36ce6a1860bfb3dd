package unjudged

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/integrity"
)

const (
	zipEnd      = "PK\x05\x06" // the record that ends it, after the list of files
	zipEndSize  = 22
	zip64Where  = "PK\x06\x07" // says where the larger record is
	zip64End    = "PK\x06\x06"
	zipEntry    = "PK\x01\x02" // of the list
	zipHeader   = 46           // bytes of an entry before its name
	zipComments = 1<<16 - 1    // bytes of the comment that ends it
)

// archive searches a ZIP archive's list of files. It ignores what precedes the archive.
func (f *file) archive() integrity.Format {
	last := f.tail[max(0, len(f.tail)-zipEndSize-zipComments):]
	for n := len(last); n >= zipEndSize; { // a comment may hold the mark as well
		i := bytes.LastIndex(last[:n], []byte(zipEnd))
		if i < 0 {
			return ""
		}
		if record := last[i:]; len(record) >= zipEndSize && int(le.Uint16(record[20:])) <= len(record)-zipEndSize {
			return f.listed(record)
		}
		n = i
	}
	return ""
}

// listed searches the list of files that an end record names.
func (f *file) listed(record []byte) integrity.Format {
	end := f.size - int64(len(record))
	size, start := int64(le.Uint32(record[12:])), int64(le.Uint32(record[16:]))
	if where := f.bytes(end-20, 20); bytes.HasPrefix(where, []byte(zip64Where)) && (size == 1<<32-1 || start == 1<<32-1) {
		end = int64(le.Uint64(where[8:]))
		large := f.bytes(end, 56)
		if !bytes.HasPrefix(large, []byte(zip64End)) {
			return ""
		}
		size, start = int64(le.Uint64(large[40:])), int64(le.Uint64(large[48:]))
	}
	if size < 0 || size > end {
		return ""
	}
	if size > maxList {
		f.longList()
		return ""
	}
	comment := record[zipEndSize:]
	if n := len(comment); n >= 6 && le.Uint16(comment[n-4:]) == 1<<16-1 && int(le.Uint16(comment[n-2:])) == n {
		return "ota"
	}
	for _, start := range []int64{start, end - size} { // the second if something precedes the archive
		if string(f.bytes(start, 4)) != zipEntry {
			continue
		}
		if string(f.bytes(start-16, 16)) == "APK Sig Block 42" {
			return "apk"
		}
		// Whatever the record says of its size, others read the list to its end.
		if format := f.archived(io.NewSectionReader(f.at, start, end-start)); format != "" {
			return format
		}
	}
	return ""
}

func (f *file) longList() {
	f.fail("the archive's list of files is longer than what is looked through, at most %d bytes", maxList)
}

// archived searches the names of a list of files.
func (f *file) archived(files io.Reader) integrity.Format {
	list := bufio.NewReaderSize(files, 4<<16) // an entry has less
	manifest, block := false, false
	for read := 0; !manifest || !block; {
		entry, err := list.Peek(zipHeader)
		if err == nil && !bytes.HasPrefix(entry, []byte(zipEntry)) {
			return ""
		}
		if err == nil {
			entry, err = list.Peek(zipHeader + int(le.Uint16(entry[28:])) + int(le.Uint16(entry[30:])) + int(le.Uint16(entry[32:])))
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				f.fail("the archive's list of files cannot be read: %v", err)
			}
			return ""
		}
		name := strings.ToLower(strings.ReplaceAll(string(entry[zipHeader:][:le.Uint16(entry[28:])]), `\`, "/"))
		if read += len(entry); read > maxList {
			f.longList()
			return ""
		}
		list.Discard(len(entry))
		if format := member(name); format != "" {
			return format
		}
		if dir, base := path.Split(name); dir == "meta-inf/" {
			manifest = manifest || path.Ext(base) == ".sf"
			block = block || strings.HasPrefix(base, "sig-") || slices.Contains([]string{".rsa", ".dsa", ".ec"}, path.Ext(base))
		}
	}
	return "jar"
}

// member returns the format that a file of this name, in lower case, shows.
func member(name string) integrity.Format {
	dir, base := path.Split(name)
	switch {
	case name == "appxsignature.p7x":
		return "msix"
	case name == ".signature.p7s":
		return "nuget"
	case name == "meta-inf/cose.sig":
		return "jar"
	case base != "" && (strings.HasPrefix(dir, "package/services/digital-signature/") || strings.HasPrefix(dir, "_xmlsignatures/")):
		return "opc"
	case dir == "meta-inf/" && strings.HasSuffix(base, "signatures.xml"):
		return "xml"
	case strings.HasSuffix(name, "_codesignature/coderesources") && strings.Count(name, "/") <= 3: // deeper ones are in a file's content
		return "codesign"
	case strings.HasSuffix(dir, ".dist-info/") && (strings.HasSuffix(base, "record.jws") || strings.HasSuffix(base, "record.p7s")):
		return "wheel"
	}
	return ""
}
