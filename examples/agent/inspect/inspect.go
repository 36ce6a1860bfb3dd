// Package inspect tells of any file who signed it and whether a signer policy trusts it, for people and for programs.
package inspect

import (
	"bytes"
	"cmp"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/policyverify"
)

// Config is what files are judged by.
type Config struct {
	Policy     *integrity.Policy // nil: none; then nobody is trusted
	PolicyFile string            // its name, for a person who is told the next command
	Key        string            // name of a file with public keys that are trusted instead of a policy; empty: none
	Feed       string            // that the files come from, as the catalog names it
	Vendor     string            // of the product that the files are of, as the catalog names it
	Product    string            // its id
	Digests    []integrity.Digest
	Signature  string    // name of a signature file; empty: none
	Now        time.Time // when a certificate is pinned whose signature no timestamp gives a time for
	Program    string    // name of this program, for the next command
}

// File is what was found out about one file.
type File struct {
	Name    string             `json:"file"`
	Error   string             `json:"error,omitempty"` // why it could not be judged; then only the name is there beside it
	Kind    string             `json:"kind,omitempty"`  // in words, by its first bytes
	Size    int64              `json:"size"`            // bytes
	Digests []integrity.Digest `json:"digests,omitempty"`
	Signed  bool               `json:"signed"` // something says so, whether or not it holds
	*policyverify.Report
	Policy  *integrity.Digest  `json:"policy,omitempty"` // nil: none was given
	Verdict *integrity.Verdict `json:"verdict,omitempty"`
	Pin     *integrity.Policy  `json:"pin,omitempty"`     // a policy by which the file passes; nil: there is nothing to pin, or it is trusted
	PinFile string             `json:"pinFile,omitempty"` // what to save Pin as for Next
	Next    string             `json:"next,omitempty"`    // a command for the shell by which the file passes, once its files are there; empty: none
	Notes   []string           `json:"notes,omitempty"`   // what else a person should know
}

// Outcome is what became of a file.
type Outcome int

// The outcomes, from good to bad.
const (
	Passed Outcome = iota
	Refused
	Unreadable
)

// Outcome sums the file up.
func (f File) Outcome() Outcome {
	switch {
	case f.Verdict == nil:
		return Unreadable
	case f.Verdict.Passed:
		return Passed
	default:
		return Refused
	}
}

// maxSignature is how many bytes of a signature file are read: more than any verifier takes.
const maxSignature = 32 << 20

// Inspector inspects files. Make it with New.
type Inspector struct {
	config   Config
	verifier *policyverify.Verifier
	own      integrity.Excerpt
	detached []byte
	pins     int // that were told
}

// New returns an inspector. The error is what is wrong with the policy, the keys or the signature file.
func New(c Config) (*Inspector, error) {
	i := &Inspector{config: c}
	if c.Key != "" {
		signer, err := keyed(c.Key)
		if err != nil {
			return nil, fmt.Errorf("key file: %w", err)
		}
		next, policy := i.trust(signer)
		c.Policy, i.config.Policy, i.config.Vendor = &policy, &policy, next.Vendor
	}
	policy := integrity.Policy{Format: integrity.PolicyFormat}
	if c.Policy != nil {
		policy = *c.Policy
		i.own = policy.Excerpt()
	}
	var err error
	if i.verifier, err = policyverify.New(policy); err != nil {
		return nil, err
	}
	if c.Signature != "" {
		if i.detached, err = read(c.Signature); err != nil {
			return nil, fmt.Errorf("signature file: %w", err)
		}
	}
	return i, nil
}

// keyed reads public keys.
func keyed(name string) (s integrity.Signer, err error) {
	data, err := read(name)
	if err != nil {
		return s, err
	}
	if bytes.Contains(data, []byte("-----BEGIN PGP PUBLIC KEY BLOCK-----")) {
		s.OpenPGP = []integrity.OpenPGPTrust{{Keyring: string(data)}}
		return s, nil
	}
	trust := integrity.SigstoreTrust{}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		trust.Keys = append(trust.Keys, string(pem.EncodeToMemory(block)))
	}
	if trust.Keys == nil {
		return s, fmt.Errorf("%s holds no public key; want an armored OpenPGP key (gpg --armor --export), or PEM that begins with -----BEGIN PUBLIC KEY-----", name)
	}
	s.Sigstore = []integrity.SigstoreTrust{trust}
	return s, nil
}

// File inspects one file. It never fails: what went wrong is in Error.
func (i *Inspector) File(name string) File {
	out := File{Name: name}
	if err := i.file(&out); err != nil {
		return File{Name: name, Error: err.Error()}
	}
	return out
}

func (i *Inspector) file(out *File) error {
	f, size, err := open(out.Name)
	if err != nil {
		return err
	}
	defer f.Close()
	out.Size = size
	start := make([]byte, min(size, startSize))
	if _, err := f.ReadAt(start, 0); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	out.Kind = kind(start)
	d := integrity.NewDigester(append(i.config.expect().Algorithms(), integrity.SHA384, integrity.SHA512)...)
	if n, err := io.Copy(d, io.NewSectionReader(f, 0, size+1)); err != nil || n != size {
		return cmp.Or(err, fmt.Errorf("%s changed while it was read, or has no fixed size: it had %d bytes, and %d could be read", out.Name, size, n))
	}
	out.Digests = d.Sums()
	report, err := i.verifier.Inspect(f, size, i.detached)
	if err != nil {
		return err
	}
	out.Report = &report
	out.Signed = report.Answer.Status != integrity.Absent
	if i.config.Policy != nil {
		out.Policy = &i.own.Digest
	}
	verdict := i.config.judge(i.own, report.Answer, out.Digests)
	out.Verdict = &verdict
	switch {
	case !verdict.Passed:
		i.advise(f, out)
	case i.config.Key != "":
		next := i.config
		next.Key = ""
		i.keep(out, next, *next.Policy)
	}
	return nil
}

func (c Config) expect() integrity.Expectation { return integrity.Expectation{Digests: c.Digests} }

// judge judges what was found out about a file under a policy.
func (c Config) judge(own integrity.Excerpt, s integrity.Signature, digests []integrity.Digest) integrity.Verdict {
	return integrity.Terms{Feed: c.Feed, Vendor: c.Vendor, Product: c.Product, Expect: c.expect(), Own: own}.Judge(s, digests)
}

// open opens a regular file. Anything else might never end.
func open(name string) (*os.File, int64, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		what := map[os.FileMode]string{os.ModeDir: "a folder", os.ModeNamedPipe: "a pipe", os.ModeSocket: "a socket"}[info.Mode().Type()]
		return nil, 0, fmt.Errorf("%s is %s, no regular file", name, cmp.Or(what, "a device"))
	}
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // what was replaced by a pipe is not waited for
	if err != nil {
		return nil, 0, err
	}
	opened, err := f.Stat()
	if err == nil && !os.SameFile(info, opened) {
		err = fmt.Errorf("%s was replaced while it was opened", name)
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, opened.Size(), nil
}

func read(name string) ([]byte, error) {
	f, size, err := open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if size > maxSignature {
		return nil, fmt.Errorf("%s has %d bytes; at most %d are read", name, size, maxSignature)
	}
	data := make([]byte, size) // never nil: an empty signature file is not none
	_, err = io.ReadFull(f, data)
	return data, err
}
