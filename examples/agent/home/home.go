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
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/patchpolicy/patchpolicy/job"
)

// Identity is who an agent is, as the server enrolled it.
type Identity struct {
	Format      int               `json:"format"` // 1
	Server      string            `json:"server"` // base URL
	Asset       job.AssetID       `json:"asset"`
	ManifestKey ed25519.PublicKey `json:"manifestKey"`     // the server's, pinned (MAN-5)
	Every       time.Duration     `json:"every"`           // between check-ins, as the server wishes (MAN-3)
	Roots       string            `json:"roots,omitempty"` // PEM of the certificate authorities trusted for the server; empty: the system's
}

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

// Make makes the folder, for the owner alone.
func (h Home) Make() error {
	if err := os.MkdirAll(string(h), 0o700); err != nil {
		return fmt.Errorf("the state folder cannot be made: %w", err)
	}
	return nil
}

// Load reads who the agent is, and its key. It returns ErrNotEnrolled, or what is wrong with the files.
func (h Home) Load() (Identity, ed25519.PrivateKey, error) {
	var id Identity
	err := h.readJSON("agent.json", &id)
	if errors.Is(err, fs.ErrNotExist) {
		return Identity{}, nil, fmt.Errorf("%s: %w", h, ErrNotEnrolled)
	}
	if err != nil {
		return Identity{}, nil, err
	}
	if err := id.check(); err != nil {
		return Identity{}, nil, fmt.Errorf("%s: %w", h.file("agent.json"), err)
	}
	key, err := h.key()
	return id, key, err
}

func (id Identity) check() error {
	switch {
	case id.Format != 1:
		return fmt.Errorf("its format is %d, this agent knows 1", id.Format)
	case id.Server == "":
		return errors.New("it names no server")
	case job.ValidID(string(id.Asset)) != nil:
		return job.ValidID(string(id.Asset))
	case len(id.ManifestKey) != ed25519.PublicKeySize:
		return fmt.Errorf("the manifest key has %d bytes, want %d", len(id.ManifestKey), ed25519.PublicKeySize)
	case id.Every <= 0:
		return fmt.Errorf("the check-in interval is %v", id.Every)
	}
	return nil
}

// Save keeps who the agent is.
func (h Home) Save(id Identity) error {
	id.Format = 1
	return h.writeJSON("agent.json", id)
}

// Enrolled reports whether Save was called.
func (h Home) Enrolled() bool {
	_, err := os.Stat(h.file("agent.json"))
	return err == nil
}

// Key returns the agent's key, making one the first time.
func (h Home) Key() (ed25519.PrivateKey, error) {
	key, err := h.key()
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
	return key, h.write("agent.key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func (h Home) key() (ed25519.PrivateKey, error) {
	name := h.file("agent.key")
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("the agent's key: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("the agent's key %s can be read by others (mode %04o): anybody may have it; enrol anew, or, if nobody else uses this machine, chmod 600 it", name, info.Mode().Perm())
	}
	data, err := h.read("agent.key")
	if err != nil {
		return nil, err
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
	info, err := os.Stat(h.file(name))
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s has %d bytes, the most is %d", h.file(name), info.Size(), maxFile)
	}
	return os.ReadFile(h.file(name))
}

func (h Home) readJSON(name string, v any) error {
	data, err := h.read(name)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
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
func (h Home) write(name string, data []byte) error {
	f, err := os.CreateTemp(string(h), name+".*.tmp") // with mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), h.file(name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
