package authenticode

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"io"
	"unicode/utf16"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
)

// The streams with a package's signature. They are not digested.
var (
	nameSignature = utf16Name("\x05DigitalSignature")
	nameExtended  = utf16Name("\x05MsiDigitalSignatureEx")
)

func utf16Name(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s + "\x00")) {
		b = append(b, byte(u), byte(u>>8))
	}
	return b
}

// classInstaller is the end of the class ids of transforms, packages and patches, 000C1082,
// 000C1084 and 000C1086.
var classInstaller = []byte("\x10\x0c\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00\x46")

// openMSI reads a Windows Installer package, transform or patch. The digest covers the content of
// all streams in the order of their names, and each storage's class after them.
func openMSI(s source) (*layout, error) {
	f := &layout{}
	c, err := openCompound(s)
	if err != nil {
		f.format = integrity.MSI // it may be one
		return f, err
	}
	root := &c.directory[0]
	if bytes.IndexByte([]byte{0x82, 0x84, 0x86}, root.clsid[0]) >= 0 && bytes.Equal(root.clsid[1:], classInstaller) {
		f.format = integrity.MSI
	}
	var signature, extended *entry
	streams := root.children[:0:0]
	for _, n := range root.children {
		e := &c.directory[n]
		switch {
		case e.kind == kindStream && bytes.Equal(e.name, nameSignature):
			signature = e
		case e.kind == kindStream && bytes.Equal(e.name, nameExtended):
			extended = e
		default:
			streams = append(streams, n)
		}
	}
	root.children = streams
	if signature == nil && extended == nil {
		return f, errAbsent
	}
	f.format = integrity.MSI
	if signature == nil {
		return f, cms.Broken("the package has the stream MsiDigitalSignatureEx and no signature")
	}
	blob, err := c.read(*signature, MaxSignature)
	if err != nil {
		return f, err
	}
	f.signatures = [][]byte{blob}
	if extended != nil {
		if f.metadataDigest, err = c.read(*extended, 64); err != nil {
			return f, err
		}
		f.metadata = c.directory.metadata(nil, 0)
	} else if len(root.children) > 0 {
		// The digest does not mark where content ends, so that stream would still fit under
		// another name that comes first.
		first := c.directory[root.children[0]]
		if first.kind == kindStream && (first.size == sha256.Size || first.size == sha512.Size384 || first.size == sha512.Size) {
			return f, cms.Broken("the package begins with the stream %s, which may be its MsiDigitalSignatureEx renamed", first.text())
		}
	}
	f.digested = func(w io.Writer) error {
		err := c.digest(w, 0, make([]byte, blockSize))
		if err == nil {
			err = c.unused()
		}
		if errors.Is(err, errCut) {
			err = cms.Broken("the package ends before its streams do")
		}
		return err
	}
	return f, nil
}

func (c *compound) digest(w io.Writer, at uint32, block []byte) error {
	storage := c.directory[at]
	for _, n := range storage.children {
		e := c.directory[n]
		var err error
		if e.kind == kindStorage {
			err = c.digest(w, n, block)
		} else {
			err = c.stream(w, e, block)
		}
		if err != nil {
			return err
		}
	}
	w.Write(storage.clsid)
	return nil
}

// metadata appends what MsiDigitalSignatureEx is a digest of: names, sizes, classes, states and
// times.
func (d directory) metadata(b []byte, at uint32) []byte {
	e := d[at]
	if e.kind != kindRoot {
		b = append(b, e.name[:len(e.name)-2]...)
	}
	if e.kind == kindStream {
		b = append(b, e.sizeBytes...)
	} else {
		b = append(b, e.clsid...)
	}
	b = append(b, e.state...)
	if e.kind != kindRoot {
		b = append(b, e.times...)
	}
	for _, n := range e.children {
		b = d.metadata(b, n)
	}
	return b
}
