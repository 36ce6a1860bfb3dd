// Package home is the agent's state folder: who the agent is, the key it signs
// with, and what it shows of its work.
//
//	agent.json      who this agent is and which server it trusts; written by enrol
//	agent.key       its Ed25519 private key, PKCS #8 in PEM; written before the
//	                enrolment is sent, so that it can be repeated
//	agent.key.next  the new key while the agent enrols again
//	policy.json     the signer policy kept by enrol; absent: none
//	state.db        queue, executions and unacknowledged reports; locked by
//	                the running agent
//	stage/          downloaded files of the running agent
//	status.json     the state as of the last commit, for "agent status"
//	journal.jsonl   the agent's reports, one per line, in order; older ones are
//	                in journal.1.jsonl to journal.4.jsonl
//	former/         the journal of an identity that was given up
//	tmp/            temporary files of the running agent
//
// The folder and the files belong to their owner alone. All of them are checked
// before the first is opened (see internal/owned): what belongs to another user,
// what others may write, a key that others may read, and links are refused.
package home

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/internal/owned"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/job/agent"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Identity is who an agent is, as the server enrolled it.
type Identity struct {
	Format    int             `json:"format"` // [Format]
	Server    string          `json:"server"` // base URL
	Asset     job.AssetID     `json:"asset"`
	Trust     json.RawMessage `json:"trust"`               // the newest accepted trust document of the server, as it was signed (MAN-13)
	Every     time.Duration   `json:"every"`               // the check-in interval that the server asked for (MAN-3)
	Roots     string          `json:"roots,omitempty"`     // PEM of the certificate authorities trusted for the server; empty: the system's
	PlainHTTP bool            `json:"plainHTTP,omitempty"` // plain http beyond the loopback is allowed
}

// Format is the format of the files that this package writes, and the highest
// that it reads. 0 is read as 1 (MAN-11).
const Format = 1

// maxFile is the most bytes of a file that is read. The largest is a status
// with full queues.
const maxFile = 64 << 20

// Home is a state folder.
type Home string

func (h Home) file(name string) string { return filepath.Join(string(h), name) }

// StateFile is the file that boltstate uses.
func (h Home) StateFile() string { return h.file("state.db") }

// Stage is the folder of downloaded files.
func (h Home) Stage() string { return h.file("stage") }

// Temp makes an empty folder for temporary files. It deletes what a crash left
// in it.
func (h Home) Temp() (string, error) {
	dir, err := filepath.Abs(h.file("tmp"))
	if err == nil {
		err = errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700))
	}
	if err != nil {
		return "", fmt.Errorf("the folder for temporary files cannot be created: %w", err)
	}
	return dir, nil
}

// ErrNotEnrolled is returned for a folder in which no agent has enrolled.
var ErrNotEnrolled = errors.New("no agent is enrolled here: run \"agent enrol\" first, or give its folder with --state")

// files is every file and folder that the agent opens in its folder, with its
// kind.
var files = map[string]owned.Kind{
	"agent.key": owned.Secret, "agent.json": owned.State, "policy.json": owned.State, "state.db": owned.State,
	nextKey: owned.Secret, "journal.jsonl": owned.State, "status.json": owned.State, "stage": owned.Dir,
}

// check checks the folder and everything in it that the agent opens, before any
// of it is opened: its owner, who else can use it, and that it is not a link.
func (h Home) check() error {
	if err := owned.Check(string(h), owned.Dir); err != nil {
		return fmt.Errorf("the state folder: %w", err)
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := owned.Check(h.file(name), files[name]); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Make creates the folder, for its owner alone. An existing folder and its
// files must belong to the owner.
func (h Home) Make() error {
	if err := owned.Folder(string(h)); err != nil {
		return fmt.Errorf("the state folder cannot be created: %w", err)
	}
	return h.check()
}

// Load reads the agent's identity and its key. The error wraps
// [ErrNotEnrolled], or says what is wrong with the files.
func (h Home) Load() (Identity, ed25519.PrivateKey, error) {
	var id Identity
	err := h.check()
	if err == nil {
		err = h.readJSON("agent.json", &id)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return Identity{}, nil, fmt.Errorf("%s: %w", h, ErrNotEnrolled)
	}
	if err != nil {
		return Identity{}, nil, err
	}
	var sealed bytes.Buffer
	_ = json.Compact(&sealed, id.Trust) // the file is indented; check finds what is not JSON
	id.Trust = sealed.Bytes()
	if err := id.check(); err != nil {
		return Identity{}, nil, fmt.Errorf("%s: %w", h.file("agent.json"), err)
	}
	key, err := h.key("agent.key")
	return id, key, err
}

func (id Identity) check() error {
	if err := manifest.CheckFormat("the agent's identity", id.Format, Format); err != nil {
		return err
	}
	switch {
	case id.Server == "":
		return errors.New("the server is missing")
	case job.ValidID(string(id.Asset)) != nil:
		return job.ValidID(string(id.Asset))
	case id.Every <= 0:
		return fmt.Errorf("the check-in interval %v is not positive", id.Every)
	}
	_, err := manifest.OpenTrust(id.Trust)
	return err
}

// Save writes the agent's identity.
func (h Home) Save(id Identity) error {
	id.Format = Format
	return h.writeJSON("agent.json", id)
}

// Enrolled reports whether an identity was saved.
func (h Home) Enrolled() bool {
	_, err := os.Stat(h.file("agent.json"))
	return err == nil
}

// nextKey is the key file of an enrolment that replaces the present one.
const nextKey = "agent.key.next"

// MakeKey returns the agent's key or, to enrol an enrolled machine again, its
// next key. It creates the key the first time.
func (h Home) MakeKey(next bool) (ed25519.PrivateKey, error) {
	name := "agent.key"
	if next {
		name = nextKey
	}
	key, err := h.key(name)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	_, key, err = ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, h.write(name, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func (h Home) key(file string) (ed25519.PrivateKey, error) {
	name := h.file(file)
	data, err := h.read(file)
	if err != nil {
		return nil, fmt.Errorf("the agent's key: %w", err)
	}
	block, rest := pem.Decode(data)
	if block == nil || block.Type != "PRIVATE KEY" || len(bytes.TrimSpace(rest)) > 0 {
		return nil, fmt.Errorf("%s is not a single PEM block PRIVATE KEY", name)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	key, is := parsed.(ed25519.PrivateKey)
	if !is {
		return nil, fmt.Errorf("%s contains a %T, not an Ed25519 key", name, parsed)
	}
	return key, nil
}

// SavePolicy keeps the agent's signer policy.
func (h Home) SavePolicy(p integrity.Policy) error {
	data, err := p.MarshalCanonical()
	if err != nil {
		return err
	}
	return h.write("policy.json", append(data, '\n'))
}

// Policy reads the agent's signer policy; nil: none.
func (h Home) Policy() (*integrity.Policy, error) {
	data, err := h.read("policy.json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p, err := integrity.ParsePolicy(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", h.file("policy.json"), err)
	}
	return &p, nil
}

// Become completes an enrolment with the key of [Home.MakeKey]: it deletes the
// queue and downloads of the identity before, uses the key and saves the new
// identity. A signer policy stays. The journal moves to the folder former. If
// Become is interrupted, call it again after the same enrolment with the same
// key.
func (h Home) Become(id Identity, next bool) error {
	err := h.forget()
	if err == nil && next {
		var key []byte
		if key, err = h.read(nextKey); err == nil {
			err = h.write("agent.key", key)
		}
	}
	if err == nil {
		err = h.Save(id)
	}
	if err == nil {
		err = h.remove(nextKey)
	}
	return err
}

// Leave deletes the agent's identity, key, signer policy, queue and downloads.
// Its journal moves to the folder former.
func (h Home) Leave() error {
	if err := h.remove("agent.json", "agent.key", nextKey, "policy.json"); err != nil {
		return err
	}
	return h.forget()
}

// forget deletes an identity's queue and downloads, and moves its journal to
// the folder former: the numbers of the next identity begin at 1 again.
func (h Home) forget() error {
	err := errors.Join(h.remove("state.db", "status.json"), os.RemoveAll(h.Stage()))
	former := h.file("former")
	if failed := os.Mkdir(former, 0o700); !errors.Is(failed, fs.ErrExist) {
		err = errors.Join(err, failed)
	}
	for _, name := range h.Journals() {
		if failed := os.Rename(name, filepath.Join(former, filepath.Base(name))); !errors.Is(failed, fs.ErrNotExist) {
			err = errors.Join(err, failed)
		}
	}
	return err
}

func (h Home) remove(names ...string) (err error) {
	for _, name := range names {
		if failed := os.Remove(h.file(name)); !errors.Is(failed, fs.ErrNotExist) {
			err = errors.Join(err, failed)
		}
	}
	return err
}

// Status is what a running agent writes about itself after each commit.
type Status struct {
	Format  int         `json:"format"`  // [Format]; set by WriteStatus
	Process int         `json:"process"` // the id of the agent's process
	Written time.Time   `json:"written"`
	Actions string      `json:"actions,omitempty"` // which pre- and post-actions may run: none, policy or all; empty: not known
	State   agent.State `json:"state"`
}

// WriteStatus replaces the status and sets its format.
func (h Home) WriteStatus(s Status) error {
	s.Format = Format
	return h.writeJSON("status.json", s)
}

// ReadStatus returns the last status; its Process is zero before the first.
func (h Home) ReadStatus() (s Status, err error) {
	err = h.readJSON("status.json", &s)
	if errors.Is(err, fs.ErrNotExist) {
		return Status{}, nil
	}
	if err == nil {
		err = manifest.CheckFormat(h.file("status.json"), s.Format, Format)
	}
	return s, err
}

// Running reports whether the process that wrote the status still runs. If that
// cannot be found out, it returns false.
func (s Status) Running() bool {
	if s.Process <= 0 {
		return false
	}
	p, err := os.FindProcess(s.Process)
	if err == nil {
		err = p.Signal(syscall.Signal(0))
	}
	return err == nil || errors.Is(err, fs.ErrPermission)
}

func (h Home) read(name string) ([]byte, error) {
	return owned.Read(h.file(name), files[name], maxFile)
}

func (h Home) readJSON(name string, v any) error {
	data, err := h.read(name)
	if err != nil {
		return err
	}
	if err := enum.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s is damaged: %w", h.file(name), err)
	}
	return nil
}

func (h Home) writeJSON(name string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return h.write(name, append(data, '\n'))
}

func (h Home) write(name string, data []byte) error { return owned.Write(h.file(name), data) }
