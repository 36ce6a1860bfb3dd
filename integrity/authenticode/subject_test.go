package authenticode

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
)

// TestOtherSubjects: whatever else a vendor signed can be cut into streams,
// with its last bytes as the root's class, and would have a package's digest.
// What the signature says it is over tells them apart.
func TestOtherSubjects_INT9(t *testing.T) {
	const script = "Write-Output 'By the vendor, and no package.'\r\n# and a remark"
	v := newVerifier(t, everybody().signer())
	subjectScript := []byte("\x1f\xcc\x3b\x60\x59\x4b\x08\x4e\xb7\x24\xd2\xc6\x29\x7e\xf3\x51") // of PowerShell
	msi := dataTypes[integrity.MSI]
	// split makes a package of the script: a stream, and the class of the root,
	// behind which the name of one lies.
	split := func(blob []byte) sparse {
		content, class := script[:len(script)-16], script[len(script)-16:]
		file := compoundFile(9, []file{{name: "\x05DigitalSignature", content: blob}, {name: "Table", content: []byte(content)}})
		for _, p := range file.pieces {
			if cms.Read(p.b).Has(nameRoot[0]) {
				copy(p.b[entryClass:], class)
			}
		}
		return file
	}
	for name, c := range map[string]struct {
		id     cms.OID
		about  []byte
		status integrity.Status
		detail string
	}{
		"a package":                   {msi, subjectInfo(subjectInstaller), valid, ""},
		"a script":                    {msi, subjectInfo(subjectScript), bad, "not a package"},
		"a subject cut off":           {msi, subjectInfo(subjectInstaller[:15]), bad, "not a package"},
		"no subject":                  {msi, nil, bad, "not a package"},
		"an empty subject":            {msi, seq(), bad, "not a package"},
		"a program":                   {dataTypes[integrity.PE], nil, bad, "over a file of format"},
		"something of a type unknown": {cms.NewOID("1.2.3"), subjectInfo(subjectInstaller), bad, "not a package"},
	} {
		t.Run(name, func(t *testing.T) {
			f := vendorForgery()
			f.content = dataOver(c.id, c.about, integrity.SHA256, sumOf(integrity.SHA256, []byte(script)))
			file := split(f.signedData(t))
			got := v.Verify(file, file.size, nil)
			require.Equal(t, c.status, got.Status, "%+v", got)
			require.Contains(t, got.Detail, c.detail)
		})
	}
}

// subjectInfo names the subject interface that digested the data.
func subjectInfo(subject []byte) []byte {
	return seq(number(1), octets(subject), number(0), number(0), number(0), number(0), number(0))
}
