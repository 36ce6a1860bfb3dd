package serve

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/patchpolicy/patchpolicy/internal/owned"
	"github.com/patchpolicy/patchpolicy/internal/token"
	"github.com/patchpolicy/patchpolicy/manifest"
)

// Files says where a server keeps its state. Before a file is used, its owner
// and mode are checked, and who else can read or replace it (see
// internal/owned).
type Files struct {
	DB         string // SQLite database
	Key        string // seed of the manifest key, in base64: whoever has it commands every agent
	Exchange   string // the exchange keys, in base64, the newest first: whoever has one can listen in, and call as any agent
	Trust      string // every version of the trust document; not secret
	AdminToken string // the administrator's bearer token
}

// In returns the names of the files in one folder.
func In(dir string) Files {
	return Files{DB: filepath.Join(dir, "server.db"), Key: filepath.Join(dir, "manifest.key"), Exchange: filepath.Join(dir, "exchange.key"),
		Trust: filepath.Join(dir, "trust.json"), AdminToken: filepath.Join(dir, "admin.token")}
}

// Init makes the keys and the token, with mode 0600. There are so many root keys,
// and threshold of them must sign each later version of the trust document.
//
// Init never replaces a file, because new keys would cut off every enrolled
// agent. It writes each file whole or not at all, so after a failure, like a
// full disk, it can be called again.
func Init(dir string, roots, threshold int) (Files, manifest.Chain, error) {
	f := In(dir)
	if err := owned.Folder(dir); err != nil {
		return f, nil, err
	}
	hasTrust, err := exists(f.Trust) // written after the keys
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
	case hasTrust && hasToken:
		return f, nil, fmt.Errorf("%s and %s exist and are not replaced: choose another folder, or remove both if no agent has enrolled", f.Trust, f.AdminToken)
	case !hasTrust && hasDB:
		return f, nil, fmt.Errorf("%s is missing, and the agents of %s believe no other keys: put your copy of the keys back", f.Trust, f.DB)
	}
	var chain manifest.Chain
	if hasTrust {
		chain, err = f.readTrust()
	} else {
		chain, err = f.makeKeys(roots, threshold)
	}
	if err == nil && !hasToken {
		err = owned.Write(f.AdminToken, []byte(token.NewAdmin()+"\n"))
	}
	return f, chain, err
}

func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// ReadToken reads the administrator's token.
func ReadToken(path string) (string, error) {
	text, err := readSecret(path)
	switch {
	case err != nil:
		return "", err
	case token.IsEnrolment(text):
		return "", fmt.Errorf("%s holds an enrolment token; give the file with the administrator's token, which \"server init\" made", path)
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
