package authenticode

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/internal/cms"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Inspect reports what is in the first size bytes of content, which it reads
// once. The error says that the content cannot be read to its end. What is
// wrong with the content is in the report.
func Inspect(content io.ReaderAt, size int64) (Report, error) {
	f, err := open(content, size)
	r := Report{Format: f.format}
	if err == nil {
		err = r.signatures(f)
	}
	if why := cms.AsRefusal(err); err != nil && why.Status != integrity.Absent {
		r.Odd = append(r.Odd, problem.Printable(why.Text))
	}
	if content == nil || size < 0 {
		return r, err
	}
	_, err = source{content, size}.bytes(max(size-1, 0), min(size, 1)) // the last byte must exist
	return r, err
}

func (r *Report) signatures(f *layout) error {
	file := cms.NewFile(rules, nil)
	all, err := parseSignatures(f, file)
	if err != nil {
		return err
	}
	var algs []integrity.Algorithm
	for _, s := range all {
		if s.digest != 0 {
			algs = append(algs, s.digest)
		}
	}
	has, err := f.digest(algs)
	for _, s := range all {
		r.Signatures = append(r.Signatures, reportSignature(f, s, file, has[s.digest]))
	}
	if file.Unreadable > 0 {
		r.Odd = append(r.Odd, fmt.Sprintf("%d certificates cannot be read", file.Unreadable))
	}
	return err
}

func reportSignature(f *layout, s *signature, file *cms.File, has []byte) SignatureReport {
	r := SignatureReport{Nested: s.nested, Program: s.program()}
	if s.digest != 0 {
		r.Digest = integrity.Digest{Algorithm: s.digest, Sum: hex.EncodeToString(s.sum)}
		r.Matches = f.compare(s, has) == nil
	}
	r.Chain = reportChain(file, &s.signer)
	_, err := s.check(f, file, has)
	if err == nil && s.tag > 0 {
		err = s.tagged()
	}
	r.Problem = problemText(err)
	for i := range s.stamps {
		t := &s.stamps[i]
		_, err := file.VerifyStamp(t)
		r.Timestamps = append(r.Timestamps, TimestampReport{Time: t.Time, Legacy: t.Legacy, Problem: problemText(err), Chain: reportChain(file, &t.Signer)})
	}
	return r
}

func problemText(err error) string {
	if err == nil {
		return ""
	}
	return problem.Printable(cms.AsRefusal(err).Text)
}

// reportChain lists the signer's certificate and those above it.
func reportChain(file *cms.File, s *cms.Signer) (chain []CertificateReport) {
	for _, c := range file.Above(file.Find(s)) {
		r := CertificateReport{
			Subject: problem.Printable(c.Subject.String()), Issuer: problem.Printable(c.Issuer.String()), SHA256: c.Print.String(),
			NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(), Algorithm: c.SignatureAlgorithm.String(), Weak: c.Weak,
		}
		if len(c.Subject.Organization) == 1 {
			r.Organization = problem.Printable(c.Subject.Organization[0])
		}
		chain = append(chain, r)
	}
	return chain
}

// program returns the name that the signer gives the file.
func (s *signature) program() string {
	_, info, _ := s.signer.Signed(oidOpusInfo, cms.TagSequence)
	r := cms.Read(info)
	if !r.Has(cms.TagContext0) {
		return ""
	}
	switch tag, _, content := r.Take(cms.TagContext0).Next(); {
	case tag == cms.TagContext: // two bytes per character
		return problem.Printable(utf16Text(binary.BigEndian, content.Rest()))
	default:
		return problem.Printable(string(content.Rest()))
	}
}
