package integritytest_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/integritytest"
)

// toy is a right verifier of a toy format, and with a fault a wrong one. Its
// signatures are HMACs by a known key.
type toy struct{ fault string }

const secret = "the trusted key"

func sign(key string, content []byte) []byte {
	m := hmac.New(sha256.New, []byte(key))
	m.Write(content)
	return m.Sum(nil)
}

func (v toy) Verify(content io.ReaderAt, size int64, detached []byte) integrity.Signature {
	if detached == nil || v.fault == "empty is absent" && len(detached) == 0 {
		return integrity.Signature{Status: integrity.Absent}
	}
	bad := integrity.Signature{Status: integrity.Bad, Detail: "the toy signature does not hold"}
	valid := integrity.Signature{Status: integrity.Valid, Signer: "Vendor", Format: "toy"}
	strange := integrity.Signature{Status: integrity.Bad, Detail: "it is by another key", Untrusted: true}
	switch v.fault {
	case "panics on much":
		if len(detached) > 1<<20 {
			panic("too much")
		}
	case "no reason":
		bad.Detail = ""
	case "no signer":
		valid.Signer = ""
	case "no format":
		valid.Format = ""
	case "odd format":
		valid.Format = "Toy 1"
	case "fifth answer":
		bad.Status = 5
	case "names the claimed signer":
		bad.Signer = "Vendor"
	case "calls a stranger's broken":
		strange.Untrusted = false
	case "calls the broken a stranger's":
		bad.Untrusted = true
	case "untrusted and valid":
		valid.Untrusted = true
	case "trusts anybody":
		if len(detached) == sha256.Size {
			return valid
		}
	}
	if size < 0 {
		return bad
	}
	data := make([]byte, size)
	n, err := content.ReadAt(data, 0)
	if v.fault == "calls the unreadable absent" && n < len(data) {
		return integrity.Signature{Status: integrity.Absent}
	}
	if v.fault == "takes a cut-off file" {
		data = data[:n]
	} else if n < len(data) {
		return integrity.Signature{Status: integrity.Unsupported, Detail: "cannot read: " + err.Error()}
	}
	if v.fault == "judges the beginning" {
		data, detached = data[:min(10, len(data))], detached[:min(len(detached), sha256.Size)]
		if !bytes.Equal(sign(secret, data), detached) && !bytes.HasPrefix([]byte(text), data) {
			return bad
		}
		return valid
	}
	switch {
	case hmac.Equal(sign(secret, data), detached):
		return valid
	case hmac.Equal(sign("another key", data), detached):
		return strange
	default:
		return bad
	}
}

const text = "the content of a toy patch"

func fixture(fault string) integritytest.Fixture {
	return integritytest.Fixture{
		Verifier: toy{fault},
		Signer:   "Vendor",
		Signed:   integritytest.File{Content: []byte(text), Detached: sign(secret, []byte(text))},
		Unsigned: integritytest.File{Content: []byte(text)},
		Stranger: integritytest.File{Content: []byte(text), Detached: sign("another key", []byte(text))},
	}
}

func TestSuitePassesARightVerifier(t *testing.T) { integritytest.Run(t, fixture("")) }

// embedded is toy with the signature in the file: a mark, 32 bytes, and what is signed.
type embedded struct{ toy }

const mark = "SIGNED"

func (v embedded) Verify(content io.ReaderAt, size int64, _ []byte) integrity.Signature {
	header := make([]byte, len(mark)+sha256.Size)
	n, err := content.ReadAt(header, 0)
	switch {
	case size < 0 || err != nil && err != io.EOF || size > 0 && n == 0:
		return integrity.Signature{Status: integrity.Unsupported, Detail: "cannot read"}
	case !bytes.HasPrefix(header[:n], []byte(mark)):
		return integrity.Signature{Status: integrity.Absent}
	case n < len(header) || size < int64(n):
		return integrity.Signature{Status: integrity.Bad, Detail: "the signature is cut off"}
	}
	rest := size - int64(n)
	return v.toy.Verify(io.NewSectionReader(content, int64(n), rest), rest, header[len(mark):])
}

func TestSuitePassesAnEmbeddedFormat(t *testing.T) {
	file := func(key string) integritytest.File {
		return integritytest.File{Content: slices.Concat([]byte(mark), sign(key, []byte(text)), []byte(text))}
	}
	integritytest.Run(t, integritytest.Fixture{
		Verifier: embedded{},
		Signer:   "Vendor",
		Signed:   file(secret),
		Unsigned: integritytest.File{Content: []byte(text)},
		Stranger: file("another key"),
		Bad:      map[string]integritytest.File{"cut off": {Content: []byte(mark)}},
	})
}

const faultVariable = "INTEGRITYTEST_FAULT"

// TestFaultyVerifier is run by the test below in a process of its own, where it must fail.
func TestFaultyVerifier(t *testing.T) {
	integritytest.Run(t, fixture(os.Getenv(faultVariable)))
}

func TestSuiteCatchesWrongVerifiers(t *testing.T) {
	tried := 0
	for fault, complaint := range map[string]string{
		"calls the unreadable absent":   "error at once",
		"takes a cut-off file":          "size beyond the end",
		"empty is absent":               "want it bad or unsupported",
		"panics on much":                "the verifier panicked",
		"no reason":                     "does not say why",
		"no signer":                     "want it valid by",
		"no format":                     "names no format",
		"odd format":                    "names no format",
		"fifth answer":                  "not one of the four answers",
		"names the claimed signer":      "without being valid",
		"trusts anybody":                "want it bad, and untrusted",
		"calls a stranger's broken":     "want it bad, and untrusted",
		"calls the broken a stranger's": "and not untrusted",
		"untrusted and valid":           "is untrusted without being bad",
		"judges the beginning":          "want it bad or unsupported",
	} {
		t.Run(fault, func(t *testing.T) {
			if tried++; testing.Short() && tried > 4 {
				t.Skip("SKIPPED ALOUD: a process per fault takes a while; run without -short")
			}
			cmd := exec.Command(os.Args[0], "-test.run=^TestFaultyVerifier$")
			cmd.Env = append(os.Environ(), faultVariable+"="+fault)
			out, err := cmd.CombinedOutput()
			require.Error(t, err, "the suite passed it:\n%s", out)
			require.True(t, strings.Contains(string(out), complaint), "%s", out)
		})
	}
}
