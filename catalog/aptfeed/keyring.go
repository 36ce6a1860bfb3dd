package aptfeed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/catalog/fault"
	"github.com/patchpolicy/patchpolicy/catalog/internal/fetch"
	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/openpgp"
)

// armorBegin distinguishes an embedded key block from names of keyrings.
const armorBegin = "-----BEGIN PGP PUBLIC KEY BLOCK-----"

type keyring struct {
	keys     *openpgp.Verifier
	where    string // the entry that names it
	problems []string
}

// open verifies a Release file and reads what the signature covers. If a
// keyring that should verify it cannot be used, the error says that, not that
// the key is unknown.
func (k keyring) open(s signedRelease, address string, now time.Time) (release, error) {
	text, err := s.verified(k.keys, now)
	switch {
	case fault.Is(err, fault.UnknownKey) && len(k.problems) > 0:
		return release{}, fault.New(fault.Keyring, k.where, err, "nothing can be verified, because %s", strings.Join(k.problems, "; "))
	case err != nil:
		return release{}, err
	}
	return parseRelease(text, address, s.where)
}

// loadKeyring collects the keys that a source trusts, as apt does: the embedded
// ones, those of the named files, or otherwise those of the configuration
// (trusted.gpg and trusted.gpg.d), without the files that it cannot use. Paths
// are inside root. The error says that a keyring that the entry names cannot be
// used, or that none can.
func loadKeyring(s source, in fetch.System, dir string) (keyring, error) {
	k := keyring{where: fmt.Sprintf("%s:%d", s.file, s.line)}
	var rings [][]byte
	var only []string
	add := func(ring []byte, err error) {
		if err != nil {
			k.problems = append(k.problems, err.Error())
		} else {
			rings = append(rings, ring)
		}
	}
	files := 0
	for _, named := range s.signedBy {
		if strings.HasPrefix(named, "/") {
			files++
			add(readKeys(in, filepath.Join(string(in), named)))
		} else {
			only = append(only, named)
		}
	}
	switch {
	case s.keys != "":
		add([]byte(s.keys), unusable([]byte(s.keys), "the key block in Signed-By"))
	case files == 0:
		trusted := []string{filepath.Join(dir, "trusted.gpg")}
		parts, _ := in.ReadDir(filepath.Join(dir, "trusted.gpg.d")) // both may be missing
		for _, ending := range []string{".gpg", ".asc"} {
			for _, p := range parts {
				if strings.HasSuffix(p.Name(), ending) {
					trusted = append(trusted, filepath.Join(dir, "trusted.gpg.d", p.Name()))
				}
			}
		}
		for _, file := range trusted {
			if ring, err := readKeys(in, file); !fault.Is(err, fault.Missing) {
				add(ring, err)
			}
		}
	}
	if len(k.problems) > 0 && (len(rings) == 0 || files > 0) {
		return k, fault.New(fault.Keyring, k.where, nil, "nothing can be verified, because %s", strings.Join(k.problems, "; "))
	}
	var err error
	if k.keys, err = trusting(rings, only); err != nil {
		return k, fault.New(fault.Keyring, k.where, err, "the trusted keys cannot be used")
	}
	return k, nil
}

// trusting returns a verifier that trusts only the named keys of the keyrings,
// or all if none is named.
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
		return new(openpgp.Verifier), nil // it trusts no key
	}
	return openpgp.New(integrity.Signer{Name: "the repository", OpenPGP: []integrity.OpenPGPTrust{trust}})
}

// readKeys reads a keyring and checks that it can be used.
func readKeys(in fetch.System, file string) ([]byte, error) {
	data, err := in.ReadFile(context.Background(), file, maxKeyring)
	if err != nil {
		return nil, err
	}
	return data, unusable(data, file)
}

// unusable returns why a keyring cannot be used and what to do. Nil: it can be
// used.
func unusable(data []byte, what string) error {
	_, err := openpgp.Keys(data)
	text, armored := bytes.TrimSpace(data), bytes.Contains(data, []byte(armorBegin))
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		err = errors.New("it begins with a byte order mark, which apt cannot read either: save it without one")
	case err == nil && armored && strings.HasSuffix(what, ".gpg"):
		err = errors.New("it is armored, and apt reads only binary keys from a .gpg file: rename it to .asc")
	case err == nil && !armored && strings.HasSuffix(what, ".asc"):
		err = errors.New("it is not armored, and apt reads only armored keys from an .asc file: rename it to .gpg")
	case err == nil:
		return nil
	case len(text) == 0:
		err = errors.New("it is empty and has no OpenPGP key: get the repository's key again")
	case text[0] == '<':
		err = errors.New("it is a web page and has no OpenPGP key: get the repository's key again")
	}
	return fmt.Errorf("%s: %w", what, err)
}
