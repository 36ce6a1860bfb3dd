package authenticode

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
)

func inspect(t *testing.T, b []byte) Report {
	t.Helper()
	r, err := Inspect(bytes.NewReader(b), int64(len(b)))
	require.NoError(t, err)
	return r
}

func TestInspectTellsWhatToPin(t *testing.T) {
	p := everybody()
	f := vendorForgery()
	f.attributes = func(a [][]byte) [][]byte { // with a name for the program
		name := cms.Encode(cms.TagContext, []byte("\x00P\x00a\x00t\x00c\x00h\x00\x07"))
		return append(a, attr(oidOpusInfo, seq(cms.Encode(cms.TagContext0, name))))
	}
	b := sealed(t, integrity.PE, f, placePE(100)).bytes()
	r := inspect(t, b)
	require.Equal(t, integrity.PE, r.Format)
	require.Empty(t, r.Odd)
	require.Len(t, r.Signatures, 1)
	s := r.Signatures[0]
	require.True(t, s.Matches)
	require.False(t, s.Nested)
	require.Empty(t, s.Problem)
	require.Equal(t, `Patch\x07`, s.Program, "without what a terminal would obey")
	require.Equal(t, integrity.SHA256, s.Digest.Algorithm)
	vendor := s.Chain[0]
	require.Equal(t, "CN=Vendor,O=Vendor Inc.", vendor.Subject)
	require.Equal(t, "CN=Code CA,O=Vendor Inc.", vendor.Issuer)
	require.Equal(t, "Vendor Inc.", vendor.Organization)
	require.Equal(t, p.vendor.sum(), vendor.SHA256)
	require.Equal(t, notBefore, vendor.NotBefore)
	require.Equal(t, notAfter, vendor.NotAfter)
	require.Equal(t, "SHA256-RSA", vendor.Algorithm)
	require.Empty(t, vendor.Weak)
	require.Equal(t, p.ca.sum(), s.Chain[1].SHA256)
	require.Len(t, s.Timestamps, 1)
	require.Equal(t, now, s.Timestamps[0].Time)
	require.False(t, s.Timestamps[0].Legacy)
	require.Empty(t, s.Timestamps[0].Problem)
	require.Equal(t, "CN=Stamper,O=Vendor Inc.", s.Timestamps[0].Chain[0].Subject)

	// What it says can be pinned.
	signer := known{"Vendor", integrity.AuthenticodeTrust{Anchors: pins(s.Chain[1].SHA256), Timestampers: pins(s.Timestamps[0].Chain[0].SHA256)}}
	require.Equal(t, integrity.Valid, verify(newVerifier(t, signer), b).Status)

	b[0x50] ^= 1
	r = inspect(t, b)
	require.False(t, r.Signatures[0].Matches)
	require.Contains(t, r.Signatures[0].Problem, "the file was changed")
}

func TestInspectTellsWhatIsWrong(t *testing.T) {
	p := everybody()
	require.Equal(t, Report{}, inspect(t, []byte("neither of the three")))
	require.Equal(t, Report{Format: integrity.CAB}, inspect(t, seed(t, "unsigned.cab")))
	b := seed(t, "stamped.pe")
	require.Contains(t, inspect(t, append(bytes.Clone(b), 1)).Odd[0], "after the certificate table")

	weak := vendorForgery()
	weak.who = p.people["RSA-1024"]
	r := inspect(t, sealed(t, integrity.CAB, weak, placeCAB(1)).bytes())
	require.Contains(t, r.Signatures[0].Problem, "RSA key of 1024 bits")
	require.Contains(t, r.Signatures[0].Chain[0].Weak, "RSA key of 1024 bits")

	legacy := vendorForgery()
	legacy.legacyStamp = true
	r = inspect(t, sealed(t, integrity.CAB, legacy, placeCAB(1)).bytes())
	require.True(t, r.Signatures[0].Timestamps[0].Legacy)

	other := vendorForgery()
	other.stampedBy = nil
	other.others = [][]byte{attr(oidMicrosoftTimestamp, otherToken(t))}
	r = inspect(t, sealed(t, integrity.CAB, other, placeCAB(1)).bytes())
	require.Contains(t, r.Signatures[0].Timestamps[0].Problem, "over something else")

	unread := vendorForgery()
	bad := *p.root.cert
	bad.Raw = seq(number(1))
	unread.certs = append(unread.certs, identity{cert: &bad})
	r = inspect(t, sealed(t, integrity.CAB, unread, placeCAB(1)).bytes())
	require.Contains(t, r.Odd[0], "1 certificates cannot be read")
}

func TestInspectCannotRead(t *testing.T) {
	b := seed(t, "stamped.pe")
	for name, c := range map[string]struct {
		at   io.ReaderAt
		size int64
	}{
		"nothing":       {nil, 10},
		"negative":      {bytes.NewReader(b), -1},
		"too short":     {bytes.NewReader(b), int64(len(b)) + 8},
		"no content":    {bytes.NewReader(nil), 10},
		"a broken disk": {noDisk{}, 10},
	} {
		_, err := Inspect(c.at, c.size)
		require.Error(t, err, name)
	}
}

// noDisk cannot be read.
type noDisk struct{}

func (noDisk) ReadAt([]byte, int64) (int, error) { return 0, errors.New("the disk fails") }
