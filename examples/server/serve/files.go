package serve

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/patchpolicy/patchpolicy/integrity"
	"github.com/patchpolicy/patchpolicy/internal/owned"
	"github.com/patchpolicy/patchpolicy/internal/token"
	"github.com/patchpolicy/patchpolicy/job/controller"
	"github.com/patchpolicy/patchpolicy/job/controller/sqlstore"
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
	var err error
	exists := func(path string) bool {
		_, problem := os.Lstat(path)
		if !errors.Is(problem, fs.ErrNotExist) {
			err = errors.Join(err, problem)
		}
		return problem == nil
	}
	hasTrust, hasToken, hasDB := exists(f.Trust), exists(f.AdminToken), exists(f.DB) // the trust is written after the keys
	switch {
	case err != nil:
		return f, nil, err
	case hasTrust && hasToken:
		return f, nil, fmt.Errorf("%s and %s exist and are not replaced: choose another folder, or remove both if no agent has enrolled", f.Trust, f.AdminToken)
	case !hasTrust && hasDB:
		return f, nil, fmt.Errorf("%s is missing, and the agents of %s believe no other keys: put your copy of the keys back", f.Trust, f.DB)
	case !hasTrust && (roots < 1 || roots > manifest.MaxTrustKeys || threshold < 1 || threshold > roots):
		return f, nil, fmt.Errorf("%d of %d root keys: want 1 to %d root keys, and a threshold of at most their number", threshold, roots, manifest.MaxTrustKeys)
	}
	if !hasTrust {
		now := time.Now()
		first := manifest.Trust{Format: manifest.Format, Version: 1, Issued: now, Expires: now.Add(manifest.TrustLifetime)}
		sealed, err := f.version(first, Rotation{Manifest: true, Exchange: true, Roots: roots, Threshold: threshold}, "", 1)
		if err == nil {
			err = f.writeTrust(manifest.Chain{sealed})
		}
		if err != nil {
			return f, nil, err
		}
	}
	chain, err := f.readTrust()
	if err == nil && !hasToken {
		err = owned.Write(f.AdminToken, []byte(token.NewAdmin()+"\n"))
	}
	return f, chain, err
}

// ReadToken reads the administrator's token.
func ReadToken(path string) (string, error) {
	text, err := read(path, owned.Secret, maxSecret)
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

const maxSecret = 4096

// read reads a file that Init made, without the spaces around its text.
func read(path string, kind owned.Kind, most int64) (string, error) {
	data, err := owned.Read(path, kind, most)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s is missing; make it with \"server init\": %w", path, err)
	}
	return strings.TrimSpace(string(data)), err
}

// Policy reads the signer policy that orders are made under. Without a file
// there is none.
func Policy(file string) (x integrity.Excerpt, err error) {
	if file == "" {
		return x, nil
	}
	policy, err := readPolicy(file)
	if err != nil {
		return x, err
	}
	return policy.Excerpt(), nil
}

func readPolicy(file string) (p integrity.Policy, err error) {
	var data []byte
	if err = owned.CheckLinked(file, owned.State); err == nil {
		var info fs.FileInfo
		if info, err = os.Stat(file); err == nil && (!info.Mode().IsRegular() || info.Size() > integrity.MaxPolicy) {
			err = fmt.Errorf("%s is not a file of at most %d bytes", file, integrity.MaxPolicy)
		}
	}
	if err == nil {
		data, err = os.ReadFile(file)
	}
	if err != nil {
		return p, fmt.Errorf("signer policy: %w", err)
	}
	if p, err = integrity.ParsePolicy(data); err != nil {
		return p, fmt.Errorf("%s: %w", file, err)
	}
	return p, nil
}

// Saved says what a backup holds.
type Saved struct {
	sqlstore.Info
	Assets, Jobs int
	Newest       manifest.Revision // the highest of any asset
}

// Backup writes a copy of the database to a new file, also while a server runs,
// and returns what it holds.
func Backup(ctx context.Context, f Files, to string) (Saved, error) {
	if err := sqlstore.Backup(ctx, f.DB, to, time.Now()); err != nil {
		return Saved{}, err
	}
	return saved(ctx, to)
}

// Restore replaces the database by a backup. No server may have the database
// open. It returns what the backup holds, and the new name of the former
// database, empty if there was none. With lossy it accepts a copy of a running
// server's file, which lacks what was in the log.
func Restore(ctx context.Context, dir string, f Files, from string, lossy bool) (s Saved, before string, err error) {
	if err := owned.Folder(dir); err != nil {
		return s, "", err
	}
	if before, err = sqlstore.Restore(ctx, f.DB, from, lossy, time.Now()); err != nil {
		return s, "", err
	}
	s, err = saved(ctx, f.DB)
	return s, before, err
}

func saved(ctx context.Context, path string) (s Saved, err error) {
	store, info, err := sqlstore.OpenBackup(ctx, path)
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	s.Info = info
	_, private, err := ed25519.GenerateKey(nil) // for New; it signs nothing
	if err != nil {
		return s, err
	}
	c, err := controller.New(store, controller.Config{Signer: manifest.NewSigner(private), Zone: time.LoadLocation})
	if err != nil {
		return s, err
	}
	assets := controller.All(func(last controller.AssetStatus) ([]controller.AssetStatus, error) {
		return c.Assets(ctx, last.ID, controller.MaxPage, time.Now())
	})
	for a, err := range assets {
		if err != nil {
			return s, err
		}
		s.Assets, s.Newest = s.Assets+1, max(s.Newest, a.Newest)
	}
	for _, err := range allJobs(ctx, c) {
		if err != nil {
			return s, err
		}
		s.Jobs++
	}
	return s, nil
}

func allJobs(ctx context.Context, c *controller.Controller) iter.Seq2[controller.JobStatus, error] {
	return controller.All(func(last controller.JobStatus) ([]controller.JobStatus, error) {
		return c.Jobs(ctx, last.ID, controller.MaxPage)
	})
}
