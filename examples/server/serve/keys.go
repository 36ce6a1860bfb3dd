package serve

import (
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
	if k.Trust, err = f.readTrust(); err == nil {
		_, err = f.finish(k.Trust)
	}
	if err != nil {
		return k, err
	}
	seeds, err := readSeeds(f.Key)
	if err != nil {
		return k, err
	}
	k.Signer = manifest.NewSigner(ed25519.NewKeyFromSeed(seeds[0]))
	if seeds, err = readSeeds(f.Exchange); err != nil {
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

func (f Files) readTrust() (manifest.Chain, error) {
	data, err := owned.Read(f.Trust, owned.State, manifest.MaxTrust*manifest.MaxTrustVersions)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is missing; make it with \"server init\": %w", f.Trust, err)
	}
	if err != nil {
		return nil, err
	}
	var list []json.RawMessage
	if err := json.Unmarshal(data, &list); err != nil {
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
	list := make([]json.RawMessage, len(chain))
	for i, sealed := range chain {
		list[i] = sealed
	}
	data, err := json.Marshal(list) // each as it was signed
	if err != nil {
		return err
	}
	return owned.Write(f.Trust, append(data, '\n'))
}

// makeKeys makes the first keys. Of the root keys, threshold must sign each later
// trust document.
func (f Files) makeKeys(roots, threshold int) (manifest.Chain, error) {
	if roots < 1 || roots > manifest.MaxTrustKeys || threshold < 1 || threshold > roots {
		return nil, fmt.Errorf("%d of %d root keys: want 1 to %d root keys, and a threshold of at most their number", threshold, roots, manifest.MaxTrustKeys)
	}
	signing, err := seed(f.Key)
	if err != nil {
		return nil, err
	}
	exchange, err := seed(f.Exchange)
	if err != nil {
		return nil, err
	}
	own, err := ecdh.X25519().NewPrivateKey(exchange)
	if err != nil {
		return nil, err
	}
	t := manifest.NewTrust(manifest.PublicKey{}, publicOf(signing), own.PublicKey().Bytes(), time.Now())
	var signers []manifest.Signer
	if signers, t.Root, err = f.makeRoots(1, roots); err != nil {
		return nil, err
	}
	t.Threshold = threshold
	sealed, err := manifest.SealTrust(t, signers...)
	if err != nil {
		return nil, err
	}
	return manifest.Chain{sealed}, f.writeTrust(manifest.Chain{sealed})
}

// Root is the file of the root key with that number. Its holder may keep it
// elsewhere.
func (f Files) Root(i int) string {
	return filepath.Join(filepath.Dir(f.Trust), "root-"+strconv.Itoa(i)+".key")
}

// makeRoots makes n root keys, numbered from there on.
func (f Files) makeRoots(from, n int) (signers []manifest.Signer, public []manifest.PublicKey, err error) {
	for i := range n {
		key, err := seed(f.Root(from + i))
		if err != nil {
			return nil, nil, err
		}
		signers, public = append(signers, manifest.NewSigner(ed25519.NewKeyFromSeed(key))), append(public, publicOf(key))
	}
	return signers, public, nil
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
	chain, err := f.readTrust()
	if err != nil {
		return err
	}
	if _, err := f.finish(chain); err != nil {
		return err
	}
	t, err := chain.Newest()
	if err != nil {
		return err
	}
	lifetime := r.Lifetime
	if lifetime == 0 {
		lifetime = manifest.TrustLifetime
	}
	t.Version++
	t.Issued = time.Now()
	t.Expires = t.Issued.Add(lifetime)
	for _, path := range []string{f.Trust, f.Key, f.Exchange} { // the document first: without it the others have no effect
		if err := os.Remove(path + pending); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if r.Manifest {
		key, err := seed(f.Key + pending)
		if err != nil {
			return err
		}
		t.Manifest = []manifest.PublicKey{publicOf(key)}
	}
	if r.Exchange {
		old, err := readSeeds(f.Exchange)
		if err != nil {
			return err
		}
		own, err := ecdh.X25519().GenerateKey(rand.Reader)
		if err != nil {
			return err
		}
		t.Exchange = own.PublicKey().Bytes()
		if r.ForgetOld {
			old = nil
		}
		if err := writeSeeds(f.Exchange+pending, slices.Insert(old, 0, own.Bytes())...); err != nil {
			return err
		}
	}
	var signers []manifest.Signer
	if r.Roots > 0 {
		if signers, t.Root, err = f.makeRoots(1+rootsEver(chain), r.Roots); err != nil {
			return err
		}
		if t.Threshold = r.Threshold; t.Threshold == 0 {
			t.Threshold = r.Roots
		}
	}
	sealed, err := manifest.SealTrust(t, signers...)
	if err != nil {
		return err
	}
	return owned.Write(f.Trust+pending, append(sealed, '\n'))
}

// Sign signs the prepared version with root keys from files. With enough
// signatures it takes effect at the next start of the server, and Sign returns
// its number. Otherwise the error says what is missing, and the signatures are
// kept.
func (f Files) Sign(roots []string) (version uint64, err error) {
	chain, err := f.readTrust()
	if err != nil {
		return 0, err
	}
	if done, err := f.finish(chain); err != nil || done {
		return uint64(len(chain)), err
	}
	next, err := owned.Read(f.Trust+pending, owned.State, manifest.MaxTrust)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, errors.New("no version of the trust document is prepared; prepare one with \"server key rotate\"")
	}
	if err != nil {
		return 0, err
	}
	var signers []manifest.Signer
	for _, path := range roots {
		seeds, err := readSeeds(path)
		if err != nil {
			return 0, err
		}
		signers = append(signers, manifest.NewSigner(ed25519.NewKeyFromSeed(seeds[0])))
	}
	if next, err = manifest.SignTrust([]byte(strings.TrimSpace(string(next))), signers...); err != nil {
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
	done, err := f.finish(chain)
	if err == nil && !done {
		err = errors.New("another version was prepared meanwhile; rotate again")
	}
	return t.Version, err
}

// finish puts the keys of the newest version in place, if that is the prepared
// one: an earlier Sign may have been cut off.
func (f Files) finish(chain manifest.Chain) (done bool, err error) {
	next, err := owned.Read(f.Trust+pending, owned.State, manifest.MaxTrust)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil || manifest.TrustFingerprint([]byte(strings.TrimSpace(string(next)))) != manifest.TrustFingerprint(chain[len(chain)-1]) {
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
		if t, err := manifest.ReadTrust(sealed); err == nil {
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

// seed reads a key from a file, or makes one and writes it.
func seed(path string) ([]byte, error) {
	seeds, err := readSeeds(path)
	if !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			return nil, err
		}
		return seeds[0], nil
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
	text, err := readSecret(path)
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
