package unjudged

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// Of a ZIP archive.
const (
	zipEnd      = "PK\x05\x06" // the record that ends it, after the list of files
	zipEndSize  = 22
	zip64Where  = "PK\x06\x07" // says where the larger record is
	zip64End    = "PK\x06\x06"
	zipEntry    = "PK\x01\x02" // of the list
	zipHeader   = 46           // bytes of an entry before its name
	zipComments = 1<<16 - 1    // bytes of the comment that ends it
)

// archive looks through a ZIP archive's list of files. Whatever stands before the archive is no matter.
func (f *file) archive() (integrity.Format, error) {
	le := binary.LittleEndian
	last := f.tail[max(0, len(f.tail)-zipEndSize-zipComments):]
	i := bytes.LastIndex(last, []byte(zipEnd))
	if i < 0 || i+zipEndSize > len(last) {
		return "", nil
	}
	record := last[i:]
	end := f.size - int64(len(record))
	size, start := int64(le.Uint32(record[12:])), int64(le.Uint32(record[16:]))
	if where, err := f.bytes(end-20, 20); err == nil && string(where[:4]) == zip64Where && (size == 1<<32-1 || start == 1<<32-1) {
		end = int64(le.Uint64(where[8:]))
		large, err := f.bytes(end, 56)
		if err != nil || string(large[:4]) != zip64End {
			return "", err
		}
		size, start = int64(le.Uint64(large[40:])), int64(le.Uint64(large[48:]))
	}
	switch {
	case size < 0 || size > end:
		return "", nil
	case size > maxList:
		return "", fmt.Errorf("the archive's list of files has %d bytes; at most %d are looked through", size, maxList)
	}
	comment := record[zipEndSize:]
	if n := len(comment); n >= 6 && le.Uint16(comment[n-4:]) == 1<<16-1 && int(le.Uint16(comment[n-2:])) == n {
		return "ota", nil
	}
	for _, start := range []int64{start, end - size} { // the second if something stands before the archive
		if mark, err := f.bytes(start, 4); err != nil && !errors.Is(err, errCut) {
			return "", err
		} else if string(mark) != zipEntry {
			continue
		}
		if mark, err := f.bytes(start-16, 16); err != nil && !errors.Is(err, errCut) {
			return "", err
		} else if string(mark) == "APK Sig Block 42" {
			return "apk", nil
		}
		return archived(bufio.NewReader(io.NewSectionReader(f.at, start, size)))
	}
	return "", nil
}

// archived looks through the names of a list of files as far as it is one.
func archived(list *bufio.Reader) (integrity.Format, error) {
	header := make([]byte, zipHeader)
	name := make([]byte, 1<<16)
	manifest, block := false, false
	for {
		_, err := io.ReadFull(list, header)
		if err == nil && string(header[:4]) != zipEntry {
			err = io.EOF
		}
		n := binary.LittleEndian.Uint16(header[28:])
		if err == nil {
			_, err = io.ReadFull(list, name[:n])
		}
		if err == nil {
			_, err = list.Discard(int(binary.LittleEndian.Uint16(header[30:])) + int(binary.LittleEndian.Uint16(header[32:])))
		}
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return "", nil
		case err != nil:
			return "", fmt.Errorf("the archive's list of files cannot be read: %w", err)
		}
		is := strings.ToLower(strings.ReplaceAll(string(name[:n]), `\`, "/"))
		if format := member(is); format != "" {
			return format, nil
		}
		if direct, ok := strings.CutPrefix(is, "meta-inf/"); ok && !strings.Contains(direct, "/") {
			manifest = manifest || strings.HasSuffix(direct, ".sf")
			block = block || strings.HasPrefix(direct, "sig-") || hasSuffix(direct, ".rsa", ".dsa", ".ec")
		}
		if manifest && block {
			return "jar", nil
		}
	}
}

// member says what an archive is signed as that has a file of the name, which is in lower case.
func member(name string) integrity.Format {
	dir, base := name[:strings.LastIndex(name, "/")+1], name[strings.LastIndex(name, "/")+1:]
	switch {
	case name == "appxsignature.p7x":
		return "msix"
	case name == ".signature.p7s":
		return "nuget"
	case name == "meta-inf/cose.sig":
		return "jar"
	case base != "" && (strings.HasPrefix(name, "package/services/digital-signature/") || strings.HasPrefix(name, "_xmlsignatures/")):
		return "opc"
	case dir == "meta-inf/" && strings.HasSuffix(base, "signatures.xml"):
		return "xml"
	case strings.HasSuffix(name, "_codesignature/coderesources") && strings.Count(name, "/") <= 3: // deeper ones are in a file's content
		return "codesign"
	case strings.HasSuffix(dir, ".dist-info/") && hasSuffix(base, "record.jws", "record.p7s"):
		return "wheel"
	}
	return ""
}

func hasSuffix(s string, any ...string) bool {
	for _, suffix := range any {
		if strings.HasSuffix(s, suffix) {
			return true
		}
	}
	return false
}
