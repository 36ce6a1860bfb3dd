package integrity

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/internal/enum/enumtest"
)

func TestNames(t *testing.T) {
	enumtest.Check(t, map[Algorithm]string{SHA256: "sha256", SHA384: "sha384", SHA512: "sha512", SHA1: "sha1", MD5: "md5"},
		Algorithms(), ParseAlgorithm)
	enumtest.Check(t, map[Status]string{Valid: "valid", Bad: "bad", Absent: "absent", Unsupported: "unsupported"}, statuses.All(), statuses.Parse)
	enumtest.Check(t, map[Reason]string{
		SignatureValid: "SignatureValid", ChecksumMatched: "ChecksumMatched", SignatureMissing: "SignatureMissing", SignatureBad: "SignatureBad",
		SignerUnexpected: "SignerUnexpected", SignatureUnsupported: "SignatureUnsupported", ChecksumMismatch: "ChecksumMismatch",
		LegacyDigest: "LegacyDigest", NoEvidence: "NoEvidence", SignedNotJudged: "SignedNotJudged",
		FormatNotAllowed: "FormatNotAllowed", NoClause: "NoClause", PolicyMismatch: "PolicyMismatch", NotTrusted: "NotTrusted",
	}, reasons.All(), reasons.Parse)
	enumtest.Check(t, map[Checksum]string{NotCompared: "not compared", Matched: "matched", Mismatched: "mismatched"}, checksums.All(), checksums.Parse)
}

func TestCodesAreThoseOfTheVendor_JOB16(t *testing.T) {
	for code, want := range map[Code]string{
		FileValidationFailed: "FileValidationFailed", FileSignatureFailed: "FileSignatureFailed",
		FileHashValidationFailed: "FileHashValidationFailed", 0: "integrity code(0)", 8: "integrity code(8)",
	} {
		require.Equal(t, want, code.String())
	}
	require.Equal(t, []Code{7, 11, 12}, []Code{FileValidationFailed, FileSignatureFailed, FileHashValidationFailed})
}
