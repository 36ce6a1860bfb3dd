package inspect

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/policyverify"
)

// Config is what files are judged by.
type Config struct {
	Policy    *integrity.Policy // nil: none; then nobody is trusted
	Vendor    string            // of the product that the files are of, as the catalog names it
	Product   string            // its id
	Digests   []integrity.Digest
	Signature string    // name of a signature file; empty: none
	Now       time.Time // when a certificate is pinned whose signature no timestamp gives a time for
}

// File is what was found out about one file.
type File struct {
	Name    string             `json:"file"`
	Error   string             `json:"error,omitempty"` // why it could not be judged; then nothing else is there
	Kind    string             `json:"kind,omitempty"`  // in words, by its first bytes
	Size    int64              `json:"size"`            // bytes
	Digests []integrity.Digest `json:"digests,omitempty"`
	Signed  bool               `json:"signed"` // something says so, whether or not it holds
	*policyverify.Report
	Policy  *integrity.Digest  `json:"policy,omitempty"` // nil: none was given
	Verdict *integrity.Verdict `json:"verdict,omitempty"`
	Pin     *integrity.Policy  `json:"pin,omitempty"`   // a policy that would trust the signer; nil: there is nothing to pin, or it is trusted
	Notes   []string           `json:"notes,omitempty"` // what else a person should know
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
}

// New returns an inspector. The error is what is wrong with the policy, or with the signature file.
func New(c Config) (*Inspector, error) {
	i := &Inspector{config: c}
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
	expect := integrity.Expectation{Digests: i.config.Digests}
	d := integrity.NewDigester(append(expect.Algorithms(), integrity.SHA384, integrity.SHA512)...)
	if n, err := io.Copy(d, io.NewSectionReader(f, 0, size)); err != nil || n != size {
		return errors.Join(err, fmt.Errorf("%d of its %d bytes could be read", n, size))
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
	verdict := integrity.Terms{Vendor: i.config.Vendor, Product: i.config.Product, Expect: expect, Own: i.own}.Judge(report.Answer, out.Digests)
	out.Verdict = &verdict
	if !verdict.Passed {
		i.advise(out)
	}
	return nil
}

// open opens a regular file. Anything else might never end.
func open(name string) (*os.File, int64, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%s is %s, no regular file", name, modeName(info.Mode()))
	}
	f, err := os.Open(name)
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

func modeName(m os.FileMode) string {
	switch {
	case m.IsDir():
		return "a folder"
	case m&os.ModeNamedPipe != 0:
		return "a pipe"
	case m&os.ModeSocket != 0:
		return "a socket"
	default:
		return "a device"
	}
}

func read(name string) ([]byte, error) {
	f, size, err := open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if size > maxSignature {
		return nil, fmt.Errorf("%s has %d bytes; no signature has more than %d", name, size, maxSignature)
	}
	data := make([]byte, size) // never nil: an empty signature file is not none
	_, err = io.ReadFull(f, data)
	return data, err
}
