package unjudged

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
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

func verify(b []byte) integrity.Signature {
	return Verifier{}.Verify(bytes.NewReader(b), int64(len(b)), nil)
}

func TestSignedIsNotAbsent_INT9(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	for name, b := range signed(t) {
		format, _, _ := strings.Cut(name, ",")
		got := verify(b)
		require.Equal(t, integrity.Unsupported, got.Status, name)
		require.Equal(t, integrity.Format(format), got.Format, name)
		require.Contains(t, got.Detail, "signature in the format "+format)
		require.Contains(t, string(doc), "\n//\t"+format+" ", "the table in the documentation lacks it")
	}
}

// Files that nobody signed, near to those that somebody did.
func TestUnsignedIsAbsent_INT2(t *testing.T) {
	for name, b := range map[string][]byte{
		"empty":                         {},
		"text":                          []byte("hello\n"),
		"archive":                       archiveOf(t, ""),
		"archive, zip64":                zip64(archiveOf(t, "")),
		"archive with a comment":        archiveOf(t, "hello PK\x05\x06 world"),
		"MSIX":                          archiveOf(t, "", "AppxManifest.xml", "docs/AppxSignature.p7x"),
		"JAR":                           archiveOf(t, "", "META-INF/MANIFEST.MF", "META-INF/a/B.SF", "META-INF/a/B.RSA", "B.SF", "B.RSA"),
		"JAR with half a signature":     archiveOf(t, "", "META-INF/B.SF"),
		"module with an application":    archiveOf(t, "", "m@v1/testdata/a.app/Contents/_CodeSignature/CodeResources"),
		"NuGet":                         archiveOf(t, "", "a.nuspec", "lib/.signature.p7s"),
		"VSIX":                          archiveOf(t, "", "package/services/digital-signature/", "_xmlsignatures/"),
		"wheel":                         archiveOf(t, "", "a-1.0.dist-info/RECORD"),
		"PowerShell":                    []byte("Get-Item 'a'\r\n# see about_Signing: # SIG # Begin signature block\r\n"),
		"PowerShell that reads blocks":  []byte("if ($line -eq '# SIG # Begin signature block') { 'SIG' }\n"),
		"comment on SIG":                []byte("// SIG // is a signal\n"),
		"a tar that ends in a script":   append([]byte(block("# SIG # Begin signature block", "# %s", "# SIG # End signature block")), make([]byte, 1024)...),
		"XML":                           []byte("<a><!-- SignatureValue --><b name=\"SignatureValue\"/></a>"),
		"text on XML":                   []byte("every <SignatureValue> is one"),
		"xar":                           xarOf("<xar><toc><file><name>signature</name></file></toc></xar>"),
		"disk image":                    dmg(0),
		"program for macOS, ad hoc":     machoOf(0, 2),
		"program for macOS, ad hoc too": bytes.Replace(machoOf(0, 0x10000), []byte("\xfa\xde\x0b\x01\x00\x00\x00\x28"), []byte("\xfa\xde\x0b\x01\x00\x00\x00\x08"), 1),
		"program for macOS":             append([]byte("\xcf\xfa\xed\xfe"), make([]byte, 100)...),
		"Java class":                    []byte("\xca\xfe\xba\xbe\x00\x00\x00\x34\x00\x10" + strings.Repeat("x", 100)),
		"certificates":                  message(oidData),
		"certificates, PEM":             []byte("-----BEGIN PKCS7-----\n" + base64.StdEncoding.EncodeToString(message(oidData)) + "\n-----END PKCS7-----\n"),
		"module":                        []byte("\x7fELF the module ~Module signature appended~"),
		"AppImage":                      appImageOf(2, strings.Repeat("\x00", 100)),
		"gzip":                          gzipOf("hello"),
		"public key of signify":         []byte("untrusted comment: signify public key\nRWQfeYgmN9/jlIWsxUCzbHpWRBfgm3GzQk1Ni8mGmvNVDGlmfdyfAB4s\n"),
		"update of Mozilla":             mar(0),
	} {
		require.Equal(t, integrity.Signature{Status: integrity.Absent}, verify(b), name)
	}
}

// What cannot be looked through, or read, may be signed.
func TestOverABoundIsNotAbsent_INT9(t *testing.T) {
	list := func(size int) []byte { // an archive whose list of files has the size
		b := make([]byte, size+zipEndSize)
		end := b[size:]
		copy(end, zipEnd)
		le.PutUint32(end[12:], uint32(size))
		return b
	}
	told := func(entries int) []byte { // and one that says it has none
		entry := make([]byte, zipHeader+0xffff)
		copy(entry, zipEntry)
		le.PutUint16(entry[28:], 0xffff)
		return append(bytes.Repeat(entry, entries), list(0)...)
	}
	table := func(n int) []byte { return xarOf(strings.Repeat("a", n)) }
	commands := func(n int) []byte {
		b := make([]byte, 28+n)
		be.PutUint32(b, 0xcefaedfe)
		le.PutUint32(b[20:], uint32(n))
		return b
	}
	cut := xarOf("<xar><toc></toc></xar>")
	for name, tc := range map[string]struct {
		file []byte
		want integrity.Status
		why  string
	}{
		"a long list":              {list(maxList), integrity.Absent, ""},
		"a longer one":             {list(maxList + 1), integrity.Unsupported, "at most 33554432"},
		"a long list of no size":   {told(maxList / (zipHeader + 0xffff)), integrity.Absent, ""},
		"a longer one of no size":  {told(maxList/(zipHeader+0xffff) + 1), integrity.Unsupported, "at most 33554432"},
		"a long table":             {table(maxTable), integrity.Absent, ""},
		"a longer table":           {table(maxTable + 1), integrity.Unsupported, "more than 4194304"},
		"a table that is cut off":  {cut[:40], integrity.Unsupported, "cut off"},
		"a table that is damaged":  {bytes.Replace(cut, []byte("\x78\x9c"), []byte("xx"), 1), integrity.Unsupported, "cannot be read"},
		"many commands":            {commands(maxCommands), integrity.Absent, ""},
		"more commands":            {commands(maxCommands + 8), integrity.Unsupported, "at most 1048576"},
		"many slots":               {machoOf(make([]uint32, maxSlots)...), integrity.Absent, ""},
		"more slots":               {machoOf(make([]uint32, maxSlots+1)...), integrity.Unsupported, "macho"},
		"a block near the end":     {append([]byte("# SIG # Begin signature block\n"), bytes.Repeat([]byte("#\n"), maxTail/2-15)...), integrity.Unsupported, "script"},
		"a block further from it":  {append([]byte("# SIG # Begin signature block\n"), bytes.Repeat([]byte("#\n"), maxTail/2)...), integrity.Absent, ""},
		"XML signed at the head":   {append([]byte(xmlBody), bytes.Repeat([]byte(" "), maxTail)...), integrity.Unsupported, "xml"},
		"XML signed in the middle": {[]byte("<a>" + strings.Repeat(" ", maxHead) + xmlBody + strings.Repeat(" ", maxTail)), integrity.Absent, ""},
	} {
		got := verify(tc.file)
		require.Equal(t, tc.want, got.Status, "%s: %s", name, got.Detail)
		require.Contains(t, got.Detail, tc.why, name)
	}
	many := fat(nil)
	be.PutUint32(many[4:], maxArchs+1)
	require.Equal(t, integrity.Absent, verify(append(many, machoOf(0x10000)...)).Status, "it is a Java class")
	section := appImageOf(2, strings.Repeat("\x00", maxNames)+"x")
	require.Equal(t, integrity.Absent, verify(section).Status, "nobody has as long a signature")
	for name, b := range signed(t) {
		for _, limit := range []int{0, len(b) / 2, len(b) - 1} {
			got := Verifier{}.Verify(failing{b, limit}, int64(len(b)), nil)
			require.Equal(t, integrity.Unsupported, got.Status, "%s: the disk fails at byte %d", name, limit)
		}
		require.Equal(t, integrity.Unsupported, Verifier{}.Verify(bytes.NewReader(b), int64(len(b)+1), nil).Status, name)
	}
	require.Equal(t, integrity.Unsupported, Verifier{}.Verify(nil, 0, nil).Status)
	require.Equal(t, integrity.Unsupported, Verifier{}.Verify(bytes.NewReader(nil), -1, nil).Status)
}

// failing returns an error for every byte from the limit on.
type failing struct {
	content []byte
	limit   int
}

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	if off < int64(f.limit) {
		n = copy(p, f.content[off:f.limit])
	}
	if n < len(p) {
		return n, errors.New("the disk fails")
	}
	return n, nil
}

// Go's own files, unsigned: archives, programs of all systems, classes, XML, certificates.
func TestRealUnsignedFiles_INT2(t *testing.T) {
	root, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	require.NoError(t, err)
	count := 0
	err = filepath.WalkDir(filepath.Join(strings.TrimSpace(string(root)), "src"), func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || !strings.Contains(name, "testdata") && count%20 != 0 {
			count++
			return err
		}
		count++
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		got := verify(b)
		require.Equal(t, integrity.Absent, got.Status, "%s: %s", name, got.Detail)
		return nil
	})
	require.NoError(t, err)
	require.Greater(t, count, 1000)
}

func FuzzVerify(f *testing.F) {
	all := signed(f)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if len(all[name]) < 1<<16 {
			f.Add(all[name])
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got := verify(b)
		require.Contains(t, []integrity.Status{integrity.Absent, integrity.Unsupported}, got.Status)
		require.Equal(t, got.Status == integrity.Unsupported, got.Detail != "")
		require.Empty(t, got.Signer)
	})
}

// A list of files is found as others find it, whatever the archive's end says beside.
func TestArchiveThatMisleads_INT9(t *testing.T) {
	msix := archiveOf(t, "", "AppxSignature.p7x")
	end := bytes.LastIndex(msix, []byte(zipEnd))
	for name, change := range map[string]func([]byte) []byte{
		"the mark in its comment": func(b []byte) []byte { le.PutUint16(b[end+20:], 4); return append(b, zipEnd...) },
		"an end record in its comment": func(b []byte) []byte {
			le.PutUint16(b[end+20:], 22)
			return append(append(append(b, zipEnd...), make([]byte, 16)...), 0xff, 0xff)
		},
		"a list without a size":          func(b []byte) []byte { le.PutUint32(b[end+12:], 0); return b },
		"a list whose size is too small": func(b []byte) []byte { le.PutUint32(b[end+12:], 51); return b },
	} {
		got := verify(change(bytes.Clone(msix)))
		require.Equal(t, []any{integrity.Unsupported, integrity.Format("msix")}, []any{got.Status, got.Format}, name)
	}
}

// The sections of an AppImage that claim to be its signature are not all read.
func TestManySignatureSections(t *testing.T) {
	b := appImageOf(2, string(make([]byte, 200)))
	table := int(le.Uint64(b[40:]))
	count := int(le.Uint16(b[60:]))
	section := bytes.Clone(b[table+64 : table+128])
	many := append(bytes.Clone(b[:table]), bytes.Repeat(section, 60_000)...)
	le.PutUint16(many[60:], 60_000)
	allocated := testing.AllocsPerRun(1, func() { verify(many) })
	require.Less(t, allocated, 200.0, "of %d sections", count)
}
