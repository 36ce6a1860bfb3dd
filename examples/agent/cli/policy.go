package cli

import (
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/policyverify"
)

// readPolicy reads a signer policy that a flag names, and checks that a
// verifier accepts it.
func readPolicy(name string) (*integrity.Policy, error) {
	data, err := readInput(name)
	if err != nil {
		return nil, err
	}
	policy, err := integrity.ParsePolicy(data)
	if err != nil {
		return nil, err
	}
	if _, err := policyverify.New(policy); err != nil {
		return nil, err
	}
	return &policy, nil
}
