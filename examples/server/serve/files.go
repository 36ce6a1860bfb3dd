package serve

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/patchpolicy/patchpolicy/manifest"
)

// Files says where a server keeps what must survive it.
type Files struct {
	DB         string // SQLite database
	Key        string // seed of the manifest key, in base64: who has it commands every agent
	Exchange   string // the exchange keys, in base64, the newest first: who has one can listen in, and speak as any agent
	Trust      string // every version of the trust document; no secret
	AdminToken string // bearer token of the administration
}

// In names the files in one folder.
func In(dir string) Files {
	return Files{DB: filepath.Join(dir, "server.db"), Key: filepath.Join(dir, "manifest.key"), Exchange: filepath.Join(dir, "exchange.key"),
		Trust: filepath.Join(dir, "trust.json"), AdminToken: filepath.Join(dir, "admin.token")}
}

// Init makes the keys and the token, mode 0600: so many root keys, of which threshold must sign each further version of the trust
// document. It never replaces a file: new keys would cut every enrolled agent off.
func Init(dir string, roots, threshold int) (Files, manifest.Chain, error) {
	f := In(dir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return f, nil, err
	}
	for _, path := range []string{f.Key, f.Exchange, f.Trust, f.AdminToken} {
		if _, err := os.Lstat(path); err == nil {
			return f, nil, fmt.Errorf("%s exists; it is not replaced: choose another folder, or remove it if no agent has enrolled", path)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return f, nil, err
		}
	}
	chain, err := f.makeKeys(roots, threshold)
	if err != nil {
		return f, nil, err
	}
	return f, chain, create(f.AdminToken, rand.Text())
}

func create(path, content string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(content + "\n")
	return errors.Join(err, file.Sync(), file.Close())
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
