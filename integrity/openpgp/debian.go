package openpgp

import (
	"io"
	"strconv"
	"strings"
)

// A Debian package is an archive of ar(5): a magic, and members each with a header of 60 bytes,
// padded to an even size.
const (
	arMagic      = "!<arch>\n"
	arHeaderSize = 60
)

// signedInside reports whether a Debian package has a signature member of debsig-verify or
// dpkg-sig, such as "_gpgorigin".
func signedInside(content io.ReaderAt, size int64) (bool, error) {
	at := int64(len(arMagic))
	var header [arHeaderSize]byte
	for n := 0; n < maxMembers && at+arHeaderSize <= size; n++ {
		if err := readAt(content, header[:], at); err != nil {
			return false, err
		}
		if strings.HasPrefix(string(header[:16]), "_gpg") {
			return true, nil
		}
		length, err := strconv.ParseInt(strings.TrimSpace(string(header[48:58])), 10, 64)
		if err != nil || length < 0 {
			return false, nil // no archive after all
		}
		at += arHeaderSize + length + length%2
	}
	return false, nil
}
