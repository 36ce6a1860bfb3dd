package inspect

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// startSize is how many bytes of a file kind looks at.
const startSize = 4096

// magics are the first bytes of common files.
var magics = []struct{ start, kind string }{
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "compound file (Windows Installer, old Office)"},
	{"MSCF", "Windows cabinet"},
	{"\xed\xab\xee\xdb", "RPM package"},
	{"!<arch>\ndebian-binary", "Debian package"},
	{"!<arch>\n", "archive (ar)"},
	{"\x7fELF", "ELF program or library"},
	{"\xfe\xed\xfa\xce", "macOS program"}, {"\xfe\xed\xfa\xcf", "macOS program"}, {"\xcf\xfa\xed\xfe", "macOS program"},
	{"\xca\xfe\xba\xbe", "macOS program or Java class"},
	{"PK\x03\x04", "zip archive"},
	{"\x1f\x8b", "gzip"}, {"\xfd7zXZ\x00", "xz"}, {"\x28\xb5\x2f\xfd", "zstd"}, {"BZh", "bzip2"}, {"\x04\x22\x4d\x18", "lz4"},
	{"7z\xbc\xaf\x27\x1c", "7-Zip archive"},
	{"%PDF-", "PDF"},
	{"xar!", "macOS installer"},
	{"-----BEGIN PGP SIGNED MESSAGE-----", "clear-signed text"},
	{"-----BEGIN PGP SIGNATURE-----", "OpenPGP signature"},
	{"-----BEGIN PGP PUBLIC KEY BLOCK-----", "OpenPGP keys"},
	{"-----BEGIN CERTIFICATE-----", "certificate"},
	{"#!", "script"},
}

// kind says what a file is, by its first bytes.
func kind(start []byte) string {
	if len(start) == 0 {
		return "empty file"
	}
	for _, m := range magics {
		if bytes.HasPrefix(start, []byte(m.start)) {
			return m.kind
		}
	}
	if bytes.HasPrefix(start, []byte("MZ")) && len(start) >= 64 {
		at := int64(binary.LittleEndian.Uint32(start[60:]))
		if at >= int64(len(start)) || bytes.HasPrefix(start[at:], []byte("PE\x00\x00")) {
			return "Windows program or library"
		}
		return "DOS program"
	}
	text := start
	for len(text) > 0 && len(start) == startSize && len(start)-len(text) < utf8.UTFMax && !utf8.Valid(text) {
		text = text[:len(text)-1] // a character that the limit cut
	}
	if utf8.Valid(text) && !bytes.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' && r != '\f' }) {
		return "text"
	}
	return "data"
}
