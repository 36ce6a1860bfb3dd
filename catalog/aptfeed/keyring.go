package aptfeed

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/openpgp"
)

// armorBegin tells a key block in place from names of keyrings.
const armorBegin = "-----BEGIN PGP PUBLIC KEY BLOCK-----"

// loadKeyring gathers the keys a source trusts: those in place, those of the named files, or else the configuration's own
// ones (trusted.gpg and trusted.gpg.d). Paths are inside root.
func loadKeyring(s source, in system, dir string) (*openpgp.Verifier, error) {
	where := fmt.Sprintf("%s:%d", s.file, s.line)
	if s.keys != "" {
		keys, err := trusting([][]byte{[]byte(s.keys)}, nil)
		if err != nil {
			return nil, fail(Refused, where, err, "the key block in Signed-By cannot be read")
		}
		return keys, nil
	}
	var rings [][]byte
	var only []string
	for _, named := range s.signedBy {
		if !strings.HasPrefix(named, "/") {
			only = append(only, named)
			continue
		}
		ring, err := readKeys(in, filepath.Join(string(in), named))
		if err != nil {
			return nil, fail(Refused, where, err, "the keyring in signed-by cannot be used")
		}
		rings = append(rings, ring)
	}
	if len(rings) == 0 {
		var err error
		if rings, err = trustedKeys(in, dir); err != nil {
			return nil, fail(Refused, where, err, "the trusted keys cannot be read")
		}
	}
	keys, err := trusting(rings, only)
	if err != nil {
		return nil, fail(Refused, where, err, "the trusted keys cannot be used")
	}
	return keys, nil
}

// trusting makes a verifier of keyrings that shows only the keys that were named; without a name, all.
func trusting(rings [][]byte, only []string) (*openpgp.Verifier, error) {
	ring, err := openpgp.Join(rings...)
	if err != nil {
		return nil, err
	}
	trust := integrity.OpenPGPTrust{Keyring: string(ring)}
	if len(only) > 0 {
		keys, err := openpgp.Keys(ring)
		if err != nil && len(ring) > 0 {
			return nil, err
		}
		for _, named := range only {
			if slices.ContainsFunc(keys, func(k openpgp.Key) bool { return k.Fingerprint == strings.TrimSuffix(named, "!") }) {
				trust.Fingerprints = append(trust.Fingerprints, named)
			}
		}
	}
	if len(ring) == 0 || len(only) > 0 && len(trust.Fingerprints) == 0 {
		return new(openpgp.Verifier), nil // who trusts nobody
	}
	return openpgp.New(integrity.Signer{Name: "the repository", OpenPGP: []integrity.OpenPGPTrust{trust}})
}

// trustedKeys reads trusted.gpg and trusted.gpg.d. A file that is no keyring is left alone, as apt does: it can only make
// fewer keys trusted. If none can be read though files are there, that is an error.
func trustedKeys(in system, dir string) ([][]byte, error) {
	files := []string{filepath.Join(dir, "trusted.gpg")}
	more, _ := in.readDir(filepath.Join(dir, "trusted.gpg.d")) // it may not be there
	for _, ending := range []string{".gpg", ".asc"} {
		for _, n := range more {
			if strings.HasSuffix(n.Name(), ending) {
				files = append(files, filepath.Join(dir, "trusted.gpg.d", n.Name()))
			}
		}
	}
	var all [][]byte
	var problems []error
	for _, file := range files {
		keys, err := readKeys(in, file)
		if err != nil {
			if !is(err, Missing) {
				problems = append(problems, err)
			}
			continue
		}
		all = append(all, keys)
	}
	if len(all) == 0 && len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return all, nil
}

// readKeys reads a keyring, armored or binary, that can be used.
func readKeys(in system, file string) ([]byte, error) {
	data, err := in.readFile(context.Background(), file, MaxKeyring)
	if err != nil {
		return nil, err
	}
	if _, err := openpgp.Keys(data); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return data, nil
}
