// Package inspect shows who signed a file and whether a signer policy trusts
// the signer, as text for people and as JSON for programs.
package inspect

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/integrity/policyverify"
	"github.com/patchpolicy/patchpolicy/internal/problem"
)

// Config says by what files are judged.
type Config struct {
	Policy     *integrity.Policy  // nil: none, so nobody is trusted
	PolicyFile string             // file name of Policy, for the next command
	Key        string             // file of public keys to trust instead of a policy; empty: none
	Feed       string             // feed of the files, as the catalog names it
	Vendor     string             // vendor of the product, as the catalog names it
	Product    string             // id of the product
	Digests    []integrity.Digest // that a file must have
	Signature  string             // name of a signature file; empty: none
	Now        time.Time          // when to judge a certificate that is pinned and has no timestamp
	Program    string             // name of this program, for the next command
}

// File is what was found out about one file.
type File struct {
	Name    string             `json:"file"`
	Error   string             `json:"error,omitempty"` // why the file was not judged; then only Name is set besides
	Kind    string             `json:"kind,omitempty"`  // in words, from the first bytes
	Size    int64              `json:"size"`            // bytes
	Digests []integrity.Digest `json:"digests,omitempty"`
	Signed  bool               `json:"signed"` // there is a signature, good or not
	*policyverify.Report
	Policy  *integrity.Digest  `json:"policy,omitempty"` // nil: there is none
	Verdict *integrity.Verdict `json:"verdict,omitempty"`
	Pin     *integrity.Policy  `json:"pin,omitempty"`     // a policy by which the file passes; nil: nothing can be pinned, or the file passed
	PinFile string             `json:"pinFile,omitempty"` // the file name that Next expects Pin under
	Next    string             `json:"next,omitempty"`    // a shell command by which the file passes, once its files exist; empty: none
	Notes   []string           `json:"notes,omitempty"`   // advice for the user
}

func (f *File) note(format string, args ...any) {
	f.Notes = append(f.Notes, fmt.Sprintf(format, args...))
}

// maxSignature is the largest signature or key file in bytes. No verifier takes
// a larger one.
const maxSignature = 32 << 20

// Inspector inspects files. Make it with [New].
type Inspector struct {
	config   Config
	verifier *policyverify.Verifier
	own      integrity.Excerpt
	detached []byte
	pins     int // how many were offered
}

// New returns an inspector. The error says what is wrong with the policy, the
// keys or the signature file.
func New(c Config) (*Inspector, error) {
	i := &Inspector{config: c}
	if c.Key != "" {
		signer, err := readKeys(c.Key)
		if err != nil {
			return nil, fmt.Errorf("key file: %w", err)
		}
		next, policy := i.trust(signer)
		i.config.Policy, i.config.Vendor = &policy, next.Vendor
	}
	policy := integrity.Policy{Format: integrity.PolicyFormat}
	if i.config.Policy != nil {
		policy = *i.config.Policy
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

// readKeys reads a file of public keys: OpenPGP keys, or PEM blocks.
func readKeys(name string) (s integrity.Signer, err error) {
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
		return s, fmt.Errorf("%s has no public key: want an armored OpenPGP key (from gpg --armor --export), or PEM that begins with -----BEGIN PUBLIC KEY-----", name)
	}
	s.Sigstore = []integrity.SigstoreTrust{trust}
	return s, nil
}

// trust makes a policy that trusts the signer for the product that the user
// named, or for all products of the vendor. It returns the configuration that
// verifies by that policy.
func (i *Inspector) trust(s integrity.Signer) (Config, integrity.Policy) {
	if s.Name == "" || s.Name == integrity.Any || problem.Printable(s.Name) != s.Name {
		s.Name = cmp.Or(i.config.Vendor, "SIGNER")
	}
	next := i.config
	next.Vendor = cmp.Or(next.Vendor, s.Name)
	next.Key = ""
	return next, integrity.Policy{
		Format: integrity.PolicyFormat, Signers: []integrity.Signer{s},
		Clauses: []integrity.Clause{{
			Name: strings.ToLower(next.Vendor), Vendor: next.Vendor, Product: cmp.Or(next.Product, integrity.Any), Signers: []string{s.Name},
		}},
	}
}

// File inspects one file. It never fails: if something goes wrong, Error says
// what.
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

func (c Config) judge(own integrity.Excerpt, s integrity.Signature, digests []integrity.Digest) integrity.Verdict {
	return integrity.Terms{Feed: c.Feed, Vendor: c.Vendor, Product: c.Product, Expect: c.expect(), Own: own}.Judge(s, digests)
}

// open opens a regular file and returns its size. Anything else might never end.
func open(name string) (*os.File, int64, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		what := map[os.FileMode]string{os.ModeDir: "a folder", os.ModeNamedPipe: "a pipe", os.ModeSocket: "a socket"}[info.Mode().Type()]
		return nil, 0, fmt.Errorf("%s is %s, not a regular file", name, cmp.Or(what, "a device"))
	}
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // do not wait for a pipe that took the file's place
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
		return nil, fmt.Errorf("%s has %d bytes; at most %d are allowed", name, size, maxSignature)
	}
	data := make([]byte, size) // not nil, even if empty: an empty signature file is a signature file
	_, err = io.ReadFull(f, data)
	return data, err
}

const startSize = 4096 // bytes of a file that kind looks at

var magics = []struct{ start, kind string }{
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "compound file (Windows Installer, old Office)"},
	{"MSCF", "Windows cabinet"},
	{"\xed\xab\xee\xdb", "RPM package"},
	{"!<arch>\ndebian-binary", "Debian package"},
	{"!<arch>\n", "archive (ar)"},
	{"\x7fELF", "ELF program or library"},
	{"\xfe\xed\xfa\xce", "macOS program"}, {"\xfe\xed\xfa\xcf", "macOS program"}, {"\xcf\xfa\xed\xfe", "macOS program"},
	{"\xca\xfe\xba\xbe", "macOS program or Java class"},
	{"PK\x03\x04", "zip archive"},
	{"\x1f\x8b", "gzip"}, {"\xfd7zXZ\x00", "xz"}, {"\x28\xb5\x2f\xfd", "zstd"}, {"BZh", "bzip2"}, {"\x04\x22\x4d\x18", "lz4"},
	{"7z\xbc\xaf\x27\x1c", "7-Zip archive"},
	{"%PDF-", "PDF"},
	{"xar!", "macOS installer"},
	{"-----BEGIN PGP SIGNED MESSAGE-----", "clear-signed text"},
	{"-----BEGIN PGP SIGNATURE-----", "OpenPGP signature"},
	{"-----BEGIN PGP PUBLIC KEY BLOCK-----", "OpenPGP keys"},
	{"-----BEGIN CERTIFICATE-----", "certificate"},
	{"#!", "script"},
}

func kind(start []byte) string {
	if len(start) == 0 {
		return "empty file"
	}
	for _, m := range magics {
		if bytes.HasPrefix(start, []byte(m.start)) {
			return m.kind
		}
	}
	if bytes.HasPrefix(start, []byte("MZ")) && len(start) >= 64 {
		at := int64(binary.LittleEndian.Uint32(start[60:]))
		if at >= int64(len(start)) || bytes.HasPrefix(start[at:], []byte("PE\x00\x00")) {
			return "Windows program or library"
		}
		return "DOS program"
	}
	text := start
	for len(text) > 0 && len(start) == startSize && len(start)-len(text) < utf8.UTFMax && !utf8.Valid(text) {
		text = text[:len(text)-1] // a character that the limit cut
	}
	if utf8.Valid(text) && !bytes.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' && r != '\r' && r != '\t' && r != '\f' }) {
		return "text"
	}
	return "data"
}
