package integrity

import (
	"fmt"
	"slices"

	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Expectation is what an order says a file must be.
type Expectation struct {
	Signer      string   `json:"signer,omitempty"`      // name of the expected signer; empty: none is expected
	Digests     []Digest `json:"digests,omitempty"`     // any of them; the strongest known one is compared
	LatestOnly  bool     `json:"latestOnly,omitempty"`  // the URL may serve a newer file; otherwise the artifact is pinned, and a checksum that differs fails (INT-5)
	AllowLegacy bool     `json:"allowLegacy,omitempty"` // SHA-1 and MD5 may carry trust (INT-7)
}

// Problem is one thing that is wrong with an expectation, a policy or a list of
// signers. Field is a field of Expectation or of a policy's JSON, with indexes.
// Value is the value found, cut short, or the signer or clause it belongs to.
// Text says what is wrong and what to do.
type Problem = problem.Problem

// Invalid is the error of all validation here and in the verifiers. What names
// the value, as in "signer policy". Problems lists everything that is wrong.
type Invalid = problem.Invalid

// Algorithms lists the algorithms by which to digest a file for [Judge] and for
// the second check (INT-6): SHA-256, and those of the expectation.
func (e Expectation) Algorithms() []Algorithm {
	algs := []Algorithm{SHA256}
	for _, d := range e.Digests {
		algs = append(algs, d.Algorithm)
	}
	return distinct(algs)
}

// Validate returns nil or an [Invalid]. An expectation that no file can meet,
// such as an empty one, is valid: [Judge] refuses the file and says why.
func (e Expectation) Validate() error {
	var bad problems
	if e.Signer != "" {
		bad.name("signer", e.Signer, MaxSigner)
	}
	if len(e.Digests) > MaxDigests {
		bad.Add("digests", fmt.Sprint(len(e.Digests)), "at most %d digests", MaxDigests)
		e.Digests = e.Digests[:MaxDigests]
	}
	for i, d := range e.Digests {
		field := fmt.Sprintf("digests[%d]", i)
		if fault := d.fault(); fault != "" {
			bad.Add(field, d.String(), "%s", fault)
		}
		if k := slices.IndexFunc(e.Digests[:i], func(other Digest) bool { return other.Algorithm == d.Algorithm && other.Sum != d.Sum }); k >= 0 {
			bad.Add(field, d.String(), "contradicts %s; keep the right one", e.Digests[k])
		}
	}
	return bad.Err("integrity expectation")
}
