package unjudged

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"
)

// archiveOf makes a ZIP archive of files with these names.
func archiveOf(t testing.TB, comment string, names ...string) []byte {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range append([]string{"a.txt", "b/c.txt"}, names...) {
		f, err := w.Create(name)
		require.NoError(t, err)
		if !strings.HasSuffix(name, "/") {
			_, err = f.Write([]byte("content of " + name))
			require.NoError(t, err)
		}
	}
	require.NoError(t, w.SetComment(comment))
	require.NoError(t, w.Close())
	return out.Bytes()
}

// zip64 turns an archive into one whose list is named by the larger record.
func zip64(archive []byte) []byte {
	i := bytes.LastIndex(archive, []byte(zipEnd))
	end := bytes.Clone(archive[i:])
	large := make([]byte, 56)
	copy(large, zip64End)
	le.PutUint64(large[40:], uint64(le.Uint32(end[12:])))
	le.PutUint64(large[48:], uint64(le.Uint32(end[16:])))
	where := append([]byte(zip64Where), make([]byte, 16)...)
	le.PutUint64(where[8:], uint64(i))
	le.PutUint32(end[12:], 1<<32-1)
	le.PutUint32(end[16:], 1<<32-1)
	return slices.Concat(archive[:i], large, where, end)
}

// withBlock puts an APK signing block before the list of files.
func withBlock(archive []byte) []byte {
	i := bytes.LastIndex(archive, []byte(zipEnd))
	at := int(le.Uint32(archive[i+16:]))
	block := append(make([]byte, 64), "APK Sig Block 42"...)
	out := slices.Insert(bytes.Clone(archive), at, block...)
	le.PutUint32(out[i+len(block)+16:], uint32(at+len(block)))
	return out
}

func wide(s, mark string, big bool) []byte {
	b := []byte(mark)
	for _, u := range utf16.Encode([]rune(s)) {
		if big {
			b = be.AppendUint16(b, u)
		} else {
			b = le.AppendUint16(b, u)
		}
	}
	return b
}

// block is a script with a signature block whose lines are as the language's comments are.
func block(begin, line, end string) string {
	return "Write-Host 'hello'\r\n\r\n" + begin + "\r\n" + strings.Repeat(fmt.Sprintf(line, strings.Repeat("MIIa", 16))+"\r\n", 60) + end + "\r\n"
}

func element(tag byte, parts ...[]byte) []byte {
	body := slices.Concat(parts...)
	return append([]byte{tag, 0x82, byte(len(body) >> 8), byte(len(body))}, body...)
}

// message is a SignedData over a content of a type.
func message(contentType string, algorithms ...[]byte) []byte {
	list := []byte{0x31, 0}
	if len(algorithms) > 0 {
		list = element(0x31, algorithms...)
	}
	return element(0x30, []byte(oidSignedData), element(0xa0, element(0x30, []byte{2, 1, 1}, list, element(0x30, []byte(contentType)), make([]byte, 300))))
}

var algorithm = []byte("\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01")

const oidData = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"

func xarOf(table string) []byte {
	var packed bytes.Buffer
	w := zlib.NewWriter(&packed)
	io.WriteString(w, table)
	w.Close()
	b := append([]byte("xar!\x00\x1c\x00\x01"), make([]byte, 20)...)
	be.PutUint64(b[8:], uint64(packed.Len()))
	be.PutUint64(b[16:], uint64(len(table)))
	return slices.Concat(b, packed.Bytes(), []byte("heap"))
}

// machoOf is a program of 64 bits whose code signature has the slots.
func machoOf(slots ...uint32) []byte {
	b := make([]byte, 32+16+16)
	be.PutUint32(b, 0xcffaedfe)
	le.PutUint32(b[20:], 32)
	le.PutUint32(b[32:], 0x2) // another command
	le.PutUint32(b[36:], 16)
	le.PutUint32(b[48:], 0x1d)
	le.PutUint32(b[52:], 16)
	le.PutUint32(b[56:], uint32(len(b)))
	blob := be.AppendUint32(nil, 0xfade0cc0)
	blob = be.AppendUint32(blob, 500)
	blob = be.AppendUint32(blob, uint32(len(slots)))
	for _, s := range slots {
		blob = be.AppendUint32(blob, s)
		blob = be.AppendUint32(blob, uint32(12+8*len(slots)))
	}
	blob = be.AppendUint32(blob, 0xfade0b01)
	return append(append(b, be.AppendUint32(blob, 40)...), make([]byte, 40)...)
}

func fat(program []byte) []byte {
	b := make([]byte, 8+20+36)
	be.PutUint32(b, 0xcafebabe)
	be.PutUint32(b[4:], 1)
	be.PutUint32(b[8+8:], uint32(len(b)))
	return append(b, program...)
}

func dmg(signature uint64) []byte {
	b := make([]byte, 2000+512)
	copy(b[2000:], "koly")
	be.PutUint64(b[2000+304:], signature)
	return b
}

// appImageOf has a section for a signature.
func appImageOf(class byte, signature string) []byte {
	b := make([]byte, 128)
	copy(b, "\x7fELF")
	b[4], b[5], b[16] = class, 1, 2
	copy(b[8:], "AI\x02")
	names := "\x00.text\x00.sha256_sig\x00.shstrtab\x00"
	entry, offset, size := 40, 16, 20
	if class == 2 {
		entry, offset, size = 64, 24, 32
	}
	at := len(b)
	b = append(append(b, names...), signature...)
	for i, s := range []struct{ name, at, size int }{{0, 0, 0}, {1, 0, 64}, {7, at + len(names), len(signature)}, {19, at, len(names)}} {
		section := make([]byte, entry)
		le.PutUint32(section, uint32(s.name))
		le.PutUint32(section[offset:], uint32(s.at))
		le.PutUint32(section[size:], uint32(s.size))
		if i == 0 {
			if class == 2 {
				le.PutUint64(b[40:], uint64(len(b)))
				le.PutUint16(b[60:], 4)
				le.PutUint16(b[62:], 3)
			} else {
				le.PutUint32(b[32:], uint32(len(b)))
				le.PutUint16(b[48:], 4)
				le.PutUint16(b[50:], 3)
			}
		}
		b = append(b, section...)
	}
	return b
}

func gzipOf(content string) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	io.WriteString(w, content)
	w.Close()
	return out.Bytes()
}

func mar(signatures uint32) []byte {
	b := append([]byte("MAR1"), make([]byte, 96)...)
	be.PutUint64(b[8:], uint64(len(b)))
	be.PutUint32(b[16:], signatures)
	return b
}

const xmlBody = "<?xml version=\"1.0\"?>\n<assembly>\n<dsig:SignatureValue>AAAA</dsig:SignatureValue></assembly>"

// signed is at least one file of every format, by format and what is particular.
func signed(t testing.TB) map[string][]byte {
	line64 := strings.Repeat("QUJD", 16)
	return map[string][]byte{
		"msix":             archiveOf(t, "", "AppxManifest.xml", "AppxBlockMap.xml", "AppxSignature.p7x"),
		"msix, zip64":      zip64(archiveOf(t, "", "AppxSignature.p7x")),
		"msix, commented":  archiveOf(t, "a comment", "AppxSignature.p7x"),
		"msix, after more": append([]byte("#!/bin/sh\n"), archiveOf(t, "", "AppxSignature.p7x")...),
		"jar":              archiveOf(t, "", "META-INF/MANIFEST.MF", "META-INF/A.SF", "META-INF/A.RSA"),
		"jar, EC":          archiveOf(t, "", "META-INF/MANIFEST.MF", "META-INF/b.ec", "META-INF/B.sf"),
		"jar, SIG-":        archiveOf(t, "", "META-INF/B.SF", "META-INF/SIG-B"),
		"jar, add-on":      archiveOf(t, "", "META-INF/cose.manifest", "META-INF/cose.sig"),
		"apk":              withBlock(archiveOf(t, "", "AndroidManifest.xml")),
		"ota":              archiveOf(t, "signed by SignApk\x00\x10\x00\xff\xff\x18\x00", "META-INF/com/android/otacert"),
		"nuget":            archiveOf(t, "", "a.nuspec", ".signature.p7s"),
		"opc, VSIX":        archiveOf(t, "", "extension.vsixmanifest", "package/services/digital-signature/origin.psdor"),
		"opc, Office":      archiveOf(t, "", "word/document.xml", "_xmlsignatures/sig1.xml"),
		"xap":              append(archiveOf(t, ""), "XapS\x01\x00\x10\x00\x00\x00"...),
		"wheel":            archiveOf(t, "", "a-1.0.dist-info/RECORD", "a-1.0.dist-info/RECORD.jws"),
		"xml, ODF":         archiveOf(t, "", "META-INF/documentsignatures.xml"),
		"codesign":         archiveOf(t, "", "A.app/Contents/_CodeSignature/CodeResources"),
		"macho":            machoOf(0, 0x10000),
		"macho, fat":       fat(machoOf(0, 2, 0x10000)),
		"macho, no blob":   machoOf()[:70],
		"dmg":              dmg(5000),
		"xar":              xarOf("<xar><toc><checksum/><signature style=\"RSA\"></signature></toc></xar>"),
		"xar, large":       xarOf("<xar>" + strings.Repeat("<file><name>signature</name></file>", 40_000) + "<x-signature style=\"CMS\"/></xar>"),
		"catalog":          message(oidTrustList, algorithm),
		"cms":              message(oidData, algorithm),
		"cms, PEM":         []byte("-----BEGIN PKCS7-----\n" + base64.StdEncoding.EncodeToString(message(oidData, algorithm)) + "\n-----END PKCS7-----\n"),
		"cms, p7x":         append([]byte("PKCX"), message(oidData, algorithm)...),
		"cms, BER":         []byte("\x30\x80" + oidSignedData + "\xa0\x80\x30\x80\x02\x01\x01\x31\x0d" + string(algorithm) + "\x30\x80" + oidData),
		"script, ps1":      []byte(block("# SIG # Begin signature block", "# %s", "# SIG # End signature block")),
		"script, UTF-8":    []byte("\xef\xbb\xbf" + block("# SIG # Begin signature block", "# %s", "# SIG # End signature block")),
		"script, UTF-16":   wide(block("# SIG # Begin signature block", "# %s", "# SIG # End signature block"), "\xff\xfe", false),
		"script, big":      wide(block("# SIG # Begin signature block", "# %s", "# SIG # End signature block"), "\xfe\xff", true),
		"script, no mark":  wide(block("# SIG # Begin signature block", "# %s", "# SIG # End signature block"), "", false),
		"script, ps1xml":   []byte(block("<!-- SIG # Begin signature block -->", "<!-- %s -->", "<!-- SIG # End signature block -->")),
		"script, mof":      []byte(block("/* SIG # Begin signature block */", "/* %s */", "/* SIG # End signature block */")),
		"script, vbs":      []byte(block("'' SIG '' Begin signature block", "'' SIG '' %s", "'' SIG '' End signature block")),
		"script, js":       []byte(block("// SIG // Begin signature block", "// SIG // %s", "// SIG // End signature block")),
		"script, wsf":      []byte("<job>\r\n<signature>\r\n** SIG ** " + line64 + "\r\n</signature>\r\n</job>\r\n"),
		"xml":              []byte(xmlBody),
		"xml, UTF-16":      wide(xmlBody, "\xff\xfe", false),
		"module":           append([]byte("\x7fELF the module"), "signature\x00\x00~Module signature appended~\n"...),
		"appimage":         appImageOf(2, "-----BEGIN PGP SIGNATURE-----"),
		"appimage, 32":     appImageOf(1, "-----BEGIN PGP SIGNATURE-----"),
		"alpine":           append(gzipOf(".SIGN.RSA.alpine@example.org.rsa.pub"+strings.Repeat("\x00", 1000)), gzipOf("data")...),
		"signify":          []byte("untrusted comment: verify with a.pub\n" + strings.Repeat("RWQf", 25) + "\ncontent\n"),
		"signify, gzip":    []byte("\x1f\x8b\x08\x10\x00\x00\x00\x00\x00\x00untrusted comment: signify\nRWQf\x00\x03\x00"),
		"crx":              append([]byte("Cr24\x03\x00\x00\x00"), archiveOf(t, "")...),
		"mar":              mar(1),
	}
}
