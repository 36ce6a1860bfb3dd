package serve

import (
	"bytes"
	"cmp"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/internal/owned"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Keys are what a server signs and authenticates with.
type Keys struct {
	Signer   manifest.Signer    // signs manifests
	Trust    manifest.Chain     // every version of the trust document (MAN-13)
	Exchange []*ecdh.PrivateKey // the newest first (MAN-12)
}

// The suffix of files that wait for enough signatures by root keys.
const pending = ".next"

// ReadKeys finishes a rotation that was cut off, and reads the keys.
func (f Files) ReadKeys() (k Keys, err error) {
	if k.Trust, _, err = f.settle(); err != nil {
		return k, err
	}
	if k.Signer, err = readSigner(f.Key); err != nil {
		return k, err
	}
	seeds, err := readSeeds(f.Exchange)
	if err != nil {
		return k, err
	}
	for _, seed := range seeds {
		own, err := ecdh.X25519().NewPrivateKey(seed)
		if err != nil {
			return k, fmt.Errorf("%s: %w", f.Exchange, err)
		}
		k.Exchange = append(k.Exchange, own)
	}
	return k, nil
}

// settle reads the trust documents. If an earlier Sign was cut off after it had
// written them, settle finishes it, and done is true.
func (f Files) settle() (chain manifest.Chain, done bool, err error) {
	if chain, err = f.readTrust(); err == nil {
		done, err = f.finish(chain)
	}
	return chain, done, err
}

func (f Files) readTrust() (manifest.Chain, error) {
	data, err := read(f.Trust, owned.State, manifest.MaxTrust*manifest.MaxTrustVersions)
	if err != nil {
		return nil, err
	}
	var list []json.RawMessage
	if err := json.Unmarshal([]byte(data), &list); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", f.Trust, err)
	}
	var chain manifest.Chain
	for _, sealed := range list {
		chain = append(chain, sealed)
	}
	if t, err := chain.Newest(); err != nil || t.Version != uint64(len(chain)) {
		return nil, errors.Join(fmt.Errorf("%s is damaged: it does not hold every trust document from the first on; put your copy back", f.Trust), err)
	}
	return chain, nil
}

func (f Files) writeTrust(chain manifest.Chain) error {
	list := bytes.Join(chain, []byte(",")) // each as it was signed
	return owned.Write(f.Trust, slices.Concat([]byte("["), list, []byte("]\n")))
}

// Root is the file of the root key with that number. Its holder may keep it
// elsewhere.
func (f Files) Root(i int) string {
	return filepath.Join(filepath.Dir(f.Trust), "root-"+strconv.Itoa(i)+".key")
}

// Rotation says what the next version of the trust document changes. The zero
// Rotation changes only its expiry.
type Rotation struct {
	Manifest bool // a new manifest key
	Exchange bool // a new exchange key; the old ones stay for agents that do not know it yet
	// ForgetOld drops the old exchange keys, for when somebody else has one:
	// agents that do not know a new one yet must enrol again.
	ForgetOld bool
	Roots     int // how many new root keys replace the old; zero: the old ones stay
	// Threshold is how many of the new root keys must sign; zero: all.
	Threshold int
	Lifetime  time.Duration // zero: manifest.TrustLifetime
}

// Rotate prepares the next version of the trust document. It takes effect when
// [Files.Sign] has collected as many signatures as the version before asks for.
// Rotate drops a version that was prepared and not finished.
func (f Files) Rotate(r Rotation) error {
	chain, _, err := f.settle()
	if err != nil {
		return err
	}
	t, err := chain.Newest()
	if err != nil {
		return err
	}
	t.Version++
	t.Issued = time.Now()
	t.Expires = t.Issued.Add(cmp.Or(r.Lifetime, manifest.TrustLifetime))
	for _, path := range []string{f.Trust, f.Key, f.Exchange} { // the document first: without it the others have no effect
		if err := os.Remove(path + pending); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	sealed, err := f.version(t, r, pending, 1+rootsEver(chain))
	if err != nil {
		return err
	}
	if r.Exchange && !r.ForgetOld {
		var seeds [][]byte
		for _, path := range []string{f.Exchange + pending, f.Exchange} {
			some, err := readSeeds(path)
			if err != nil {
				return err
			}
			seeds = append(seeds, some...)
		}
		if err := writeSeeds(f.Exchange+pending, seeds...); err != nil {
			return err
		}
	}
	return owned.Write(f.Trust+pending, append(sealed, '\n'))
}

// version makes the keys that a rotation asks for, and a version of the trust
// document with them, signed by the new root keys alone. The files of the keys
// have the suffix, and root keys are numbered from root on.
func (f Files) version(t manifest.Trust, r Rotation, suffix string, root int) ([]byte, error) {
	if r.Manifest {
		key, err := seed(f.Key + suffix)
		if err != nil {
			return nil, err
		}
		t.Manifest = []manifest.PublicKey{publicOf(key)}
	}
	if r.Exchange {
		key, err := seed(f.Exchange + suffix)
		if err != nil {
			return nil, err
		}
		own, err := ecdh.X25519().NewPrivateKey(key)
		if err != nil {
			return nil, err
		}
		t.Exchange = own.PublicKey().Bytes()
	}
	var signers []manifest.Signer
	if r.Roots > 0 {
		t.Root, t.Threshold = nil, cmp.Or(r.Threshold, r.Roots)
	}
	for i := range r.Roots {
		key, err := seed(f.Root(root + i))
		if err != nil {
			return nil, err
		}
		signers, t.Root = append(signers, manifest.NewSigner(ed25519.NewKeyFromSeed(key))), append(t.Root, publicOf(key))
	}
	return manifest.SealTrust(t, signers...)
}

// Sign signs the prepared version with root keys from files. With enough
// signatures it takes effect at the next start of the server, and Sign returns
// its number. Otherwise the error says what is missing, and the signatures are
// kept.
func (f Files) Sign(roots []string) (version uint64, err error) {
	chain, done, err := f.settle()
	if err != nil || done {
		return uint64(len(chain)), err
	}
	prepared, err := read(f.Trust+pending, owned.State, manifest.MaxTrust)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, errors.New("no version of the trust document is prepared; prepare one with \"server key rotate\"")
	}
	if err != nil {
		return 0, err
	}
	var signers []manifest.Signer
	for _, path := range roots {
		signer, err := readSigner(path)
		if err != nil {
			return 0, err
		}
		signers = append(signers, signer)
	}
	next, err := manifest.SignTrust([]byte(prepared), signers...)
	if err != nil {
		return 0, err
	}
	if err := owned.Write(f.Trust+pending, append(next, '\n')); err != nil {
		return 0, err
	}
	t, err := chain.Newest()
	if err != nil {
		return 0, err
	}
	if t, err = t.Follow(next); err != nil {
		if d, is := errors.AsType[*manifest.Distrusted](err); is {
			err = fmt.Errorf("the version is prepared and not in effect yet: it has %s, and needs %s; sign it with more root keys: server key sign --root FILE", d.Have, d.Want)
		}
		return 0, err
	}
	chain = append(chain, next)
	if err := f.writeTrust(chain); err != nil {
		return 0, err
	}
	if done, err = f.finish(chain); err == nil && !done {
		err = errors.New("another version was prepared meanwhile; rotate again")
	}
	return t.Version, err
}

// finish puts the keys of the newest version in place, if that is the prepared
// one.
func (f Files) finish(chain manifest.Chain) (done bool, err error) {
	next, err := read(f.Trust+pending, owned.State, manifest.MaxTrust)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || manifest.TrustFingerprint([]byte(next)) != manifest.TrustFingerprint(chain[len(chain)-1]) {
		return false, err
	}
	for _, path := range []string{f.Key, f.Exchange} {
		if err := os.Rename(path+pending, path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
	}
	return true, os.Remove(f.Trust + pending)
}

// rootsEver counts the root keys of all versions. Their files may be elsewhere.
func rootsEver(chain manifest.Chain) int {
	ids := map[string]bool{}
	for _, sealed := range chain {
		if t, err := manifest.OpenTrust(sealed); err == nil {
			for _, k := range t.Root {
				ids[k.ID()] = true
			}
		}
	}
	return len(ids)
}

func publicOf(seed []byte) manifest.PublicKey {
	return manifest.Ed25519(ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey))
}

func readSigner(path string) (manifest.Signer, error) {
	seeds, err := readSeeds(path)
	if err != nil {
		return nil, err
	}
	return manifest.NewSigner(ed25519.NewKeyFromSeed(seeds[0])), nil
}

// seed reads a key from a file, or makes one and writes it.
func seed(path string) ([]byte, error) {
	seeds, err := readSeeds(path)
	switch {
	case err == nil:
		return seeds[0], nil
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	drawn := make([]byte, ed25519.SeedSize)
	_, _ = rand.Read(drawn) // never fails
	return drawn, writeSeeds(path, drawn)
}

func writeSeeds(path string, seeds ...[]byte) error {
	var text strings.Builder
	for _, seed := range seeds {
		text.WriteString(base64.StdEncoding.EncodeToString(seed) + "\n")
	}
	return owned.Write(path, []byte(text.String()))
}

// readSeeds reads keys of 32 bytes in base64, one per line.
func readSeeds(path string) ([][]byte, error) {
	text, err := read(path, owned.Secret, maxSecret)
	if err != nil {
		return nil, err
	}
	var seeds [][]byte
	for line := range strings.Lines(text) {
		seed, err := base64.StdEncoding.DecodeString(strings.TrimSpace(line))
		if err != nil || len(seed) != ed25519.SeedSize {
			return nil, fmt.Errorf("%s holds something else than keys (base64 of %d bytes, one per line)", path, ed25519.SeedSize)
		}
		seeds = append(seeds, seed)
	}
	if len(seeds) == 0 {
		return nil, fmt.Errorf("%s holds no key", path)
	}
	return seeds, nil
}
