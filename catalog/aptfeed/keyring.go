package aptfeed

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

const (
	armorBegin = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
	armorEnd   = "-----END PGP PUBLIC KEY BLOCK-----"
)

// keyring is what a source trusts. It is an openpgp.KeyRing that shows only the keys that were named, and no weak ones.
type keyring struct {
	openpgp.EntityList
	only []string // fingerprints in upper-case hex, "!" after one that means exactly that key; empty: all
}

func (k keyring) KeysById(id uint64) []openpgp.Key {
	return slices.DeleteFunc(k.EntityList.KeysById(id), k.hidden)
}

func (k keyring) KeysByIdUsage(id uint64, usage byte) []openpgp.Key {
	return slices.DeleteFunc(k.EntityList.KeysByIdUsage(id, usage), k.hidden)
}

// minRSABits is the shortest RSA key that is trusted; apt has the same bound.
const minRSABits = 2048

// weakKey reports a key that others can forge, or whose kind apt does not trust any more.
func weakKey(key *packet.PublicKey) bool {
	switch key.PubKeyAlgo {
	case packet.PubKeyAlgoRSA, packet.PubKeyAlgoRSASignOnly:
		bits, err := key.BitLength()
		return err != nil || bits < minRSABits
	case packet.PubKeyAlgoDSA:
		return true
	default:
		return false
	}
}

func (k keyring) hidden(key openpgp.Key) bool {
	if weakKey(key.PublicKey) {
		return true
	}
	if len(k.only) == 0 {
		return false
	}
	own := fmt.Sprintf("%X", key.PublicKey.Fingerprint)
	primary := fmt.Sprintf("%X", key.Entity.PrimaryKey.Fingerprint)
	return !slices.ContainsFunc(k.only, func(named string) bool {
		return named == own+"!" || named == own || named == primary
	})
}

// loadKeyring gathers the keys a source trusts: those in place, those of the named files, or else the configuration's own
// ones (trusted.gpg and trusted.gpg.d). Paths are inside root.
func loadKeyring(s Source, root, dir string) (keyring, error) {
	where := fmt.Sprintf("%s:%d", s.File, s.Line)
	if s.Keys != "" {
		keys, err := parseKeys([]byte(s.Keys))
		if err != nil {
			return keyring{}, fail(Refused, where, err, "the key block in Signed-By cannot be read")
		}
		return keyring{EntityList: keys}, nil
	}
	var ring keyring
	files := 0
	for _, named := range s.SignedBy {
		if !strings.HasPrefix(named, "/") {
			ring.only = append(ring.only, named)
			continue
		}
		files++
		keys, err := readKeys(filepath.Join(root, named))
		if err != nil {
			return keyring{}, fail(Refused, where, err, "the keyring in signed-by cannot be used")
		}
		ring.EntityList = append(ring.EntityList, keys...)
	}
	if files > 0 {
		return ring, nil
	}
	keys, err := trustedKeys(dir)
	if err != nil {
		return keyring{}, fail(Refused, where, err, "the trusted keys cannot be read")
	}
	ring.EntityList = keys
	return ring, nil
}

// trustedKeys reads trusted.gpg and trusted.gpg.d. A file that is no keyring is left alone, as apt does: it can only make
// fewer keys trusted. If none can be read though files are there, that is an error.
func trustedKeys(dir string) (openpgp.EntityList, error) {
	files := []string{filepath.Join(dir, "trusted.gpg")}
	for _, pattern := range []string{"*.gpg", "*.asc"} {
		more, err := filepath.Glob(filepath.Join(dir, "trusted.gpg.d", pattern))
		if err != nil {
			return nil, err
		}
		files = append(files, more...)
	}
	var all openpgp.EntityList
	var problems []error
	for _, file := range files {
		keys, err := readKeys(file)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				problems = append(problems, err)
			}
			continue
		}
		all = append(all, keys...)
	}
	if len(all) == 0 && len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return all, nil
}

func readKeys(file string) (openpgp.EntityList, error) {
	data, err := readFile(file, MaxKeyring)
	if err != nil {
		return nil, err
	}
	keys, err := parseKeys(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return keys, nil
}

// parseKeys reads a keyring, armored (any number of blocks) or binary.
func parseKeys(data []byte) (openpgp.EntityList, error) {
	if !bytes.Contains(data, []byte(armorBegin)) {
		if len(data) > 12 && string(data[8:12]) == "KBXf" {
			return nil, errors.New("it is a keybox, a format of GnuPG's own: export the keys with gpg --export")
		}
		return checkKeys(openpgp.ReadKeyRing(bytes.NewReader(data)))
	}
	var all openpgp.EntityList
	for {
		begin := bytes.Index(data, []byte(armorBegin))
		if begin < 0 {
			return all, nil
		}
		data = data[begin:]
		end := bytes.Index(data, []byte(armorEnd))
		if end < 0 {
			return nil, errors.New("the armored key block is cut off: it has no END line")
		}
		end += len(armorEnd)
		block, err := armor.Decode(bytes.NewReader(data[:end]))
		if err != nil {
			return nil, fmt.Errorf("bad armor: %w", err)
		}
		keys, err := checkKeys(openpgp.ReadKeyRing(block.Body))
		if err != nil {
			return nil, err
		}
		all = append(all, keys...)
		data = data[end:]
	}
}

func checkKeys(keys openpgp.EntityList, err error) (openpgp.EntityList, error) {
	if err != nil {
		return nil, fmt.Errorf("it is no OpenPGP keyring: %w", err)
	}
	if len(keys) == 0 {
		return nil, errors.New("it holds no OpenPGP key")
	}
	return keys, nil
}

// readFile reads a whole file of at most limit bytes.
func readFile(file string, limit int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s is longer than %d bytes", file, limit)
	}
	return data, nil
}
