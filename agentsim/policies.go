package agentsim

import (
	"fmt"
	"strings"

	"github.com/patchpolicy/patchpolicy/integrity"
)

const policySyntax = "policy NAME: CLAUSE[, CLAUSE]…"

var policyClauses = newGrammar("a clause of a policy", "", []pattern[*integrity.Policy]{
	{"actions NAME…", "", func(p *integrity.Policy, m *match) {
		for name := range strings.FieldsSeq(m.w[0]) {
			p.Commands = append(p.Commands, integrity.Command{Name: name, Command: []string{name}})
		}
	}},
	{"PRODUCT unsigned  PRODUCT * is every product that no other clause names", "", func(p *integrity.Policy, m *match) {
		p.Clauses = append(p.Clauses, integrity.Clause{Name: m.w[0], Vendor: integrity.Any, Product: m.w[0], AllowUnsigned: true})
	}},
	{"PRODUCT signed by SIGNER…[ or unsigned]", "", func(p *integrity.Policy, m *match) {
		p.Clauses = append(p.Clauses, integrity.Clause{
			Name: m.w[0], Vendor: integrity.Any, Product: m.w[0], Signers: strings.Fields(m.w[1]), AllowUnsigned: m.w[2] != "",
		})
	}},
})

// policy defines a signer policy. Other lines put the server and the assets
// under it.
func (p *player) policy(m *match) {
	policy := integrity.Policy{Format: integrity.PolicyFormat}
	if m.err = policyClauses.applyAll(p, &policy, m.w[1]); m.err != nil {
		return
	}
	x := policy.Excerpt()
	if m.err = x.Validate(); m.err != nil {
		return
	}
	if p.policies == nil {
		p.policies = map[string]integrity.Excerpt{}
	}
	p.policies[m.w[0]] = x
}

// named finds a policy that a line defined; "no policy" is the zero value.
func (p *player) named(name string) (integrity.Excerpt, error) {
	x, has := p.policies[name]
	if !has && name != "no policy" {
		return x, fmt.Errorf("there is no policy %q; define it above: %s", name, policySyntax)
	}
	return x, nil
}
