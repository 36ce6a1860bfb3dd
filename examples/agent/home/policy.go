package home

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/patchpolicy/patchpolicy/integrity"
)

// SavePolicy keeps the agent's signer policy.
func (h Home) SavePolicy(p integrity.Policy) error {
	data, err := p.MarshalCanonical()
	if err != nil {
		return err
	}
	return h.write("policy.json", append(data, '\n'))
}

// Policy reads the agent's signer policy; nil: none.
func (h Home) Policy() (*integrity.Policy, error) {
	data, err := h.read("policy.json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p, err := integrity.ParsePolicy(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", h.file("policy.json"), err)
	}
	return &p, nil
}
