package openpgp

import (
	"fmt"
	"hash"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// candidates lists the keys that may have made a signature.
func (v *Verifier) candidates(f *found) []*key {
	var out []*key
	for _, k := range v.keys[f.keyID] {
		if len(f.names) == 0 || string(k.pub.Fingerprint) == string(f.names) {
			out = append(out, k)
		}
	}
	return out
}

// prepare settles what needs no digest, and asks for the digests that the rest needs.
func (v *Verifier) prepare(list []*found) {
	for _, f := range list {
		if f.packet == nil {
			continue
		}
		switch {
		case len(v.keys[f.keyID]) == 0 && f.weak:
			f.dropWeak()
		case len(v.keys[f.keyID]) == 0:
			f.drop(UnknownKey, "%s is none of the trusted keys, and without it nobody can tell whether the signature holds", f.By())
		case len(v.candidates(f)) == 0: // programs that look for the id alone take it for a broken one
			f.drop(Broken, "it names the id of a trusted key, but another fingerprint")
		default:
			f.over.want(f.packet.Hash, f.text(), f.packet.Salt())
			if len(f.over.digests) > maxDigests {
				f.over.digests = f.over.digests[:maxDigests]
				f.drop(Excess, "there are more than %d signatures that each need a digest of their own", maxDigests)
			}
		}
	}
}

const strayReturn = "the text has a carriage return that ends no line: programs differ in what that means"

// judge settles the signatures whose subjects were digested.
func (v *Verifier) judge(list []*found) {
	for _, f := range list {
		if f.packet == nil {
			continue
		}
		d := f.over.want(f.packet.Hash, f.text(), f.packet.Salt())
		for _, k := range v.candidates(f) {
			if f.holds(k.pub, d.state.(hash.Cloner)) {
				v.judgeKey(f, k)
				switch {
				case f.Outcome != Good:
				case d.nul: // a program's bytes may not change as a text's line ends may
					f.drop(Unjudged, "it is a signature over a text, and the file is none: it has a NUL")
				case d.ambiguous():
					f.drop(Unjudged, "%s", strayReturn)
				}
				break
			}
		}
		if f.Outcome == 0 {
			f.drop(Broken, "the signature does not hold: what it covers was changed, or the signature was")
		}
	}
}

// judgeKey settles a signature that the key made.
func (v *Verifier) judgeKey(f *found, k *key) {
	f.Fingerprint, f.Key = k.Fingerprint, k.Algorithm
	if k.way == spare {
		f.drop(UnknownKey, "%s is none of the trusted keys; the signature holds, and a keyring has the key, but its fingerprint is not listed", f.By())
		return
	}
	f.Signer = v.ways[k.way].name
	switch {
	case f.weak:
		f.dropWeak()
	case k.weak != "":
		f.drop(WeakKey, "the key is not trusted: %s", k.weak)
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
	f.packet = nil
	f.primary, f.way = k.Primary, k.way
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// conclude makes the answer of what became of the signatures.
func (v *Verifier) conclude(format integrity.Format, list []*found) integrity.Signature {
	answer := integrity.Signature{Status: integrity.Bad, Format: format}
	for i, s := range v.ways {
		var by []string // primary keys
		var at time.Time
		for _, f := range list {
			if f.Outcome != Good || f.way != i {
				continue
			}
			if !slices.Contains(by, f.primary) {
				by = append(by, f.primary)
			}
			if f.Created.After(at) {
				at = f.Created
			}
		}
		if len(by) >= s.threshold && answer.Status != integrity.Valid {
			answer.Status, answer.Signer, answer.SignedAt = integrity.Valid, s.name, at
		} else if len(by) > 0 && answer.Status != integrity.Valid {
			answer.Detail = fmt.Sprintf("%d of the %d keys of %q that it takes have signed", len(by), s.threshold, s.name)
		}
	}
	unjudged := 0
	var why []string
	for _, f := range list {
		switch f.Outcome {
		case Good:
		case Broken:
			return integrity.Signature{Status: integrity.Bad, Format: format, Detail: problem.Clip(f.sentence(), integrity.MaxDetail)}
		case Unjudged, Excess:
			if unjudged++; answer.Status == integrity.Valid && len(v.keys[f.keyID]) > 0 { // who knows what it is
				return integrity.Signature{Status: integrity.Unsupported, Format: format, Detail: problem.Clip("beside a good signature there is one "+f.sentence(), integrity.MaxDetail)}
			}
			fallthrough
		default:
			why = append(why, f.sentence())
		}
	}
	if answer.Status == integrity.Valid {
		answer.Detail = "" // an earlier signer may have lacked a key
		return answer
	}
	if unjudged == len(list) {
		answer.Status = integrity.Unsupported
	}
	answer.Untrusted = slices.ContainsFunc(list, func(f *found) bool { return f.Outcome == UnknownKey && f.keyID != 0 }) &&
		!slices.ContainsFunc(list, func(f *found) bool { return f.Signer != "" })
	if answer.Detail == "" {
		answer.Detail = "no signature counts"
	}
	answer.Detail = problem.Clip(strings.Join(append([]string{answer.Detail}, why...), "; "), integrity.MaxDetail)
	return answer
}

// sentence tells what became of one signature.
func (f *found) sentence() string {
	return fmt.Sprintf("by %s over the %s: %s", f.By(), f.Covers, f.Problem)
}
