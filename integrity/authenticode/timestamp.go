package authenticode

import "time"

// stamp is a timestamp over a signature.
type stamp struct {
	time   time.Time
	legacy bool // a PKCS #9 countersignature
	signer signerInfo
	data   der // what is signed, of a token
	err    error
}

// parseStamps reads the timestamps of a signature, RFC 3161 ones first, and notes their certificates.
func parseStamps(s signerInfo, pool *pool) ([]stamp, error) {
	tokens, err := s.unsigned(oidTimestampToken)
	if err != nil {
		return nil, err
	}
	counter, err := s.unsigned(oidCountersignature)
	if err != nil {
		return nil, err
	}
	if len(tokens)+len(counter) > MaxTimestamps {
		return nil, unsupported("it has more than %d timestamps", MaxTimestamps)
	}
	var all []stamp
	for _, token := range tokens {
		all = append(all, parseToken(token, s.signature, pool))
	}
	for _, c := range counter {
		all = append(all, parseCountersignature(c, s.signature))
	}
	return all, nil
}

// parseToken reads an RFC 3161 token over what was stamped.
func parseToken(token, stamped []byte, pool *pool) (t stamp) {
	sd, rest, err := parseSignedData(token, oidTimestamp, pool)
	if err == nil && len(rest) > 0 {
		err = errDER
	}
	if err != nil {
		t.err = err
		return t
	}
	t.signer, t.data = sd.signer, sd.content
	t.time, t.err = parseTSTInfo(sd.content, stamped)
	return t
}

// parseTSTInfo reads the time that an authority vouches for, also where it is over something else or by a weak digest.
func parseTSTInfo(content, stamped []byte) (at time.Time, err error) {
	d := der(content)
	info, err := d.take(tagSequence)
	if err != nil || len(d) > 0 {
		return at, errDER
	}
	if err := info.version(1); err != nil {
		return at, err
	}
	if _, err := info.take(tagOID); err != nil { // the authority's policy
		return at, err
	}
	imprint, err := info.take(tagSequence)
	if err != nil {
		return at, err
	}
	alg, sum, err := imprint.digestInfo()
	if err != nil {
		return at, err
	}
	var why error // the time is told all the same
	switch {
	case !matches(alg, stamped, sum):
		why = broken("it is over something else")
	case alg.Legacy():
		why = untrusted("it is over a %s digest, which carries no trust", alg)
	}
	if _, err := info.take(tagInteger); err != nil { // serial number
		return at, err
	}
	text, err := info.take(tagTime)
	if err != nil {
		return at, err
	}
	if at, err = parseTime(tagTime, text); err != nil {
		return at, err
	}
	return at, why
}

// parseCountersignature reads a PKCS #9 countersignature over what was stamped.
func parseCountersignature(value, stamped []byte) (t stamp) {
	t.legacy = true
	d := der(value)
	body, err := d.take(tagSequence)
	if err == nil {
		t.signer, err = parseSigner(body)
	}
	if err != nil {
		t.err = err
		return t
	}
	t.data = stamped
	tag, _, text, err := t.signer.one(oidSigningTime)
	if err == nil {
		t.time, err = parseTime(tag, text)
	}
	t.err = err
	return t
}

// parseTime reads a UTCTime or a GeneralizedTime, in UTC and with seconds.
func parseTime(tag byte, text []byte) (time.Time, error) {
	layout := "20060102150405Z"
	if tag == tagUTCTime {
		layout = "060102150405Z"
	}
	at, err := time.Parse(layout, string(text))
	if err != nil || tag != tagUTCTime && tag != tagTime {
		return time.Time{}, broken("it has no time")
	}
	if tag == tagUTCTime && at.Year() >= 2050 {
		at = at.AddDate(-100, 0, 0)
	}
	return at.UTC(), nil
}

// check wants the stamp to hold, whoever's it is, and returns its signer's certificate.
func (t stamp) check(pool *pool) (*certificate, error) {
	if t.err != nil {
		return nil, t.err
	}
	contentType := oidTimestamp
	if t.legacy {
		contentType = "" // by PKCS #9 it has none
	}
	return pool.check(t.signer, t.data, contentType)
}
