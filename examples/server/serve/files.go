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

	"github.com/patchpolicy/patchpolicy/internal/owned"
	"github.com/patchpolicy/patchpolicy/internal/token"
)

// Files says where a server keeps what must survive it. They are looked at before they are used: whose they are, who else
// can read or swap them (see internal/owned).
type Files struct {
	DB         string // SQLite database
	Key        string // seed of the manifest key, in base64: who has it commands every agent
	AdminToken string // bearer token of the administration
}

// In names the files in one folder.
func In(dir string) Files {
	return Files{DB: filepath.Join(dir, "server.db"), Key: filepath.Join(dir, "manifest.key"), AdminToken: filepath.Join(dir, "admin.token")}
}

// Init makes the key and the token, mode 0600. It never replaces a file: a new key would cut every enrolled agent off. Each
// file is there whole or not at all, so that Init which was cut off, as by a full disk, is called again.
func Init(dir string) (Files, ed25519.PublicKey, error) {
	f := In(dir)
	if err := owned.Folder(dir); err != nil {
		return f, nil, err
	}
	hasKey, err := exists(f.Key)
	if err != nil {
		return f, nil, err
	}
	hasToken, err := exists(f.AdminToken)
	if err != nil {
		return f, nil, err
	}
	hasDB, err := exists(f.DB)
	switch {
	case err != nil:
		return f, nil, err
	case hasKey && hasToken:
		return f, nil, fmt.Errorf("%s and %s exist; they are not replaced: choose another folder, or remove them if no agent has enrolled", f.Key, f.AdminToken)
	case !hasKey && hasDB:
		return f, nil, fmt.Errorf("%s is missing, and agents of %s believe nothing that another key signs: put your copy of it back", f.Key, f.DB)
	case !hasKey:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return f, nil, err
		}
		if err := owned.Write(f.Key, []byte(base64.StdEncoding.EncodeToString(private.Seed())+"\n")); err != nil {
			return f, nil, err
		}
	}
	key, err := ReadKey(f.Key)
	if err != nil {
		return f, nil, err
	}
	if !hasToken {
		err = owned.Write(f.AdminToken, []byte(token.NewAdmin()+"\n"))
	}
	return f, key.Public().(ed25519.PublicKey), err
}

func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
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
	switch {
	case err != nil:
		return "", err
	case token.IsEnrolment(text):
		return "", fmt.Errorf("%s holds an enrolment token; give the administrator's, which \"server init\" made", path)
	case len(text) < 16 || strings.ContainsAny(text, " \t\r\n"):
		return "", fmt.Errorf("%s holds no token (one word of at least 16 bytes)", path)
	}
	return text, nil
}

func readSecret(path string) (string, error) {
	data, err := owned.Read(path, owned.Secret, 4096)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s is missing; make it with \"server init\": %w", path, err)
	}
	return strings.TrimSpace(string(data)), err
}
