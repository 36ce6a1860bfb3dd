package unjudged

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

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
	if testing.Short() {
		t.Skip("SKIPPED ALOUD: the files of the Go source take a while; run without -short")
	}
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
