package agentsim

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/integrity"
)

const policySyntax = `policy NAME: CLAUSE[, CLAUSE]…, a clause is one of
PRODUCT unsigned | PRODUCT [strictly ]signed by SIGNER…[ or unsigned], where the product * is every one that no other clause names`

// policy is a line that writes a signer policy. Who is held to it, lines about the server and the assets say.
func (p *player) policy(rest string) error {
	name, spec, ok := strings.Cut(rest, ":")
	if !ok || name == "" || strings.Contains(name, " ") {
		return errors.New("write: " + policySyntax)
	}
	policy := integrity.Policy{Format: integrity.PolicyFormat}
	for _, text := range clauses(spec) {
		clause, err := parseClause(text)
		if err != nil {
			return err
		}
		policy.Clauses = append(policy.Clauses, clause)
	}
	x := policy.Excerpt()
	if err := x.Validate(); err != nil {
		return err
	}
	if p.policies == nil {
		p.policies = map[string]integrity.Excerpt{}
	}
	p.policies[name] = x
	return nil
}

func parseClause(text string) (integrity.Clause, error) {
	f := strings.Fields(text)
	if len(f) < 2 {
		return integrity.Clause{}, fmt.Errorf("%q is no clause; write: %s", text, policySyntax)
	}
	c := integrity.Clause{Name: f[0], Vendor: integrity.Any, Product: f[0]}
	f = f[1:]
	if f[0] == "strictly" {
		c.Strict, f = true, f[1:]
	}
	unsigned := len(f) == 1 && f[0] == "unsigned" && !c.Strict
	switch {
	case unsigned:
		c.AllowUnsigned = true
	case len(f) > 2 && f[0] == "signed" && f[1] == "by":
		c.Signers = slices.Clone(f[2:])
		if n := len(f); n > 4 && f[n-2] == "or" && f[n-1] == "unsigned" {
			c.Signers, c.AllowUnsigned = c.Signers[:n-4], true
		}
	default:
		return c, fmt.Errorf("%q is no clause; write: %s", text, policySyntax)
	}
	return c, nil
}

// named finds a policy that a line wrote; "no policy" is none.
func (p *player) named(name string) (integrity.Excerpt, error) {
	x, has := p.policies[name]
	if !has && name != "no policy" {
		return x, fmt.Errorf("there is no policy %q; write it before: %s", name, policySyntax)
	}
	return x, nil
}
