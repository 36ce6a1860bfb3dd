package integrity_test

import (
	"errors"
	"fmt"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// Whom an organization trusts, and for what: files of Acme must be signed by
// Acme, Debian's packages carry no signature, and of anybody else nothing
// passes.
const example = `{
	"format": 1,
	"signers": [
		{"name": "Acme", "authenticode": [{
			"anchors": ["sha256:4b22d5a6aec99f3cdb79aa5ec06838479cd5ecba7164f7f22dc1d65f63d85708"],
			"organization": "Acme Corporation"
		}]}
	],
	"clauses": [
		{"name": "acme", "vendor": "Acme", "product": "*", "signers": ["Acme"], "formats": ["pe", "msi"]},
		{"name": "acme-drivers", "vendor": "Acme", "product": "acme/drivers", "signers": ["Acme"], "formats": ["cab"]},
		{"name": "debian", "vendor": "Debian", "product": "*", "allowUnsigned": true}
	]
}`

func ExampleParsePolicy() {
	policy, err := integrity.ParsePolicy([]byte(example))
	fmt.Println(policy.Digest(), err)
	for _, of := range [][2]string{{"Acme", "acme/reader"}, {"Acme", "acme/drivers"}, {"Debian", "bash"}, {"Other", "thing"}} {
		clause, found := policy.Excerpt().For("", of[0], of[1])
		fmt.Printf("%s of %s: %q %v\n", of[1], of[0], clause.Name, found)
	}

	_, err = integrity.ParsePolicy([]byte(`{"format": 1, "clauses": [
		{"name": "any", "vendor": "*", "product": "*", "signers": ["Acme"], "formats": ["PE"], "allowUnsigned": true}]}`))
	invalid, _ := errors.AsType[*integrity.Invalid](err)
	for _, p := range invalid.Problems {
		fmt.Printf("%s %q: %s\n", p.Field, p.Value, p.Text)
	}
	// Output:
	// sha256:42da18af6db5c1d89c8db2bac772c144b321359c37d263da6ea8c2b28058c551 <nil>
	// acme/reader of Acme: "acme" true
	// acme/drivers of Acme: "acme-drivers" true
	// bash of Debian: "debian" true
	// thing of Other: "" false
	// clauses[0].signers[0] "Acme": is not a signer of this policy
	// clauses[0].formats[0] "PE": want 1 to 32 lower-case letters, digits, dots and dashes, as in "pe"
}

func ExampleTerms_Judge() {
	policy, err := integrity.ParsePolicy([]byte(example))
	if err != nil {
		fmt.Println(err)
		return
	}
	own := policy.Excerpt()
	terms := integrity.Terms{Vendor: "Acme", Product: "acme/reader", Own: own}

	verdict := terms.Judge(integrity.Signature{Status: integrity.Valid, Signer: "Acme", Format: integrity.PE}, nil)
	fmt.Println(verdict.Passed, verdict.Rule, verdict.Text)
	verdict = terms.Judge(integrity.Signature{Status: integrity.Absent}, nil)
	fmt.Println(verdict.Passed, verdict.Rule, verdict.Text)

	// The server was given a policy that lets unsigned files pass.
	policy.Clauses[0].AllowUnsigned = true
	terms.Order = policy.Excerpt()
	verdict = terms.Judge(integrity.Signature{Status: integrity.Absent}, nil)
	fmt.Println(verdict.Passed, verdict.Rule, verdict.Reason, verdict.Code)
	fmt.Println(verdict.Text)
	// Output:
	// true INT-1 The file is validly signed by "Acme"; there is no checksum to compare (clause "acme").
	// false INT-4 The file carries no signature; the policy wants one by "Acme" (clause "acme").
	// false INT-4 PolicyMismatch FileSignatureFailed
	// The order was made under signer policy sha256:b6ef5528cfdb…, and this asset is held to sha256:42da18af6db5…: give server and asset the same policy.
}
