package integrity

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"
)

// Any in a clause means every vendor or every product.
const Any = "*"

// PolicyFormat is the format number that this package writes and reads.
const PolicyFormat = 1

// Policy is a signer policy: whom an organization trusts, and for what. See the
// package documentation.
type Policy struct {
	Format  int      `json:"format"` // PolicyFormat
	Signers []Signer `json:"signers,omitempty"`
	Clauses []Clause `json:"clauses,omitempty"` // their order means nothing

	// Commands are all that pre- and post-actions of orders may run (INT-10).
	// Their order does not matter.
	Commands []Command `json:"commands,omitempty"`
}

// Command is one command that an action may run: exactly these words, or these
// and a script with this digest.
type Command struct {
	Name    string   `json:"name"`            // for people
	Command []string `json:"command"`         // program and arguments, as in job.Action
	Script  Digest   `json:"script,omitzero"` // SHA-256 of the one word that follows, such as the script after "sh" and "-c"; zero: no word follows
}

// Clause says what the files of a product must prove.
type Clause struct {
	Name          string   `json:"name"`                    // shown in verdicts
	Vendor        string   `json:"vendor"`                  // exactly as the catalog names it, or Any
	Product       string   `json:"product"`                 // the product's id in the catalog, exactly, or Any
	Feed          string   `json:"feed,omitempty"`          // the feed of the patch, exactly; empty: any
	Signers       []string `json:"signers,omitempty"`       // names of the policy's signers, any of whom may sign; empty: nobody may
	Formats       []Format `json:"formats,omitempty"`       // in which the signature may be; empty: any
	AllowUnsigned bool     `json:"allowUnsigned,omitempty"` // a file without a signature is judged by its checksum; otherwise it is refused (INT-4)
	AllowLegacy   bool     `json:"allowLegacy,omitempty"`   // SHA-1 and MD5 may carry trust, if the order allows it too (INT-7)
}

// Excerpt is the part of a policy that decides: all or some of its clauses, and
// the digest of the whole. Orders carry it, and agents check orders against it.
// The keys and certificates are in the verifiers.
type Excerpt struct {
	Digest  Digest   `json:"digest"` // of the whole policy; see Policy.Digest
	Clauses []Clause `json:"clauses,omitempty"`

	// Commands are all commands of the policy, if the policy is the asset's or
	// the server's own. They are not in the JSON form, which is what an order
	// carries: an order's commands would prove nothing. To store an excerpt,
	// store the policy ([Policy.MarshalCanonical]) and call [Policy.Excerpt].
	Commands []Command `json:"-"`
}

// IsZero reports whether there is no policy.
func (x Excerpt) IsZero() bool {
	return x.Digest == Digest{} && len(x.Clauses) == 0 && len(x.Commands) == 0
}

// Allows reports whether the policy allows an action to run the command
// (INT-10).
func (x Excerpt) Allows(command []string) bool {
	return slices.ContainsFunc(x.Commands, func(c Command) bool {
		if n := len(c.Command); c.Script != (Digest{}) && len(command) == n+1 {
			return slices.Equal(c.Command, command[:n]) && c.Script == sha256Of([]byte(command[n]))
		}
		return c.Script == Digest{} && slices.Equal(c.Command, command)
	})
}

// For returns the clause that decides about a product. Without one nothing is
// trusted for the product. A clause that names the product comes first, then
// one that names the vendor, then one for all. Of two that are equally close,
// the one that names the patch's feed comes first.
//
// If clauses name the product, but only with another vendor or feed, no wider
// clause matches. If a clause ties the vendor to a feed, the clause for all
// does not match patches of another feed. Vendor and feed are claims of the
// order and prove nothing.
func (x Excerpt) For(feed, vendor, product string) (Clause, bool) {
	at, most, named, tied := -1, 0, false, false
	for i := range x.Clauses {
		c := &x.Clauses[i]
		named = named || c.Product == product && product != Any
		tied = tied || c.Feed != "" && c.Vendor == vendor && vendor != Any && c.Product == Any
		if rank := c.rank(feed, vendor, product); rank > most {
			at, most = i, rank
		}
	}
	if most == 0 || named && x.Clauses[at].Product == Any || tied && x.Clauses[at].Product == Any && x.Clauses[at].Vendor == Any {
		return Clause{}, false
	}
	return x.Clauses[at], true
}

// rank says how closely the clause matches a patch; 0 is not at all. Naming the product counts
// most, then the vendor, then the feed.
func (c *Clause) rank(feed, vendor, product string) int {
	if c.Vendor != Any && c.Vendor != vendor || c.Product != Any && c.Product != product || c.Feed != "" && c.Feed != feed {
		return 0
	}
	rank := 1
	if c.Feed != "" {
		rank++
	}
	if c.Vendor != Any {
		rank += 2
	}
	if c.Product != Any {
		rank += 4
	}
	return rank
}

// Excerpt returns the policy's digest, all its clauses and all its commands.
func (p Policy) Excerpt() Excerpt {
	c := p.canonical()
	return Excerpt{p.Digest(), c.Clauses, c.Commands}
}

// Only returns the excerpt with just the given clauses, each once, and without
// commands. An order needs the clauses that [Excerpt.For] returns for its
// products.
func (x Excerpt) Only(clauses ...Clause) Excerpt {
	clauses = slices.Clone(clauses)
	slices.SortFunc(clauses, byTarget)
	return Excerpt{Digest: x.Digest, Clauses: slices.CompactFunc(clauses, Clause.equal)}
}

// Digest returns the SHA-256 of the canonical form. It does not depend on the
// order of clauses, commands, signers, names and formats. It may be zero for an
// invalid policy.
func (p Policy) Digest() Digest {
	data, err := p.MarshalCanonical()
	if err != nil {
		return Digest{}
	}
	return sha256Of(data)
}

// MarshalCanonical returns the form that is digested: JSON without spaces,
// fields as in Policy, signers and commands sorted by name, clauses by vendor,
// product and feed, lists of names and formats sorted. [ParsePolicy] reads it.
// The error is a time that cannot be written.
func (p Policy) MarshalCanonical() ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(p.canonical())
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), err
}

func (p Policy) canonical() Policy {
	p.Signers = slices.Clone(p.Signers)
	slices.SortStableFunc(p.Signers, func(a, b Signer) int { return strings.Compare(a.Name, b.Name) })
	for i, s := range p.Signers {
		p.Signers[i].Authenticode = slices.Clone(s.Authenticode)
		for j, a := range s.Authenticode {
			p.Signers[i].Authenticode[j].At = a.At.UTC()
		}
		p.Signers[i].Sigstore = slices.Clone(s.Sigstore)
		for j, w := range s.Sigstore {
			identities := slices.Clone(w.Identities)
			for k, id := range identities {
				identities[k].At = id.At.UTC()
			}
			p.Signers[i].Sigstore[j].Identities = identities
		}
	}
	p.Clauses = slices.Clone(p.Clauses)
	for i, c := range p.Clauses {
		p.Clauses[i] = c.canonical()
	}
	slices.SortStableFunc(p.Clauses, byTarget)
	p.Commands = slices.Clone(p.Commands)
	slices.SortStableFunc(p.Commands, func(a, b Command) int { return strings.Compare(a.Name, b.Name) })
	return p
}

func (c Clause) canonical() Clause {
	c.Signers, c.Formats = slices.Clone(c.Signers), slices.Clone(c.Formats)
	slices.Sort(c.Signers)
	slices.Sort(c.Formats)
	return c
}

func (c Clause) equal(d Clause) bool {
	c, d = c.canonical(), d.canonical()
	return byTarget(c, d) == 0 && slices.Equal(c.Signers, d.Signers) && slices.Equal(c.Formats, d.Formats) &&
		c.AllowUnsigned == d.AllowUnsigned && c.AllowLegacy == d.AllowLegacy
}

func byTarget(a, b Clause) int {
	return cmp.Or(strings.Compare(a.Vendor, b.Vendor), strings.Compare(a.Product, b.Product), strings.Compare(a.Feed, b.Feed), strings.Compare(a.Name, b.Name))
}
