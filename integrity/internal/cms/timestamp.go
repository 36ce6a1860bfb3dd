package cms

import (
	"cmp"
	"crypto/x509"
	"slices"
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// Stamp is a timestamp over a signature.
type Stamp struct {
	Time   time.Time // as the timestamp says, even if it does not hold
	Legacy bool      // a PKCS #9 countersignature
	Signer Signer

	content []byte // what is signed
	err     error
}

// Stamps reads the timestamps beside a signature, RFC 3161 ones first, and adds their
// certificates.
func (f *File) Stamps(s *Signer) (all []Stamp, err error) {
	tokens, err := s.Unsigned(oidMicrosoftTimestamp, MaxTimestamps, "timestamps")
	if err != nil {
		return nil, err
	}
	counter, err := s.Unsigned(oidCountersignature, MaxTimestamps-len(tokens), "timestamps")
	if err != nil {
		return nil, err
	}
	for _, token := range tokens {
		all = append(all, f.Token(token, s.Signature))
	}
	for _, c := range counter {
		all = append(all, countersignature(c, s.Signature))
	}
	return all, nil
}

// Token reads an RFC 3161 token over stamped, and adds its certificates.
func (f *File) Token(token, stamped []byte) (t Stamp) {
	if len(token) > MaxToken {
		t.err = Unsupported("it has %d bytes; at most %d are allowed", len(token), MaxToken)
		return t
	}
	m, rest, err := f.Message(token, OIDTimestampInfo, TagOctets, MaxOfToken)
	if err == nil && len(rest) > 0 {
		err = ErrDER
	}
	if err == nil {
		err = f.work(len(stamped))
	}
	if err != nil {
		t.err = err
		return t
	}
	t.Signer, t.content = m.Signer, m.Content
	t.Time, t.err = readInfo(m.Content, stamped)
	return t
}

// Answer reads a token, or an authority's answer with a token in it.
func (f *File) Answer(b, stamped []byte) Stamp {
	token, err := f.reply(b)
	if err != nil {
		return Stamp{err: AsRefusal(err)}
	}
	return f.Token(token, stamped)
}

// reply returns the token of an answer, or b if b is not an answer.
func (f *File) reply(b []byte) ([]byte, error) {
	if len(b) > MaxToken {
		return nil, Unsupported("it has %d bytes; at most %d are allowed", len(b), MaxToken)
	}
	whole, rest, err := f.toDER(b)
	if err == nil && len(rest) > 0 {
		err = ErrDER
	}
	if err != nil {
		return nil, err
	}
	r := Read(whole)
	answer := r.Only(TagSequence)
	if !answer.Has(TagSequence) {
		return b, nil
	}
	status := answer.Take(TagSequence)
	if code := status.Bytes(TagInteger); len(code) != 1 || code[0] > 1 {
		status.Fail(Broken("the authority refused"))
	}
	status.Skip(TagSequence, tagBits)
	status.End()
	_, token, _ := answer.Next()
	answer.End()
	return token, r.Err()
}

// readInfo reads the time, even if the timestamp covers something else or uses a weak digest.
func readInfo(content, stamped []byte) (at time.Time, err error) {
	r := Read(content)
	info := r.Only(TagSequence)
	info.version(1)
	info.OID() // the authority's policy
	alg, sum := info.Take(TagSequence).DigestInfo()
	info.Bytes(TagInteger) // serial number
	text := info.Bytes(TagTime)
	info.Skip(TagSequence, tagBoolean, TagInteger, TagContext0, TagContext1) // accuracy, ordering, nonce, name, extensions
	info.End()
	if r.Err() != nil {
		return at, r.Err()
	}
	if at, err = parseTime(TagTime, text); err != nil {
		return at, err
	}
	switch { // the time is returned anyway
	case !matches(alg, stamped, sum):
		err = Broken("it is over something else")
	case alg.Legacy():
		err = Untrusted("it is over a %s digest, which carries no trust", alg)
	}
	return at, err
}

// countersignature reads a PKCS #9 countersignature over stamped.
func countersignature(value, stamped []byte) (t Stamp) {
	t.Legacy, t.content = true, stamped
	r := Read(value)
	t.Signer = r.signer()
	if t.err = r.Err(); t.err != nil {
		return t
	}
	tag, text, err := t.Signer.Signed(oidSigningTime, 0)
	if err == nil {
		t.Time, err = parseTime(tag, text)
	}
	if err != nil {
		t.err = Untrusted("it has no time that can be read")
	}
	return t
}

// parseTime reads a UTCTime or GeneralizedTime, in UTC and with seconds.
func parseTime(tag byte, text []byte) (time.Time, error) {
	layout := "20060102150405Z"
	if tag == TagUTCTime {
		layout = "060102150405Z"
	}
	at, err := time.Parse(layout, string(text))
	if err != nil || tag != TagUTCTime && tag != TagTime {
		return time.Time{}, Broken("it has no time")
	}
	if tag == TagUTCTime && at.Year() >= 2050 {
		at = at.AddDate(-100, 0, 0)
	}
	return at.UTC(), nil
}

// VerifyStamp requires the timestamp to hold, whoever made it, and returns its signer's
// certificate. If it is genuine but carries no trust, the refusal does not decide (INT-7): it
// gives no time and does no harm.
func (f *File) VerifyStamp(t *Stamp) (*Certificate, error) {
	if t.Signer.Signature == nil {
		return nil, t.err
	}
	want := OIDTimestampInfo
	if t.Legacy {
		want = oidData
	}
	_, id, typeErr := t.Signer.Signed(oidContentType, TagOID)
	switch {
	case typeErr == nil && OID(id) != want:
		typeErr = Broken("its signer signed a content of type %s", OID(id))
	case t.Legacy || len(t.Signer.signed) == 0: // PKCS #9 has no content type
		typeErr = nil
	}
	authority, err := f.verify(&t.Signer, t.content)
	var nameErr, fitErr error
	if c := f.Find(&t.Signer); c != nil && !t.Legacy {
		nameErr = t.Signer.names(c)
	}
	if err == nil {
		fitErr = f.rules.Fit(authority, x509.ExtKeyUsageTimeStamping)
	}
	return authority, worst(typeErr, err, t.err, nameErr, fitErr)
}

// worst returns the first refusal that decides, otherwise the first.
func worst(errs ...error) error {
	for _, err := range errs {
		if err != nil && AsRefusal(err).Decides {
			return err
		}
	}
	return cmp.Or(errs...)
}

// names requires the signed attributes to name the certificate, so that no other can replace it.
func (s *Signer) names(c *Certificate) error {
	named, weak := false, error(nil)
	for id, alg := range map[OID]integrity.Algorithm{oidSigningCertV1: integrity.SHA1, oidSigningCertV2: integrity.SHA256} {
		if !slices.ContainsFunc(s.attributes, func(a attribute) bool { return a.id == id }) {
			continue
		}
		_, list, err := s.Signed(id, TagSequence)
		if err != nil {
			return err
		}
		r := Read(list)
		first := r.Take(TagSequence).Take(TagSequence)
		if first.Has(TagSequence) {
			id := first.algorithm()
			if alg = digests[id]; alg == 0 || alg.Legacy() {
				weak = Untrusted("its attributes name its signer's certificate by the digest algorithm %s", id)
				continue
			}
		}
		if sum := first.Bytes(TagOctets); r.Err() != nil || !matches(alg, c.Raw, sum) {
			return Broken("its attributes name another certificate")
		}
		named = true
	}
	if !named && weak == nil {
		weak = Untrusted("its attributes do not name its signer's certificate")
	}
	return weak
}

// Dated is the time of a timestamp that holds, and its authority's chains that were valid then.
type Dated struct {
	Time   time.Time
	Chains Chains
}

// Dated requires every timestamp to hold and returns those whose chain ends in a pinned
// certificate. One that is only not trusted counts as none, since anybody could remove it. Why is
// about the last of these.
func (f *File) Dated(stamps []Stamp, pinned []Fingerprint) (known []Dated, why string, err error) {
	for i := range stamps {
		t := &stamps[i]
		authority, err := f.VerifyStamp(t)
		if err == nil {
			var chains Chains
			if chains, err = f.Chains(authority, pinned, x509.ExtKeyUsageTimeStamping); err == nil {
				chains = slices.DeleteFunc(chains, func(c Chain) bool { return !c.validAt(t.Time) })
				known = append(known, Dated{t.Time, chains})
				if len(chains) == 0 {
					err = Untrusted("the certificate of %.200q or one above it was not valid at %s", authority.Holder(), t.Time.Format(time.RFC3339))
				}
			}
		}
		if err == nil {
			continue
		}
		r := AsRefusal(err)
		if r.Decides {
			return nil, "", &Refusal{Status: r.Status, Decides: true, Text: "its timestamp: " + r.Text}
		}
		why = r.Text
	}
	return known, why, nil
}

// Times lists the times of timestamps by those authorities, earliest first.
func Times(known []Dated, timestampers []Fingerprint) (times []time.Time) {
	for _, d := range known {
		if d.Chains.EndIn(timestampers) {
			times = append(times, d.Time)
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	return times
}
