package integrity

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Expectation is what an order says a file must be.
type Expectation struct {
	Signer      string   `json:"signer,omitempty"`      // name of the expected signer; empty: none is expected
	Digests     []Digest `json:"digests,omitempty"`     // any of them; the strongest known one is compared
	Strict      bool     `json:"strict,omitempty"`      // signature and checksum must both pass (INT-5)
	AllowLegacy bool     `json:"allowLegacy,omitempty"` // SHA-1 and MD5 may carry trust (INT-7)
}

// Problem is one thing wrong with an expectation or a policy.
type Problem struct {
	Field string // as in Expectation, or as in a policy's JSON, with an index where it is a list
	Value string // cut short
	Text  string // what is wrong and what to do
}

// InvalidExpectation is the error of Validate: every problem, not the first.
type InvalidExpectation struct{ Problems []Problem }

func (e *InvalidExpectation) Error() string {
	texts := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		texts[i] = fmt.Sprintf("%s %q: %s", p.Field, p.Value, p.Text)
	}
	return "invalid integrity expectation: " + strings.Join(texts, "; ")
}

// Algorithms lists the algorithms to digest a file by, so that Judge has what it needs and INT-6 can check again:
// SHA-256 always, and those the expectation names.
func (e Expectation) Algorithms() []Algorithm {
	algs := []Algorithm{SHA256}
	for _, d := range e.Digests {
		algs = append(algs, d.Algorithm)
	}
	return distinct(algs)
}

// Validate says whether the expectation is well formed; it returns nil or an *InvalidExpectation. One that no file can
// meet, such as an empty one, is well formed: Judge refuses the file and says why.
func (e Expectation) Validate() error {
	var bad []Problem
	add := func(field, value, text string) {
		bad = append(bad, Problem{Field: field, Value: clip(value, maxQuoted), Text: text})
	}
	if len(e.Signer) > MaxSigner {
		add("Signer", e.Signer, fmt.Sprintf("%d bytes; at most %d", len(e.Signer), MaxSigner))
	}
	if strings.TrimSpace(e.Signer) != e.Signer || !utf8.ValidString(e.Signer) || strings.ContainsFunc(e.Signer, unicode.IsControl) {
		add("Signer", e.Signer, "want a name in UTF-8 without control characters or space around it; leave it empty if none is expected")
	}
	if len(e.Digests) > MaxDigests {
		add("Digests", fmt.Sprint(len(e.Digests)), fmt.Sprintf("at most %d digests", MaxDigests))
		e.Digests = e.Digests[:MaxDigests]
	}
	for i, d := range e.Digests {
		field := fmt.Sprintf("Digests[%d]", i)
		if err := d.check(); err != nil {
			add(field, d.String(), err.(*InvalidDigest).Problem)
		}
		for _, other := range e.Digests[:i] {
			if other.Algorithm == d.Algorithm && other.Sum != d.Sum {
				add(field, d.String(), "contradicts "+other.String()+"; keep the right one")
				break
			}
		}
	}
	if bad != nil {
		return &InvalidExpectation{Problems: bad}
	}
	return nil
}

// clip cuts s to at most n bytes of valid UTF-8, marking the cut.
func clip(s string, n int) string {
	s = strings.ToValidUTF8(s, "�")
	if len(s) <= n {
		return s
	}
	const mark = "…"
	cut := n - len(mark)
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + mark
}
