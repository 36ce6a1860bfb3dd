package openpgp

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// prepare judges what needs no digest, and asks for the digests that the rest needs.
func (v *Verifier) prepare(list []*found) {
	for _, f := range list {
		if f.packet == nil {
			continue
		}
		known := v.keys[f.keyID]
		for _, k := range known {
			if len(f.names) == 0 || bytes.Equal(k.pub.Fingerprint, f.names) {
				f.keys = append(f.keys, k)
			}
		}
		switch {
		case len(known) == 0 && f.weak:
			f.dropWeak()
		case len(known) == 0:
			f.drop(UnknownKey, "%s is not a trusted key, and without the key nobody can say whether the signature holds", f.By())
		case len(f.keys) == 0: // programs that use only the id consider it broken
			f.drop(Broken, "it names the id of a trusted key, but another fingerprint")
		default:
			f.digest = f.over.want(f.packet.Hash, f.packet.SigType == packet.SigTypeText, f.packet.Salt())
			if len(f.over.digests) > maxDigests {
				f.over.digests = f.over.digests[:maxDigests]
				f.drop(Excess, "there are more than %d signatures that each need a digest of their own", maxDigests)
			}
		}
	}
}

const strayReturn = "the text has a carriage return that ends no line: programs differ in what that means"

// judge judges the signatures whose subjects were digested.
func (v *Verifier) judge(list []*found) {
	for _, f := range list {
		if f.packet == nil {
			continue
		}
		i := slices.IndexFunc(f.keys, func(k *key) bool { return f.holds(k.pub) })
		if i < 0 {
			f.drop(Broken, "the signature does not hold: what it covers was changed, or the signature was")
			continue
		}
		v.judgeKey(f, f.keys[i])
		switch {
		case f.Outcome != Good:
		case f.digest.nul: // line ends may change in a text, but no byte may change in a program
			f.drop(Unjudged, "it is a signature over a text, and the file is not a text: it has a NUL")
		case f.digest.ambiguous():
			f.drop(Unjudged, "%s", strayReturn)
		case f.over.ambiguous != "":
			f.drop(Unjudged, "%s", f.over.ambiguous)
		}
	}
}

// judgeKey judges a signature that the key made.
func (v *Verifier) judgeKey(f *found, k *key) {
	f.Fingerprint, f.Key = k.Fingerprint, k.Algorithm
	if k.way != nil {
		f.Signer, f.by = k.way.name, k
	}
	switch {
	case k.way == nil:
		f.drop(UnknownKey, "%s is not a trusted key: the signature holds and a keyring has the key, but its fingerprint is not listed", f.By())
	case f.weak:
		f.dropWeak()
	case k.weak:
		f.drop(WeakKey, "the key is not trusted: %s", k.Problem)
	case k.Revoked:
		f.drop(Revoked, "the key was revoked")
	case k.Problem != "":
		f.drop(WrongUse, "the key cannot be used: %s", k.Problem)
	case f.Created.Before(k.since):
		f.drop(Expired, "it was made at %s, before its key, of %s", stamp(f.Created), stamp(k.since))
	case !k.Expires.IsZero() && !f.Created.Before(k.Expires):
		f.drop(Expired, "it was made at %s, when its key had expired, at %s", stamp(f.Created), stamp(k.Expires))
	case v.now.IsZero():
		f.Outcome = Good
	case f.Created.After(v.now):
		f.drop(Expired, "it was made at %s and it is %s: check the clock", stamp(f.Created), stamp(v.now))
	case !f.Expires.IsZero() && !v.now.Before(f.Expires):
		f.drop(Expired, "it expired at %s", stamp(f.Expires))
	case !k.Expires.IsZero() && !v.now.Before(k.Expires):
		f.drop(Expired, "its key expired at %s", stamp(k.Expires))
	default:
		f.Outcome = Good
	}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// conclude derives the answer from the outcomes.
func (v *Verifier) conclude(format integrity.Format, list []*found) integrity.Signature {
	var valid integrity.Signature // if enough keys of some way have signed
	why := []string{"no signature counts"}
	for _, w := range v.ways {
		var by []string // primary keys
		var at time.Time
		for _, f := range list {
			if f.Outcome == Good && f.by.way == w && !slices.Contains(by, f.by.Primary) {
				by = append(by, f.by.Primary)
			}
			if f.Outcome == Good && f.by.way == w && f.Created.After(at) {
				at = f.Created
			}
		}
		if len(by) >= w.threshold {
			valid = integrity.Signature{Status: integrity.Valid, Format: format, Signer: w.name, SignedAt: at}
			break
		}
		if len(by) > 0 {
			why[0] = fmt.Sprintf("%d of the %d keys of %q that it takes have signed", len(by), w.threshold, w.name)
		}
	}
	unjudged := 0
	for _, f := range list {
		switch f.Outcome {
		case Good:
			continue
		case Broken:
			return answer(integrity.Bad, format, "%s", f.sentence())
		case Unjudged, Excess:
			unjudged++
			if valid.Status != 0 && slices.ContainsFunc(v.keys[f.keyID], func(k *key) bool { return k.way != nil }) { // it may be one that does not hold
				return answer(integrity.Unsupported, format, "beside a good signature there is one %s", f.sentence())
			}
		}
		why = append(why, f.sentence())
	}
	if valid.Status != 0 {
		return valid
	}
	status := integrity.Bad
	if unjudged == len(list) {
		status = integrity.Unsupported
	}
	a := answer(status, format, "%s", strings.Join(why, "; "))
	a.Untrusted = slices.ContainsFunc(list, func(f *found) bool { return f.Outcome == UnknownKey && f.keyID != 0 }) &&
		!slices.ContainsFunc(list, func(f *found) bool { return f.Signer != "" })
	return a
}

func (f *found) sentence() string {
	return fmt.Sprintf("by %s over the %s: %s", f.By(), f.Covers, f.Problem)
}
