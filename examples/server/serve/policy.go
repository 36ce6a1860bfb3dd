package serve

import (
	"fmt"
	"os"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/owned"
)

// Policy reads the signer policy that orders are made under. Without a file
// there is none.
func Policy(file string) (integrity.Excerpt, error) {
	if file == "" {
		return integrity.Excerpt{}, nil
	}
	if err := owned.CheckLinked(file, owned.State); err != nil {
		return integrity.Excerpt{}, fmt.Errorf("signer policy: %w", err)
	}
	info, err := os.Stat(file)
	if err != nil {
		return integrity.Excerpt{}, fmt.Errorf("signer policy: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > integrity.MaxPolicy {
		return integrity.Excerpt{}, fmt.Errorf("signer policy: %s is not a file of at most %d bytes", file, integrity.MaxPolicy)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return integrity.Excerpt{}, fmt.Errorf("signer policy: %w", err)
	}
	policy, err := integrity.ParsePolicy(data)
	if err != nil {
		return integrity.Excerpt{}, fmt.Errorf("%s: %w", file, err)
	}
	return policy.Excerpt(), nil
}
