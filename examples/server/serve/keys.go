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

	"github.com/patchpolicy/patchpolicy/manifest"
)

// Keys is what a server signs and authenticates with.
type Keys struct {
	Signer   manifest.Signer    // of manifests
	Trust    manifest.Chain     // every version of the trust document (MAN-13)
	Exchange []*ecdh.PrivateKey // the newest first (MAN-12)
}

// The suffix of files that wait for enough signatures by root keys.
const pending = ".next"

// ReadKeys reads the keys, once a rotation that was cut off is finished.
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
	data, err := os.ReadFile(f.Trust)
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
		return nil, errors.Join(fmt.Errorf("%s is no chain of trust documents from the first on", f.Trust), err)
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
	return replace(f.Trust, string(data), 0o644)
}

// makeKeys makes the first keys: roots root keys, threshold of which must sign the trust documents that follow.
func (f Files) makeKeys(roots, threshold int) (manifest.Chain, error) {
	if roots < 1 || roots > manifest.MaxTrustKeys || threshold < 1 || threshold > roots {
		return nil, fmt.Errorf("%d of %d root keys: want 1 to %d root keys, and a threshold of at most their number", threshold, roots, manifest.MaxTrustKeys)
	}
	signing, err := newSeed(f.Key)
	if err != nil {
		return nil, err
	}
	exchange, err := newExchange(f.Exchange, nil)
	if err != nil {
		return nil, err
	}
	t := manifest.NewTrust(manifest.PublicKey{}, publicOf(signing), exchange, time.Now())
	t.Threshold = threshold
	signers, public, err := f.makeRoots(roots)
	if err != nil {
		return nil, err
	}
	t.Root = public
	sealed, err := manifest.SealTrust(t, signers...)
	if err != nil {
		return nil, err
	}
	return manifest.Chain{sealed}, f.writeTrust(manifest.Chain{sealed})
}

// Root is the file of the root key of that number. Its holder may keep it elsewhere.
func (f Files) Root(i int) string {
	return filepath.Join(filepath.Dir(f.Trust), "root-"+strconv.Itoa(i)+".key")
}

// makeRoots makes root keys, in files root-1.key and so on that do not exist yet.
func (f Files) makeRoots(n int) (signers []manifest.Signer, public []manifest.PublicKey, err error) {
	for i := 1; len(signers) < n; i++ {
		seed, err := newSeed(f.Root(i))
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		signers, public = append(signers, manifest.NewSigner(ed25519.NewKeyFromSeed(seed))), append(public, publicOf(seed))
	}
	return signers, public, nil
}

// Rotation says what the next version of the trust document changes. The zero Rotation only moves its end.
type Rotation struct {
	Manifest bool // a new manifest key
	Exchange bool // a new exchange key; the old ones are kept for agents that have not heard of it
	Roots    int  // so many new root keys in place of the old; zero: the old ones stay
	// Threshold is how many of the new root keys must sign; zero: all.
	Threshold int
	Lifetime  time.Duration // zero: manifest.TrustLifetime
}

// Rotate prepares the next version of the trust document. It takes effect when Sign has as many signatures as the version
// before it wants. A version that was prepared and not finished is given up.
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
	for _, path := range []string{f.Key, f.Exchange, f.Trust} {
		if err := os.Remove(path + pending); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if r.Manifest {
		seed, err := newSeed(f.Key + pending)
		if err != nil {
			return err
		}
		t.Manifest = []manifest.PublicKey{publicOf(seed)}
	}
	if r.Exchange {
		old, err := readSeeds(f.Exchange)
		if err != nil {
			return err
		}
		if t.Exchange, err = newExchange(f.Exchange+pending, old); err != nil {
			return err
		}
	}
	var signers []manifest.Signer
	if r.Roots > 0 {
		if signers, t.Root, err = f.makeRoots(r.Roots); err != nil {
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
	return replace(f.Trust+pending, string(sealed), 0o644)
}

// Sign signs the prepared version with root keys from files. If it has enough signatures then, it is in effect from the next
// start of the server on, and Sign returns its number; if not, the error says what is missing, and the signatures are kept.
func (f Files) Sign(roots []string) (version uint64, err error) {
	chain, err := f.readTrust()
	if err != nil {
		return 0, err
	}
	if done, err := f.finish(chain); err != nil || done {
		return uint64(len(chain)), err
	}
	next, err := os.ReadFile(f.Trust + pending)
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
	if err := replace(f.Trust+pending, string(next), 0o644); err != nil {
		return 0, err
	}
	t, err := chain.Newest()
	if err != nil {
		return 0, err
	}
	if t, err = t.Follow(next); err != nil {
		return 0, fmt.Errorf("it is signed, and waits for more signatures: %w", err)
	}
	chain = append(chain, next)
	if err := f.writeTrust(chain); err != nil {
		return 0, err
	}
	_, err = f.finish(chain)
	return t.Version, err
}

// finish puts the keys of the newest version in place, if that is the one that was prepared: Sign may have been cut off before.
func (f Files) finish(chain manifest.Chain) (done bool, err error) {
	next, err := os.ReadFile(f.Trust + pending)
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

func publicOf(seed []byte) manifest.PublicKey {
	return manifest.Ed25519(ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey))
}

// newSeed draws a key and writes it to a file that must not exist.
func newSeed(path string) ([]byte, error) {
	seed := make([]byte, ed25519.SeedSize)
	_, _ = rand.Read(seed) // never fails
	return seed, create(path, base64.StdEncoding.EncodeToString(seed))
}

// newExchange draws an exchange key, writes it in front of the old ones, and returns its public half.
func newExchange(path string, old [][]byte) ([]byte, error) {
	own, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, seed := range slices.Insert(old, 0, own.Bytes()) {
		lines = append(lines, base64.StdEncoding.EncodeToString(seed))
	}
	return own.PublicKey().Bytes(), create(path, strings.Join(lines, "\n"))
}

// readSeeds reads keys of 32 bytes in base64, one a line.
func readSeeds(path string) ([][]byte, error) {
	text, err := readSecret(path)
	if err != nil {
		return nil, err
	}
	var seeds [][]byte
	for line := range strings.Lines(text) {
		seed, err := base64.StdEncoding.DecodeString(strings.TrimSpace(line))
		if err != nil || len(seed) != ed25519.SeedSize {
			return nil, fmt.Errorf("%s holds no keys (the base64 of %d bytes, one a line)", path, ed25519.SeedSize)
		}
		seeds = append(seeds, seed)
	}
	if len(seeds) == 0 {
		return nil, fmt.Errorf("%s holds no key", path)
	}
	return seeds, nil
}

// replace writes a file aside, and renames it over the one there is.
func replace(path, content string, mode fs.FileMode) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	_, err = file.WriteString(content + "\n")
	err = errors.Join(err, file.Chmod(mode), file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}
