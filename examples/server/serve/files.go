package serve

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Files says where a server keeps what must survive it.
type Files struct {
	DB         string // SQLite database
	Key        string // seed of the manifest key, in base64: who has it commands every agent
	AdminToken string // bearer token of the administration
}

// In names the files in one folder.
func In(dir string) Files {
	return Files{DB: filepath.Join(dir, "server.db"), Key: filepath.Join(dir, "manifest.key"), AdminToken: filepath.Join(dir, "admin.token")}
}

// Init makes the key and the token, mode 0600. It never replaces a file: a new key would cut every enrolled agent off.
func Init(dir string) (Files, ed25519.PublicKey, error) {
	f := In(dir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return f, nil, err
	}
	for _, path := range []string{f.Key, f.AdminToken} {
		if _, err := os.Lstat(path); err == nil {
			return f, nil, fmt.Errorf("%s exists; it is not replaced: choose another folder, or remove it if no agent has enrolled", path)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return f, nil, err
		}
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return f, nil, err
	}
	if err := create(f.Key, base64.StdEncoding.EncodeToString(private.Seed())); err != nil {
		return f, nil, err
	}
	return f, public, create(f.AdminToken, rand.Text())
}

func create(path, content string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(content + "\n")
	return errors.Join(err, file.Sync(), file.Close())
}

// ReadKey reads the manifest key.
func ReadKey(path string) (ed25519.PrivateKey, error) {
	text, err := readSecret(path)
	if err != nil {
		return nil, err
	}
	seed, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("%s holds no manifest key (the base64 of %d bytes)", path, ed25519.SeedSize)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

// ReadToken reads the administrator's token.
func ReadToken(path string) (string, error) {
	text, err := readSecret(path)
	if err == nil && (len(text) < 16 || strings.ContainsAny(text, " \t\r\n")) {
		err = fmt.Errorf("%s holds no token (one word of at least 16 bytes)", path)
	}
	return text, err
}

func readSecret(path string) (string, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s is missing; make it with \"server init\": %w", path, err)
	}
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() > 4096 {
		return "", fmt.Errorf("%s is no small file", path)
	}
	data, err := os.ReadFile(path)
	return strings.TrimSpace(string(data)), err
}
