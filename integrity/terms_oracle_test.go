package integrity

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// A clause only ever refuses more: what passes under it passes without it, and
// meets the clause taken word for word. What passes without it and meets the
// clause passes under it too (INT-1, INT-4, INT-5, INT-7). Where the order
// expects no signer and the clause names who signed, that is the signer whom
// the order would have had to name (INT-5).
func TestStrongerOfBothDecides_INT4(t *testing.T) {
	found := []Signature{
		{Status: Valid, Signer: "A", Format: PE}, {Status: Valid, Signer: "A", Format: MSI}, {Status: Valid, Signer: "B", Format: PE},
		{Status: Valid}, {Status: Bad, Format: PE}, {Status: Absent}, {Status: Unsupported}, {},
	}
	const content = "the bytes of a patch"
	digests := [][]Digest{nil, {sum(SHA256, content)}, {sum(SHA256, "other")}, {sum(SHA1, content)}, {sum(MD5, "other")}}
	computed := []Digest{sum(SHA256, content), sum(SHA1, content), sum(MD5, content)}
	bools := []bool{false, true}
	passed, rows := 0, 0
	for _, s := range found {
		for _, want := range []string{"", "A", "B"} {
			for _, list := range digests {
				for flags := range 1 << 4 {
					e := Expectation{Signer: want, Digests: list, LatestOnly: bools[flags&1], AllowLegacy: bools[flags>>1&1]}
					for _, signers := range [][]string{nil, {"A"}, {"A", "B"}} {
						for _, formats := range [][]Format{nil, {PE}} {
							c := Clause{Name: "c", Vendor: Any, Product: Any, Signers: signers, Formats: formats,
								AllowLegacy: bools[flags>>2&1], AllowUnsigned: bools[flags>>3&1]}
							v := Terms{Expect: e, Own: excerpt(c)}.Judge(s, computed)
							named := e
							if s.Status == Valid && e.Signer == "" && slices.Contains(signers, s.Signer) {
								named.Signer = s.Signer
							}
							alone := Judge(named, s, computed)
							require.Equal(t, alone.Passed && meets(c, e, s, alone), v.Passed, "%+v %+v %+v: %s", e, c, s, v.Text)
							require.Equal(t, []any{alone.Checksum, alone.Compared}, []any{v.Checksum, v.Compared})
							require.Equal(t, v.Passed, v.Code == 0)
							rows++
							if v.Passed {
								passed++
							}
						}
					}
				}
			}
		}
	}
	require.Equal(t, 8*3*5*16*6, rows)
	require.Positive(t, passed)
}

// meets asks of a file that passed without a policy what each word of the
// clause asks. An old checksum is none unless both allow it, whoever wants one.
func meets(c Clause, e Expectation, s Signature, alone Verdict) bool {
	strong := alone.Checksum == Matched && !alone.Compared.Legacy()
	old := alone.Checksum == Matched && alone.Compared.Legacy() && c.AllowLegacy && e.AllowLegacy
	if s.Status == Absent {
		return c.AllowUnsigned && (strong || old)
	}
	if s.Status == Unsupported {
		return c.AllowUnsigned && c.Signers == nil && (strong || old)
	}
	bySigner, inFormat := false, len(c.Formats) == 0
	for _, name := range c.Signers {
		bySigner = bySigner || name == s.Signer
	}
	for _, f := range c.Formats {
		inFormat = inFormat || f == s.Format
	}
	return bySigner && inFormat
}
