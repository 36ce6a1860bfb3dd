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
	"time"

	"github.com/patchpolicy/patchpolicy/internal/enum"
	"github.com/patchpolicy/patchpolicy/internal/owned"
	"github.com/patchpolicy/patchpolicy/job"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Identity is who an agent is, as the server enrolled it.
type Identity struct {
	Format int         `json:"format"` // [Format]
	Server string      `json:"server"` // base URL
	Asset  job.AssetID `json:"asset"`
	// Trust is the newest accepted trust document of the server, sealed (MAN-13).
	Trust json.RawMessage `json:"trust"`
	// Every is the check-in interval that the server asked for (MAN-3).
	Every time.Duration `json:"every"`
	// Roots is the PEM of the certificate authorities trusted for the server;
	// empty: the system's.
	Roots string `json:"roots,omitempty"`
	// PlainHTTP allows plain http beyond the loopback.
	PlainHTTP bool `json:"plainHTTP,omitempty"`
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
	_, err := manifest.OpenTrust(id.SealedTrust())
	return err
}

// SealedTrust returns the trust document as it was signed; nil if it is not
// JSON.
func (id Identity) SealedTrust() []byte {
	var b bytes.Buffer
	if json.Compact(&b, id.Trust) != nil {
		return nil
	}
	return b.Bytes()
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

// Key returns the agent's key, and creates it the first time.
func (h Home) Key() (ed25519.PrivateKey, error) { return h.makeKey("agent.key") }

func (h Home) makeKey(name string) (ed25519.PrivateKey, error) {
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

// write replaces a whole file, for its owner alone.
func (h Home) write(name string, data []byte) error { return owned.Write(h.file(name), data) }
