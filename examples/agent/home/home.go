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
	Format    int             `json:"format"` // 1
	Server    string          `json:"server"` // base URL
	Asset     job.AssetID     `json:"asset"`
	Trust     json.RawMessage `json:"trust"`               // the newest trust document of the server that is believed, sealed (MAN-13)
	Every     time.Duration   `json:"every"`               // between check-ins, as the server wishes (MAN-3)
	Roots     string          `json:"roots,omitempty"`     // PEM of the certificate authorities trusted for the server; empty: the system's
	PlainHTTP bool            `json:"plainHTTP,omitempty"` // the server may be called over plain http beyond the loopback
}

// Format is the format of the files that this package writes, and the highest that it reads; 0 is read as 1 (MAN-11).
const Format = 1

// maxFile is the bytes of the largest file read: a status with full queues.
const maxFile = 64 << 20

// Home is a state folder.
type Home string

func (h Home) file(name string) string { return filepath.Join(string(h), name) }

// StateFile is the file that boltstate keeps.
func (h Home) StateFile() string { return h.file("state.db") }

// Stage is the folder of downloaded files.
func (h Home) Stage() string { return h.file("stage") }

// Temp makes the folder of temporary files, empty: what a crash left in it is deleted.
func (h Home) Temp() (string, error) {
	dir, err := filepath.Abs(h.file("tmp"))
	if err == nil {
		err = errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700))
	}
	if err != nil {
		return "", fmt.Errorf("the folder for temporary files cannot be made: %w", err)
	}
	return dir, nil
}

// ErrNotEnrolled is returned where no agent has enrolled yet.
var ErrNotEnrolled = errors.New("no agent is enrolled here: run \"agent enrol\" first, or name its folder with --state")

// files are what the agent opens in its folder, and what each is.
var files = map[string]owned.Kind{
	"agent.key": owned.Secret, "agent.json": owned.State, "policy.json": owned.State, "state.db": owned.State,
	nextKey: owned.Secret, "journal.jsonl": owned.State, "status.json": owned.State, "stage": owned.Dir,
}

// check looks at the folder, and at everything in it that the agent opens, before any of it is opened: whose it is, who else
// can use it, and whether a link leads elsewhere.
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

// Make makes the folder, for the owner alone. One that is there already, and what is in it, must be the owner's.
func (h Home) Make() error {
	if err := owned.Folder(string(h)); err != nil {
		return fmt.Errorf("the state folder cannot be made: %w", err)
	}
	return h.check()
}

// Load reads who the agent is, and its key. It returns ErrNotEnrolled, or what is wrong with the files.
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
	if err := manifest.CheckFormat("it", id.Format, Format); err != nil {
		return err
	}
	switch {
	case id.Server == "":
		return errors.New("it names no server")
	case job.ValidID(string(id.Asset)) != nil:
		return job.ValidID(string(id.Asset))
	case id.Every <= 0:
		return fmt.Errorf("the check-in interval is %v", id.Every)
	}
	_, err := manifest.OpenTrust(id.SealedTrust())
	return err
}

// SealedTrust is the trust document as it was signed.
func (id Identity) SealedTrust() []byte {
	var b bytes.Buffer
	if json.Compact(&b, id.Trust) != nil {
		return nil
	}
	return b.Bytes()
}

// Save keeps who the agent is.
func (h Home) Save(id Identity) error {
	id.Format = Format
	return h.writeJSON("agent.json", id)
}

// Enrolled reports whether Save was called.
func (h Home) Enrolled() bool {
	_, err := os.Stat(h.file("agent.json"))
	return err == nil
}

// Key returns the agent's key, making one the first time.
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
		return nil, fmt.Errorf("%s is not one PEM block PRIVATE KEY", name)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	key, is := parsed.(ed25519.PrivateKey)
	if !is {
		return nil, fmt.Errorf("%s holds a %T, want an Ed25519 key", name, parsed)
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

// write replaces a file whole, for the owner alone.
func (h Home) write(name string, data []byte) error { return owned.Write(h.file(name), data) }
