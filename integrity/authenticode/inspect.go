package authenticode

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"unicode/utf16"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Inspect tells what is in the first size bytes of content, which it reads once, and a program once more for the checksum
// in its header. The error is that the content could not be read to its end; what is wrong with it is in the report.
func Inspect(content io.ReaderAt, size int64) (Report, error) {
	f, err := open(content, size)
	r := Report{Format: f.format}
	if err == nil {
		err = r.signatures(f)
	}
	if f.checksumAt > 0 {
		sum, readErr := source{content, size}.checksum(f.checksumAt)
		if readErr != nil {
			return r, readErr
		}
		r.Checksum = sum
	}
	if why := asRefusal(err); err != nil && why.status != integrity.Absent {
		r.Odd = append(r.Odd, problem.Printable(why.text))
	}
	if content == nil || size < 0 {
		return r, err
	}
	return r, source{content, size}.readable()
}

// readable wants the last byte to be there.
func (s source) readable() error {
	_, err := s.bytes(max(s.size-1, 0), min(s.size, 1))
	return err
}

// signatures reports the signatures of a file.
func (r *Report) signatures(f *layout) error {
	pool := newPool(nil)
	all, err := parseSignatures(f, pool)
	if err != nil {
		return err
	}
	var algs []integrity.Algorithm
	for _, s := range all {
		if s.digest != 0 && !slices.Contains(algs, s.digest) {
			algs = append(algs, s.digest)
		}
	}
	has, err := f.digest(algs)
	for _, s := range all {
		r.Signatures = append(r.Signatures, reportSignature(f, s, pool, has[s.digest]))
	}
	if pool.unreadable > 0 {
		r.Odd = append(r.Odd, fmt.Sprintf("%d certificates cannot be read", pool.unreadable))
	}
	return err
}

func reportSignature(f *layout, s *signature, pool *pool, has fileDigest) SignatureReport {
	r := SignatureReport{Nested: s.nested, Program: s.program()}
	err := s.err
	if s.digest != 0 {
		r.Digest = integrity.Digest{Algorithm: s.digest, Sum: hex.EncodeToString(s.sum)}
		changed := f.compare(s, has)
		r.Matches = changed == nil
		if err == nil {
			err = changed
		}
	}
	if signer := pool.find(s.signer); signer != nil {
		r.Chain = pool.report(signer)
	}
	if err == nil {
		_, err = pool.check(s.signer, s.data, oidIndirectData)
	}
	if err == nil && s.digest.Legacy() {
		err = untrusted("it names the file by its %s digest, which carries no trust", s.digest)
	}
	r.Problem = problemText(err)
	for _, t := range s.stamps {
		stamp := TimestampReport{Time: t.time, Legacy: t.legacy}
		if authority := pool.find(t.signer); authority != nil {
			stamp.Chain = pool.report(authority)
		}
		_, err := t.check(pool)
		stamp.Problem = problemText(err)
		r.Timestamps = append(r.Timestamps, stamp)
	}
	return r
}

func problemText(err error) string {
	if err == nil {
		return ""
	}
	return problem.Printable(asRefusal(err).text)
}

// report lists the certificates above one by the names they give, without asking whether they signed each other.
func (p *pool) report(c *certificate) (chain []CertificateReport) {
	var path []*certificate
	for c != nil && len(path) < MaxChain {
		path = append(path, c)
		chain = append(chain, c.report())
		i := slices.IndexFunc(p.certificates, func(parent *certificate) bool {
			sameKey := len(c.AuthorityKeyId) == 0 || len(parent.SubjectKeyId) == 0 || bytes.Equal(c.AuthorityKeyId, parent.SubjectKeyId)
			return bytes.Equal(parent.RawSubject, c.RawIssuer) && sameKey && !slices.Contains(path, parent)
		})
		if i < 0 {
			break
		}
		c = p.certificates[i]
	}
	return chain
}

func (c *certificate) report() CertificateReport {
	r := CertificateReport{
		Subject: problem.Printable(c.Subject.String()), Issuer: problem.Printable(c.Issuer.String()), SHA256: c.print.String(),
		NotBefore: c.NotBefore.UTC(), NotAfter: c.NotAfter.UTC(), Algorithm: c.SignatureAlgorithm.String(), Weak: c.weak,
	}
	if len(c.Subject.Organization) == 1 {
		r.Organisation = problem.Printable(c.Subject.Organization[0])
	}
	return r
}

// program reads what the signer calls the file.
func (s *signature) program() string {
	_, _, info, err := s.signer.one(oidOpusInfo)
	if err != nil || !info.has(tagContext0) {
		return ""
	}
	name, err := info.take(tagContext0)
	if err != nil {
		return ""
	}
	tag, _, text, err := name.next()
	switch {
	case err != nil:
		return ""
	case tag == tagContext: // in two bytes a letter
		var units []uint16
		for pair := range slices.Chunk(text, 2) {
			if len(pair) == 2 {
				units = append(units, binary.BigEndian.Uint16(pair))
			}
		}
		return problem.Printable(string(utf16.Decode(units)))
	default:
		return problem.Printable(string(text))
	}
}

// checksum compares the checksum in a program's header.
func (s source) checksum(at int64) (integrity.Checksum, error) {
	field, err := s.bytes(at, 4)
	if err != nil {
		return 0, err
	}
	want := binary.LittleEndian.Uint32(field)
	if want == 0 {
		return integrity.NotCompared, nil
	}
	var sum uint64
	block := make([]byte, blockSize)
	for off := int64(0); off < s.size; off += blockSize {
		b := block[:min(blockSize, s.size-off)]
		if err := s.fill(b, off); err != nil {
			return 0, err
		}
		for i := range field { // the field itself counts as zero
			if j := at + int64(i) - off; j >= 0 && j < int64(len(b)) {
				b[j] = 0
			}
		}
		for i, c := range b { // blocks have an even size
			sum += uint64(c) << (8 * (i & 1))
		}
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	if uint32(sum)+uint32(s.size) != want {
		return integrity.Mismatched, nil
	}
	return integrity.Matched, nil
}
